/** Text of these characters alone reads the same inside of a row as it is. */
const PLAIN = /^[\w.:@/+-]+$/;
const QUOTED = /["\\]/g;
/** Postgres cannot store it. */
const NUL = /\0/g;

/**
 * Rows as Postgres reads an array of a composite type: a string each, in which the fields that need
 * it are quoted once more.
 * @param rows fields joined by commas; nothing between two commas means null.
 */
export function rowsText(rows: readonly string[]): string {
  return rows.length === 0 ? '{}' : `{"(${rows.join(')","(')})"}`;
}

/** A text as a field of a row. */
export function fieldText(value: string | undefined): string {
  if (value === undefined) return '';
  if (PLAIN.test(value)) return value;
  return `\\"${value.replace(QUOTED, '\\\\\\$&').replace(NUL, '\ufffd')}\\"`;
}

/** Numbers, or texts of letters, digits and dots, as an array that is a field of a row. */
export function arrayText(values: readonly (number | string)[]): string {
  return `\\"{${values.join()}}\\"`;
}
