type FreeValues = Readonly<Record<string, unknown>>;

/**
 * Writes values of unknown shape as plain JSON that comes back as it was: numbers that JSON does
 * not have, 64-bit whole numbers and undefined become an object with a single `$…` key, and real
 * keys that begin with `$` get one more. Answers the same object when there is nothing to change,
 * which is nearly always.
 */
export function packFree(values: FreeValues): FreeValues {
  return through(values, packValue, (key) => (key.startsWith('$') ? `$${key}` : key));
}

/** The inverse of `packFree`. */
export function unpackFree(values: FreeValues): FreeValues {
  return through(values, unpackValue, (key) => (key.startsWith('$') ? key.slice(1) : key));
}

function packValue(value: unknown): unknown {
  if (typeof value === 'bigint') return { $: 'bigint', value: value.toString() };
  if (value === undefined) return { $: 'undefined' };
  if (typeof value === 'number') return packNumber(value);
  if (Array.isArray(value)) return throughItems(value, packValue);
  return isFree(value) ? packFree(value) : value;
}

function packNumber(value: number): unknown {
  const survives = Number.isFinite(value) && !Object.is(value, -0);
  return survives ? value : { $: 'number', value: Object.is(value, -0) ? '-0' : String(value) };
}

function unpackValue(value: unknown): unknown {
  if (Array.isArray(value)) return throughItems(value, unpackValue);
  if (!isFree(value)) return value;
  switch (value.$) {
    case 'bigint':
      return BigInt(String(value.value));
    case 'undefined':
      return undefined;
    case 'number':
      return Number(value.value);
    default:
      return unpackFree(value);
  }
}

function throughItems(items: readonly unknown[], each: (item: unknown) => unknown): unknown {
  const mapped = items.map(each);
  return mapped.some((item, index) => item !== items[index]) ? mapped : items;
}

function through(
  values: FreeValues,
  each: (value: unknown) => unknown,
  rename: (key: string) => string,
): FreeValues {
  let changed = false;
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const mapped = each(value);
    const name = rename(key);
    changed ||= mapped !== value || name !== key;
    Object.defineProperty(out, name, { value: mapped, ...PLAIN });
  }
  return changed ? out : values;
}

/** Defined and not assigned, so that a key called `__proto__` stays a key. */
const PLAIN = { enumerable: true, writable: true, configurable: true };

function isFree(value: unknown): value is FreeValues {
  return typeof value === 'object' && value !== null;
}
