import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from './config.ts';

/** Made at the first start where no key is given. It is not in the database that it vouches for. */
const KEY_FILE = 'checkpoint-key.pem';

type KeySettings = Pick<Settings, 'signingKeyFile' | 'dataDir'>;

/** The key cannot be used. The message says what to do. */
export class SigningKeyError extends Error {
  override readonly name = 'SigningKeyError';
}

/**
 * The key that signs checkpoints: the one that is given, or one in the data directory.
 * @throws SigningKeyError
 */
export function openSigningKey(settings: KeySettings): KeyObject {
  const { path, given } = keyFile(settings);
  return readKey(path) ?? (given ? missing(path) : makeKey(path));
}

/** The public half; undefined when there is no key. @throws SigningKeyError */
export function knownPublicKey(settings: KeySettings): KeyObject | undefined {
  const key = readKey(keyFile(settings).path);
  return key && createPublicKey(key);
}

function keyFile({ signingKeyFile, dataDir }: KeySettings): { path: string; given: boolean } {
  const path = signingKeyFile ?? join(dataDir, KEY_FILE);
  return { path, given: signingKeyFile !== undefined };
}

function missing(path: string): never {
  throw new SigningKeyError(
    `TOLLGATE_SIGNING_KEY_FILE: there is no ${path}. Make one: openssl genpkey -algorithm ed25519 -out ${path}`,
  );
}

function readKey(path: string): KeyObject | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new SigningKeyError(`The key that signs checkpoints cannot be read: ${String(error)}`);
  }
  const key = parsed(text);
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new SigningKeyError(`${path} is no private key of Ed25519 in PEM.`);
}

function parsed(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

function makeKey(path: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  try {
    writeFileSync(path, pem, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new SigningKeyError(`The key that signs checkpoints cannot be kept: ${String(error)}`);
  }
  return privateKey;
}
