import type { CheckpointSigner } from '../decision/checkpoint.ts';
import type { Checkpoints, Unavailable } from '../decision/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { startRounds, type RoundLog } from './rounds.ts';

/** Chains signed in one round; a round is a few milliseconds, and the next one takes the rest. */
const MOST_PER_ROUND = 1_000;

export interface CheckpointOptions {
  readonly checkpoints: Pick<Checkpoints, 'unsigned' | 'keep'>;
  readonly signer: CheckpointSigner;
  readonly clock: Clock;
  readonly everyMs: number;
  readonly log: RoundLog;
}

/** Signs every chain that has grown since it was last signed, until stopped, and once then. */
export function startCheckpoints(options: CheckpointOptions): { stop(): Promise<void> } {
  const { everyMs, log } = options;
  const round = (): Promise<number | Unavailable> => signGrown(options);
  const rounds = startRounds({ everyMs, atOnce: true, round, log });
  return {
    async stop() {
      await rounds.stop();
      const last = await round();
      if (typeof last !== 'number') log.failed(last.problem);
    },
  };
}

async function signGrown({
  checkpoints,
  signer,
  clock,
}: CheckpointOptions): Promise<number | Unavailable> {
  const heads = await checkpoints.unsigned(MOST_PER_ROUND);
  if ('kind' in heads) return heads;
  if (heads.length === 0) return 0;
  const nowMs = Math.floor(clock.nowMs());
  return checkpoints.keep(heads.map((head) => signer.sign(head, nowMs)));
}
