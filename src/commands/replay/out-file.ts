import { type FileHandle, open } from 'node:fs/promises';
import { type LineSide, reasonName, type ReplayedLine } from '../../replay/line.ts';
import { CommandFailed } from '../context.ts';
import { csvLine } from '../text/csv.ts';

const COLUMNS = [
  'time',
  'tenant',
  'agent',
  'team',
  'operation',
  'request_id',
  'decision_id',
  'effect_before',
  'reasons_before',
  'effect',
  'reasons',
  'flip',
  'estimated_micro_usd',
  'committed_before_micro_usd',
  'committed_micro_usd',
] as const;

/** Characters that are written at once. */
const CHUNK = 256 * 1024;

/** One line per decision, in CSV (RFC 4180) or as JSON. */
export interface OutFile {
  write(line: ReplayedLine): void;
  /** Writes what is waiting, when it is much. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a file by the ending of its name, .csv or .jsonl, in the place of what was there.
 * @throws CommandFailed when the name has another ending, or the file cannot be written
 */
export async function openOutFile(path: string): Promise<OutFile> {
  const text = path.endsWith('.csv') ? csvText : path.endsWith('.jsonl') ? jsonText : undefined;
  if (text === undefined) {
    throw new CommandFailed(`--out: expected a name that ends in .csv or .jsonl, found "${path}".`);
  }
  const file = await explained(path, () => open(path, 'w'));
  return outFile(path, file, text, text === csvText ? csvLine(COLUMNS) : '');
}

function outFile(
  path: string,
  file: FileHandle,
  text: (line: ReplayedLine) => string,
  head: string,
): OutFile {
  let waiting = head;
  const flush = async (least: number): Promise<void> => {
    if (waiting.length < least) return;
    const chunk = waiting;
    waiting = '';
    await explained(path, () => file.write(chunk));
  };
  return {
    write: (line) => void (waiting += text(line)),
    flush: () => flush(CHUNK),
    close: async () => {
      try {
        await flush(1);
      } finally {
        await file.close();
      }
    },
  };
}

type Value = string | bigint | undefined;

function valuesOf(line: ReplayedLine): Readonly<Record<(typeof COLUMNS)[number], Value>> {
  const { before, after } = line;
  return {
    time: new Date(line.decidedAtMs).toISOString(),
    tenant: line.tenant,
    agent: line.agent,
    team: line.team,
    operation: line.operation,
    request_id: line.requestId,
    decision_id: line.id,
    effect_before: before.effect,
    reasons_before: reasonsText(before),
    effect: after.effect,
    reasons: reasonsText(after),
    flip: line.flip,
    estimated_micro_usd: after.estimatedMicroUsd,
    committed_before_micro_usd: before.committedMicroUsd,
    committed_micro_usd: after.committedMicroUsd,
  };
}

function reasonsText({ reasons }: LineSide): string {
  return reasons.map(reasonName).join('; ');
}

function csvText(line: ReplayedLine): string {
  const values = valuesOf(line);
  return csvLine(COLUMNS.map((column) => values[column]));
}

/** Amounts are whole numbers of any size; one that nobody knows is null. */
function jsonText(line: ReplayedLine): string {
  const values = valuesOf(line);
  const fields = COLUMNS.map((column) => {
    const value = values[column];
    const text = typeof value === 'string' ? JSON.stringify(value) : `${value ?? 'null'}`;
    return `"${column}":${text}`;
  });
  return `{${fields.join(',')}}\n`;
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CommandFailed(`--out: ${path} cannot be written: ${(error as Error).message}`);
  }
}
