import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import {
  isSignedBy,
  type ChainHead,
  type Checkpoint,
  CheckpointSigner,
} from '../decision/checkpoint.ts';
import type { Checkpoints } from '../decision/ports.ts';
import { ManualClock } from '../lib/clock.ts';
import { startCheckpoints } from './checkpoints.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const head = (batch: bigint): ChainHead => ({ tenant: 'acme', batch, hash: 'ab'.repeat(32) });

/** Answers what the test says; the stores are in test/conformance/ledger. */
function scripted(rounds: (readonly ChainHead[] | 'away')[]) {
  const kept: Checkpoint[] = [];
  const problems: string[] = [];
  const checkpoints: Pick<Checkpoints, 'unsigned' | 'keep'> = {
    unsigned: () => {
      const round = rounds.shift() ?? [];
      return Promise.resolve(round === 'away' ? { kind: 'unavailable', problem: 'away' } : round);
    },
    keep: (signed) => {
      kept.push(...signed);
      return Promise.resolve(signed.length);
    },
  };
  const signing = startCheckpoints({
    checkpoints,
    signer: new CheckpointSigner(privateKey),
    clock: new ManualClock(1_700_000_000_000),
    everyMs: 3_600_000,
    log: { done: () => undefined, failed: (problem) => problems.push(problem) },
  });
  return { kept, problems, signing };
}

test('X12 chains that have grown are signed at once, and a last time at the end', async () => {
  const { kept, problems, signing } = scripted([[head(3n)], [head(9n)]]);
  await signing.stop();
  expect(kept.map(({ batch }) => batch)).toEqual([3n, 9n]);
  expect(kept.every((one) => isSignedBy(one, createPublicKey(privateKey)))).toBe(true);
  expect(problems).toEqual([]);
});

test('a store that is away is told of, at the end as well, and stopping goes on', async () => {
  const { kept, problems, signing } = scripted(['away', 'away']);
  await signing.stop();
  expect(kept).toEqual([]);
  expect(problems).toEqual(['away', 'away']);
});
