import { formatUsd } from '../../lib/money.ts';
import type { Paint } from '../text/paint.ts';
import { tableLines, type Column } from '../text/table.ts';

/** A report before it is written out: for a terminal, as Markdown, or its figures as JSON. */
export interface ReportDocument {
  readonly title: string;
  readonly sections: readonly ReportSection[];
  /** For programs; whole numbers of 64 bits as decimal text. */
  readonly figures: Readonly<Record<string, unknown>>;
}

export interface ReportSection {
  readonly title: string;
  /** Sentences above the table. */
  readonly text: readonly string[];
  readonly table?: ReportTable | undefined;
}

export interface ReportTable {
  readonly columns: readonly Column[];
  /** None: the table is left out. */
  readonly rows: readonly (readonly string[])[];
}

export function terminalLines(document: ReportDocument, paint: Paint): string[] {
  return [
    paint('bold', document.title),
    ...document.sections.flatMap(({ title, text, table }) => [
      '',
      paint('bold', title),
      ...[...text, ...(hasRows(table) ? tableLines(table.columns, table.rows) : [])].map(
        (line) => `  ${line}`,
      ),
    ]),
  ];
}

export function markdownLines({ title, sections }: ReportDocument): string[] {
  return [
    `# ${cell(title)}`,
    ...sections.flatMap(({ title: heading, text, table }) => [
      '',
      `## ${heading}`,
      ...text.flatMap((line) => ['', cell(line)]),
      ...(hasRows(table) ? ['', ...markdownTable(table)] : []),
    ]),
  ];
}

function hasRows(table: ReportTable | undefined): table is ReportTable {
  return table !== undefined && table.rows.length > 0;
}

function markdownTable({ columns, rows }: ReportTable): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [
    line(columns.map(({ title }) => title)),
    `|${columns.map(({ right }) => (right === true ? ' ---: ' : ' --- ')).join('|')}|`,
    ...rows.map(line),
  ];
}

/** Names come from callers; none may end a cell or begin something else. */
function cell(text: string): string {
  return text.replaceAll(/[\\|<>*_`[\]]/g, (character) => `\\${character}`);
}

export const left = (title: string): Column => ({ title });
export const right = (title: string): Column => ({ title, right: true });

/** "-" where there is none. */
export function usdText(amount: bigint | undefined): string {
  return amount === undefined ? '-' : formatUsd(amount);
}

const MICRO_USD_PER_CENT = 10_000n;

/** What is worked out rather than charged, rounded up to cents. */
export function centsText(amount: bigint): string {
  return formatUsd(((amount + MICRO_USD_PER_CENT - 1n) / MICRO_USD_PER_CENT) * MICRO_USD_PER_CENT);
}

/** Thousandths as "12.5 %". */
export function shareText(perMille: bigint | undefined): string {
  if (perMille === undefined) return '-';
  const absolute = perMille < 0n ? -perMille : perMille;
  const tenths = absolute % 10n === 0n ? '' : `.${absolute % 10n}`;
  return `${perMille < 0n ? '-' : ''}${absolute / 10n}${tenths} %`;
}

/** A change with its sign, "+12.5 %". */
export function changeText(perMille: bigint | undefined): string {
  return perMille !== undefined && perMille > 0n ? `+${shareText(perMille)}` : shareText(perMille);
}

/** Figures for JSON: whole numbers of 64 bits as text, what is unknown as null. */
export function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}
