import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Call } from './call.ts';

/** What a valid token says: which decision authorized the call. */
export interface TokenClaims {
  readonly decisionId: string;
  readonly expiresAtMs: number;
}

/**
 * Tokens by which Authorize vouches to Reserve that policy and windows were applied to a call. A
 * token is bound to everything of the call that can decide, expires, and names the decision, which
 * the ledger lets hold only once.
 */
export interface GrantTokens {
  sign(call: Call, claims: TokenClaims): string;
  /** The claims, or undefined when the token is not ours, is for another call, or has expired. */
  verify(call: Call, token: string, nowMs: number): TokenClaims | undefined;
}

/** HMAC-SHA-256, truncated to 128 bits (RFC 2104, section 5). */
const MAC_BYTES = 16;

/** @param key at least 32 bytes, the same in every process that serves the same callers */
export function grantTokens(key: Uint8Array): GrantTokens {
  const macOf = (call: Call, { decisionId, expiresAtMs }: TokenClaims): Buffer =>
    createHmac('sha256', key)
      .update(`${decisionId}\n${expiresAtMs}\n${deciding(call)}`)
      .digest()
      .subarray(0, MAC_BYTES);
  return {
    sign: (call, claims) =>
      `${claims.decisionId}.${claims.expiresAtMs}.${macOf(call, claims).toString('base64url')}`,
    verify(call, token, nowMs) {
      const [decisionId = '', expires = '', mac = ''] = token.split('.');
      const claims = { decisionId, expiresAtMs: Number(expires) };
      if (!(claims.expiresAtMs > nowMs)) return undefined;
      const given = Buffer.from(mac, 'base64url');
      if (given.length !== MAC_BYTES) return undefined;
      return timingSafeEqual(given, macOf(call, claims)) ? claims : undefined;
    },
  };
}

/** Everything of a call that policies, limits and budgets can look at, in one unambiguous text. */
function deciding(call: Call): string {
  const { estimate } = call;
  return JSON.stringify([
    call.tenant,
    call.agent,
    call.user,
    call.team,
    call.roles,
    call.environment,
    call.country,
    call.sourceIp,
    call.dataClassification,
    Object.keys(call.attributes).length === 0 ? 0 : sorted(call.attributes),
    String(estimate.costMicroUsd),
    String(estimate.inputTokens),
    String(estimate.outputTokens),
    estimate.complexity,
    estimate.model,
  ]);
}

/** Attributes with keys in order, at every depth: callers may send a map in any order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
