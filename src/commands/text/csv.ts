/**
 * A line of CSV as RFC 4180 says. Text that a spreadsheet would take for a formula begins with an
 * apostrophe, which spreadsheets do not show; numbers stay as they are.
 */
export function csvLine(cells: readonly (string | number | bigint | undefined)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

const FORMULA = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;

/** One cell of such a line. */
export function csvCell(cell: string | number | bigint | undefined): string {
  if (typeof cell !== 'string') return cell === undefined ? '' : String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
