import {
  addViolation,
  KEEP_VIOLATIONS_MS,
  MAX_VIOLATIONS,
  type Violation,
  type ViolationCount,
} from '../../limits/violation.ts';

/** Tenants at a time; the one that violated longest ago makes room. */
const MAX_TENANTS = 1_000;

/** Violations of limits by tenant. */
export class ViolationTable {
  /** In the order of their last violations. */
  readonly #tenants = new Map<string, Map<string, Violation>>();

  add(tenant: string, counts: readonly ViolationCount[], nowMs: number): readonly Violation[] {
    const known = new Map(this.list(tenant, nowMs).map((one) => [nameOf(one), one]));
    const added = counts.flatMap((count) => {
      const name = nameOf(count);
      if (!known.has(name) && known.size >= MAX_VIOLATIONS) return [];
      const violation = addViolation(known.get(name), count, nowMs);
      known.set(name, violation);
      return [violation];
    });
    this.#tenants.delete(tenant);
    this.#tenants.set(tenant, known);
    for (const oldest of this.#tenants.keys()) {
      if (this.#tenants.size <= MAX_TENANTS) break;
      this.#tenants.delete(oldest);
    }
    return added;
  }

  /** All of a tenant, unless the last is older than they are kept. */
  list(tenant: string, nowMs: number): readonly Violation[] {
    const all = [...(this.#tenants.get(tenant)?.values() ?? [])];
    return all.some(({ lastAtMs }) => nowMs - lastAtMs < KEEP_VIOLATIONS_MS) ? all : [];
  }
}

function nameOf({ limitId, scope }: ViolationCount): string {
  return JSON.stringify([limitId, scope]);
}
