import { createPublicKey, type KeyObject } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Checkpoint } from '../../decision/checkpoint.ts';
import { knownPublicKey, SigningKeyError } from '../../signing-key.ts';
import type { VerifyOptions as StoreOptions } from '../../stores/postgres/verify.ts';
import { CommandFailed } from '../context.ts';
import { settingsFor } from '../settings.ts';

/** Checkpoints of a file: years of one a minute. More is not what this was made for. */
const MOST_CHECKPOINTS = 5_000_000;

const line = z.object({
  tenant: z.string(),
  batch: z.string().regex(/^\d{1,18}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  signedAtMs: z.number().int(),
  keyId: z.string(),
  signature: z.string(),
});

export interface CheckOptions {
  readonly dataDir?: string;
  readonly checkpoints?: string;
  readonly publicKey?: readonly string[];
}

/** What checkpoints are held against: the keys that are named, or the one that signs here. */
export async function checkpointCheck(
  options: CheckOptions,
): Promise<Pick<StoreOptions, 'publicKeys' | 'onlyTheseKeys' | 'outside'>> {
  const { checkpoints, publicKey } = options;
  return {
    publicKeys: publicKey ? publicKey.map(readPublicKey) : ownKey(options),
    onlyTheseKeys: publicKey !== undefined,
    outside: checkpoints === undefined ? [] : await readCheckpoints(checkpoints),
  };
}

function ownKey({ dataDir }: CheckOptions): readonly KeyObject[] {
  const settings = settingsFor(dataDir === undefined ? {} : { dataDir });
  try {
    const key = knownPublicKey(settings);
    return key ? [key] : [];
  } catch (error) {
    if (error instanceof SigningKeyError) throw new CommandFailed(error.message);
    throw error;
  }
}

function readPublicKey(path: string): KeyObject {
  try {
    const key = createPublicKey(readFileSync(path));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (error) {
    throw new CommandFailed(`--public-key ${path} cannot be read: ${String(error)}`);
  }
  throw new CommandFailed(`--public-key ${path} is no key of Ed25519.`);
}

async function readCheckpoints(path: string): Promise<readonly Checkpoint[]> {
  const found: Checkpoint[] = [];
  try {
    for await (const text of createInterface({ input: createReadStream(path) })) {
      if (text.trim() === '') continue;
      found.push(checkpointOf(text, `${path}, line ${found.length + 1}`));
      if (found.length > MOST_CHECKPOINTS) {
        throw new CommandFailed(`${path} has more than ${MOST_CHECKPOINTS} checkpoints.`);
      }
    }
  } catch (error) {
    if (error instanceof CommandFailed) throw error;
    throw new CommandFailed(`--checkpoints ${path} cannot be read: ${String(error)}`);
  }
  return found;
}

function checkpointOf(text: string, where: string): Checkpoint {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new CommandFailed(`${where} is not JSON.`);
  }
  const read = line.safeParse(json);
  if (read.success) return { ...read.data, batch: BigInt(read.data.batch) };
  const [issue] = read.error.issues;
  throw new CommandFailed(`${where}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}
