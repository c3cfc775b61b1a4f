import type { Truth } from './verdict.ts';

/**
 * Kleene's strong logic: one `false` settles an AND, else one `unknown` leaves it open. Stops at
 * the first `false`.
 */
export function allOf<T>(items: readonly T[], truthOfItem: (item: T) => Truth): Truth {
  let sum: Truth = 'true';
  for (const item of items) {
    const truth = truthOfItem(item);
    if (truth === 'false') return 'false';
    if (truth === 'unknown') sum = 'unknown';
  }
  return sum;
}

/** The same for an OR: one `true` settles it. */
export function anyOf<T>(items: readonly T[], truthOfItem: (item: T) => Truth): Truth {
  let sum: Truth = 'false';
  for (const item of items) {
    const truth = truthOfItem(item);
    if (truth === 'true') return 'true';
    if (truth === 'unknown') sum = 'unknown';
  }
  return sum;
}

export function not(truth: Truth): Truth {
  if (truth === 'unknown') return 'unknown';
  return truth === 'true' ? 'false' : 'true';
}

export function truthOf(holds: boolean): Truth {
  return holds ? 'true' : 'false';
}
