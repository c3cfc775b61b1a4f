/** An object of plain JSON; what is undefined in it is left out. */
export type Json = Readonly<Record<string, unknown>>;

/**
 * What JSON may say and jsonb does not take: NUL and lone surrogates. Any other escape is passed
 * over whole.
 */
const ESCAPE = /\\(?:u0000|ud[89a-f][0-9a-f]{2}|.)/g;
const REFUSED = /^\\u(?:0000|d[89a-f])/;

/** Writes a value as JSON that jsonb takes; characters that Postgres cannot store become U+FFFD. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes('\\u0000') && !text.includes('\\ud')) return text;
  return text.replace(ESCAPE, (escape) => (REFUSED.test(escape) ? '\\ufffd' : escape));
}
