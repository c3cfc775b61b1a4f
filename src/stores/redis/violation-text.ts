import type { Violation, ViolationCount } from '../../limits/violation.ts';

/** A limit and a scope as the name of a field. */
export function fieldOf({ limitId, scope }: Pick<ViolationCount, 'limitId' | 'scope'>): string {
  return JSON.stringify([limitId, scope]);
}

/** Reads a field and its value as lua/violate.lua writes them; undefined when they are not ours. */
export function violationOf(field: string, value: string): Violation | undefined {
  const [count, firstAtMs, lastAtMs, minutesInRow, windowMs] = value.split(' ').map(Number);
  const names = namesIn(field);
  if (names === undefined || count === undefined || firstAtMs === undefined) return undefined;
  if (lastAtMs === undefined || minutesInRow === undefined || windowMs === undefined) {
    return undefined;
  }
  const [limitId, scope] = names;
  return { limitId, scope, windowMs, count, firstAtMs, lastAtMs, minutesInRow };
}

function namesIn(field: string): readonly [string, string] | undefined {
  try {
    const names: unknown = JSON.parse(field);
    if (!Array.isArray(names)) return undefined;
    const [limitId, scope] = names as readonly unknown[];
    return typeof limitId === 'string' && typeof scope === 'string' ? [limitId, scope] : undefined;
  } catch {
    return undefined;
  }
}
