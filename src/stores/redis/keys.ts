import type { Algorithm, CounterSpec } from '../../limits/counter.ts';

/**
 * Every key that Tollgate keeps in Redis.
 *
 *   <prefix>:{<tenant>}|<kind>|<unit>|<limit id>|<scope>   one limit on one scope
 *   <prefix>:{*}|<kind>|<unit>|<limit id>|<scope>          the same, shared by all tenants
 *   <prefix>:{<tenant>}|v|<request id>                     the verdict on one request
 *   <prefix>:{<tenant>}|o|<call id>                        what an open call took
 *   <prefix>:{<tenant>}|x                                  its violations of limits
 *   <prefix>:{*}|e                                         the epoch; on a cluster {<tenant>}|e
 *
 * The kind says how it is counted: w strict, p weighted, c calendar, b token bucket, l leases.
 *
 * The braces are a hash tag: everything of a tenant lies on one slot of a cluster, so a script over
 * it is atomic there. Counters that all tenants share lie on the slot of `{*}`, which no tenant can
 * be named. One Redis, or a primary with replicas, takes any of them in one script, and all or
 * nothing is exact across tenants too. On a cluster it is exact within a tenant only; cross-tenant
 * counters have script calls of their own there, with verdicts and calls beside them on `{*}`.
 *
 * Nothing in a name depends on time: a counter has one key for good, and Redis forgets it when
 * nobody calls.
 */
export class RedisKeys {
  readonly #prefix: string;
  readonly #part: KeysPart;

  /**
   * @param part shared: verdicts and calls lie beside the counters that all tenants share.
   * @throws RangeError when the prefix could be mistaken for a part of a key.
   */
  constructor(prefix: string, part: KeysPart = 'tenant') {
    this.#part = part;
    if (!PREFIX.test(prefix)) throw new RangeError(`not a key prefix: "${prefix}"`);
    this.#prefix = prefix;
  }

  entity(tenant: string, counter: CounterSpec): string {
    const owner = counter.crossTenant ? ALL_TENANTS : safe(tenant);
    const { algorithm, unit, limitId, scope } = counter;
    return `${this.#prefix}:{${owner}}|${KINDS[algorithm]}|${safe(unit)}|${safe(limitId)}|${safe(scope)}`;
  }

  verdict(tenant: string, requestId: string): string {
    return this.#own(tenant, 'v', requestId);
  }

  call(tenant: string, callId: string): string {
    return this.#own(tenant, 'o', callId);
  }

  violations(tenant: string): string {
    return `${this.#prefix}:{${this.slotOf(tenant)}}|x`;
  }

  /** @param slot of `slotOf`; '' where one server has all. */
  epoch(slot: string): string {
    return `${this.#prefix}:{${slot || ALL_TENANTS}}|e`;
  }

  /** What is in the braces of all keys of a tenant's requests. */
  slotOf(tenant: string): string {
    return this.#part === 'shared' ? ALL_TENANTS : safe(tenant);
  }

  #own(tenant: string, kind: 'v' | 'o', id: string): string {
    const slot = this.slotOf(tenant);
    const whose = this.#part === 'shared' ? `${safe(tenant)}|` : '';
    return `${this.#prefix}:{${slot}}|${kind}|${whose}${safe(id)}`;
  }
}

/** Whose keys: of a tenant, or of the counters that all tenants share. */
export type KeysPart = 'tenant' | 'shared';

const KINDS: Readonly<Record<Algorithm, string>> = {
  strict: 'w',
  weighted: 'p',
  calendar: 'c',
  token_bucket: 'b',
  leases: 'l',
};

const PREFIX = /^[A-Za-z0-9._:@/-]{1,64}$/;
const ALL_TENANTS = '*';
const PLAIN = /^[A-Za-z0-9._:@/-]+$/;
const NOT_PLAIN = /[^A-Za-z0-9._:@/-]/g;

/**
 * Text that holds none of the signs that keys are built with. Different texts stay different: a
 * percent sign is itself escaped, and an escape is as long as its first sign says.
 */
function safe(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(NOT_PLAIN, (sign) => `%${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
