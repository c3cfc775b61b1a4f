import { hash } from 'node:crypto';
import type { CallRead } from './read-call.ts';

/**
 * No text that is read holds a control character, except prose, which therefore always comes last.
 */
const BETWEEN_FIELDS = '\n';
const BETWEEN_ITEMS = '\t';

const FULL_CHARS = 21;
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/**
 * The 22nd character carries the last 2 of 128 bits; its other 4 bits are 0, so that the text is
 * canonical.
 */
const LAST_CHARS = ['A', 'Q', 'g', 'w'] as const;

/**
 * 128 bits of SHA-256 over the canonical text of what a request asks, as 22 characters of
 * base64url. Taken after reading, so that an absent field and its default are one body, and two
 * orders of a map are one body.
 */
export function fingerprintOf(canonical: string): string {
  const digest = hash('sha256', canonical, 'base64url');
  const last = BASE64URL.indexOf(digest.charAt(FULL_CHARS)) >> 4;
  return digest.slice(0, FULL_CHARS) + (LAST_CHARS[last] ?? 'A');
}

/** Joins the fields of a request; the position tells which is which. */
export function canonicalText(...fields: readonly (string | number | bigint | boolean)[]): string {
  return fields.join(BETWEEN_FIELDS);
}

/**
 * The canonical text of a call. The tenant is in it; the request id is the key that it is kept
 * under, and is not. Neither is personal data: it can be guessed, and then a hash of it is a copy
 * that no erasure reaches.
 */
export function canonicalCall({ call, canonicalAttributes }: CallRead): string {
  const { estimate } = call;
  return `${call.tenant}
${call.agent}
${call.agentVersion}
${call.user}
${call.team}
${call.roles.join(BETWEEN_ITEMS)}
${call.system}
${call.environment}
${call.country}
${call.dataClassification.join(BETWEEN_ITEMS)}
${call.parentTraceId}
${call.consent}
${estimate.costMicroUsd ?? ''}
${estimate.inputTokens}
${estimate.outputTokens}
${estimate.complexity}
${estimate.model}
${canonicalAttributes}`;
}
