import { createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto';

/** Where the chain of a tenant stood. */
export interface ChainHead {
  readonly tenant: string;
  readonly batch: bigint;
  /** SHA-256 of the batch, in hexadecimal. */
  readonly hash: string;
}

/**
 * A chain's head under a signature (Ed25519). Who keeps one elsewhere can show later that history
 * up to it was not rewritten, whoever had the database.
 */
export interface Checkpoint extends ChainHead {
  readonly signedAtMs: number;
  /** SHA-256 of the public key, the first 16 bytes in hexadecimal. */
  readonly keyId: string;
  /** Base64url. */
  readonly signature: string;
}

/** Signs with one key. */
export class CheckpointSigner {
  readonly keyId: string;
  readonly #key: KeyObject;

  /** @param key a private key of Ed25519. */
  constructor(key: KeyObject) {
    this.#key = key;
    this.keyId = keyIdOf(createPublicKey(key));
  }

  sign(head: ChainHead, signedAtMs: number): Checkpoint {
    const unsigned = { ...head, signedAtMs, keyId: this.keyId };
    const signature = sign(null, signedText(unsigned), this.#key).toString('base64url');
    return { ...unsigned, signature };
  }
}

export function isSignedBy(checkpoint: Checkpoint, publicKey: KeyObject): boolean {
  const signature = Buffer.from(checkpoint.signature, 'base64url');
  return verify(null, signedText(checkpoint), publicKey, signature);
}

export function keyIdOf(publicKey: KeyObject): string {
  const bytes = publicKey.export({ type: 'spki', format: 'der' });
  return hash('sha256', bytes, 'hex').slice(0, 32);
}

function signedText(checkpoint: Omit<Checkpoint, 'signature'>): Buffer {
  const { tenant, batch, hash: sealed, signedAtMs, keyId } = checkpoint;
  const text = `tollgate checkpoint 1\n${tenant}\n${batch}\n${sealed}\n${signedAtMs}\n${keyId}\n`;
  return Buffer.from(text);
}
