import { closest, distance } from 'fastest-levenshtein';

/** A suggestion further away than this share of the word is a guess, not a help. */
const FARTHEST_SHARE = 0.5;

/**
 * The candidate that somebody who wrote `word` most probably meant, or undefined when none is near.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const lower = candidates.map((one) => one.toLowerCase());
  const best = closest(word.toLowerCase(), lower);
  const isNear =
    distance(word.toLowerCase(), best) <= Math.max(1, Math.floor(best.length * FARTHEST_SHARE));
  return isNear ? candidates[lower.indexOf(best)] : undefined;
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const best = nearest(word, candidates);
  return best === undefined ? '' : `; did you mean "${best}"?`;
}
