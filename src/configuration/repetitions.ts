/**
 * Indexes of the values that were there before; what could not be read is not a number and is
 * passed over.
 */
export function repetitions(values: readonly unknown[]): readonly number[] {
  return values.flatMap((value, index) =>
    typeof value === 'number' && values.indexOf(value) < index ? [index] : [],
  );
}

/** Looks for repetitions also where an entry is wrong, so that every problem is listed at once. */
export function isList({ value }: { readonly value: unknown }): boolean {
  return Array.isArray(value);
}
