import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { CounterSpec } from '../../limits/counter.ts';
import { RedisKeys } from './keys.ts';

const keys = new RedisKeys('tollgate');
const text = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9._:@/-]{1,12}$/),
  fc.stringMatching(/^[|{}%*:a0-9]{1,8}$/),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }),
);
const owner = fc.record({
  tenant: text,
  crossTenant: fc.boolean(),
  algorithm: fc.constantFrom('strict', 'weighted', 'leases'),
  unit: fc.constantFrom('requests', 'tokens', 'concurrency'),
  limitId: text,
  scope: text,
});

type Owner = typeof owner extends fc.Arbitrary<infer T> ? T : never;

function entityKey({ tenant, ...names }: Owner): string {
  const spec: CounterSpec = { ...names, windows: [], cost: 1, onOutage: 'deny', localPerMille: 0 };
  return keys.entity(tenant, spec);
}

/** What a cluster hashes. */
function tagOf(key: string): string | undefined {
  return /\{([^}]+)\}/.exec(key)?.[1];
}

describe('Redis keys', () => {
  it('R76 different counters have different keys, whatever their texts hold', () => {
    fc.assert(
      fc.property(owner, owner, (a, b) => {
        const same =
          a.crossTenant === b.crossTenant &&
          (a.crossTenant || a.tenant === b.tenant) &&
          a.algorithm === b.algorithm &&
          a.unit === b.unit &&
          a.limitId === b.limitId &&
          a.scope === b.scope;
        expect(entityKey(a) === entityKey(b)).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  it('all keys of a tenant share one hash tag that no other tenant has', () => {
    fc.assert(
      fc.property(owner, text, text, (names, requestId, other) => {
        const tag = tagOf(keys.verdict(names.tenant, requestId));
        const entity = tagOf(entityKey(names));
        expect(entity).toBe(names.crossTenant ? '*' : tag);
        expect(tag).not.toBe('*');
        expect(tagOf(keys.verdict(other, requestId)) === tag).toBe(other === names.tenant);
      }),
      { numRuns: 500 },
    );
  });

  it('verdicts and counters never meet, and names are plain to read', () => {
    const spec = {
      unit: 'requests',
      algorithm: 'strict',
      limitId: 'per-user',
      scope: 'team:hr/agent:a1@x',
    } as const;
    expect(entityKey({ tenant: 'acme', crossTenant: false, ...spec })).toBe(
      'tollgate:{acme}|w|requests|per-user|team:hr/agent:a1@x',
    );
    expect(entityKey({ tenant: 'acme', crossTenant: true, ...spec })).toBe(
      'tollgate:{*}|w|requests|per-user|team:hr/agent:a1@x',
    );
    expect(keys.verdict('acme', 'r 1')).toBe('tollgate:{acme}|v|r%00201');
  });
});
