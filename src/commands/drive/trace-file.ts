import { createReadStream } from 'node:fs';
import { CommandFailed } from '../context.ts';
import { LineTooLong, linesOf } from './lines.ts';
import { TraceTimes } from './trace-times.ts';

/** One call of a trace. */
export interface TraceRow {
  /** Counted from 0. */
  readonly index: number;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  /** Milliseconds since the epoch; 0 unless it was asked for. */
  readonly atMs: number;
}

export interface ReadTraceOptions {
  /** Read when each call was made, from the column TIMESTAMP. */
  readonly timed?: boolean;
}

const TIME_COLUMN = 'TIMESTAMP';
const INPUT_COLUMN = 'ContextTokens';
const OUTPUT_COLUMN = 'GeneratedTokens';

/** Where the figures are in a row. */
interface Header {
  readonly fields: number;
  readonly input: number;
  readonly output: number;
  /** Undefined when nobody asks. */
  readonly time: number | undefined;
  readonly times: TraceTimes;
}

/**
 * Rows of a trace in the format of the Azure LLM inference traces: CSV without quotes, with a
 * header that names at least ContextTokens and GeneratedTokens. Read as it is used: the file may be
 * larger than the memory.
 * @throws CommandFailed naming the line and the column that cannot be read
 */
export async function* readTrace(path: string): AsyncGenerator<TraceRow> {
  for await (const rows of readTracePages(path)) yield* rows;
}

/** The same, the rows of a piece of the file at once. */
export async function* readTracePages(
  path: string,
  options: ReadTraceOptions = {},
): AsyncGenerator<readonly TraceRow[]> {
  let line = 0;
  let index = 0;
  let header: Header | undefined;
  try {
    for await (const lines of linesOf(createReadStream(path, 'utf8') as AsyncIterable<string>)) {
      const rows: TraceRow[] = [];
      for (const text of lines) {
        line += 1;
        if (header === undefined) header = readHeader(text, path, options);
        else if (text !== '') rows.push(readRow(index++, text, header, { path, line }));
      }
      yield rows;
    }
  } catch (error) {
    throw readFailure(error, path, line + 1);
  }
  if (header === undefined) throw new CommandFailed(`${path}:1: the file is empty.`);
}

/** Reads the whole file once, so that a bad row is found before the first call is made. */
export async function countRows(path: string): Promise<number> {
  let rows = 0;
  for await (const row of readTrace(path)) rows = row.index + 1;
  return rows;
}

const BYTE_ORDER_MARK = '\uFEFF';

function readHeader(text: string, path: string, { timed }: ReadTraceOptions): Header {
  const names = text.replace(BYTE_ORDER_MARK, '').split(',');
  const columnOf = (name: string) => {
    const index = names.indexOf(name);
    if (index >= 0) return index;
    throw new CommandFailed(
      `${path}:1: expected a header with the column ${name}, found "${text.slice(0, 80)}".`,
    );
  };
  return {
    fields: names.length,
    input: columnOf(INPUT_COLUMN),
    output: columnOf(OUTPUT_COLUMN),
    time: timed === true ? columnOf(TIME_COLUMN) : undefined,
    times: new TraceTimes(),
  };
}

interface Place {
  readonly path: string;
  readonly line: number;
}

function readRow(index: number, text: string, header: Header, place: Place): TraceRow {
  const fields = text.split(',');
  if (fields.length !== header.fields) {
    throw new CommandFailed(
      `${place.path}:${place.line}: expected ${header.fields} fields, found ${fields.length}.`,
    );
  }
  return {
    index,
    inputTokens: readTokens(fields, header.input, INPUT_COLUMN, place),
    outputTokens: readTokens(fields, header.output, OUTPUT_COLUMN, place),
    atMs: header.time === undefined ? 0 : readTime(fields, header.time, header.times, place),
  };
}

/** Twelve digits are a trillion tokens in one call. */
const TOKENS = /^\d{1,12}$/;

function readTokens(
  fields: readonly string[],
  at: number,
  column: string,
  { path, line }: Place,
): bigint {
  const field = fields[at] ?? '';
  if (TOKENS.test(field)) return BigInt(field);
  const character = fields.slice(0, at).join(',').length + (at === 0 ? 1 : 2);
  throw new CommandFailed(
    `${path}:${line}:${character}: ${column} must be a whole number, found "${field.slice(0, 40)}".`,
  );
}

function readTime(
  fields: readonly string[],
  at: number,
  times: TraceTimes,
  { path, line }: Place,
): number {
  const field = fields[at] ?? '';
  const timeMs = times.read(field);
  if (!Number.isNaN(timeMs)) return timeMs;
  throw new CommandFailed(
    `${path}:${line}: ${TIME_COLUMN} must be a time in UTC such as 2023-11-16 18:17:03.979, ` +
      `found "${field.slice(0, 40)}".`,
  );
}

function readFailure(error: unknown, path: string, line: number): Error {
  if (error instanceof CommandFailed) return error;
  if (error instanceof LineTooLong) {
    return new CommandFailed(`${path}:${line}: the line is too long; is this a CSV file?`);
  }
  return new CommandFailed(`${path} cannot be read: ${(error as Error).message}`);
}
