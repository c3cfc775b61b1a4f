import { hash } from 'node:crypto';
import { BUILT_IN_DEFAULTS, type EnvironmentDefaults } from './environment-defaults.ts';

const DIGEST_LENGTH = 8;

/**
 * Names the content of a configuration: the first 8 hex digits of the SHA-256 of the file.
 * Variables that change what the file means are part of the content, so that one revision never
 * stands for two sets of rules.
 */
export function digestOf(text: string, environmentDefaults: EnvironmentDefaults): string {
  const environment = textOf(environmentDefaults);
  const content = environment === textOf(BUILT_IN_DEFAULTS) ? text : `${text}\0${environment}`;
  return hash('sha256', content, 'hex').slice(0, DIGEST_LENGTH);
}

function textOf(defaults: EnvironmentDefaults): string {
  const plain = (_key: string, value: unknown): unknown =>
    typeof value === 'bigint' ? `${value}` : value;
  return JSON.stringify(defaults, plain);
}

export interface RevisionOptions {
  /** `revision:` of the file. */
  readonly written: number | undefined;
  /** When the file was changed. */
  readonly changedAtMs: number;
  /** In force until now; undefined on the first load. */
  readonly previous: bigint | undefined;
}

/**
 * The number written in the file, else the time of its last change: always above the one before.
 */
export function revisionNumberOf({ written, changedAtMs, previous }: RevisionOptions): bigint {
  if (written !== undefined) return BigInt(written);
  const changed = BigInt(Math.max(1, Math.floor(changedAtMs)));
  return previous !== undefined && changed <= previous ? previous + 1n : changed;
}
