import { readFile, stat } from 'node:fs/promises';
import { MAX_FILE_BYTES } from './bounds.ts';
import type { Problem } from './problem.ts';

/**
 * What a file looks like from outside; it differs after every change of it, or of a link that leads
 * to it.
 */
export interface Look {
  readonly signature: string;
  readonly changedAtMs: number;
  /** Why it cannot be read, or undefined when it probably can. */
  readonly problem: Problem | undefined;
}

interface Unreadable {
  readonly kind: 'unreadable';
  readonly problem: Problem;
}

type FileBytes = { readonly kind: 'bytes'; readonly bytes: Uint8Array } | Unreadable;
export type FileText = { readonly kind: 'text'; readonly text: string } | Unreadable;

/** Looks at a file, through links, without reading it. */
export async function lookAt(file: string): Promise<Look> {
  try {
    const stats = await stat(file, { bigint: true });
    const { dev, ino, size, mtimeNs, ctimeNs } = stats;
    return {
      signature: [dev, ino, size, mtimeNs, ctimeNs].join('-'),
      changedAtMs: Number(stats.mtimeMs),
      problem: stats.isFile() ? sizeProblem(file, size) : problemOf(file, 'expected a file'),
    };
  } catch (error) {
    const problem = problemOf(file, reasonOf(error));
    return { signature: problem.message, changedAtMs: 0, problem };
  }
}

export async function readBytes(file: string): Promise<FileBytes> {
  try {
    return { kind: 'bytes', bytes: await readFile(file) };
  } catch (error) {
    return { kind: 'unreadable', problem: problemOf(file, reasonOf(error)) };
  }
}

export async function readText(file: string): Promise<FileText> {
  const content = await readBytes(file);
  return content.kind === 'unreadable' ? content : decodeText(content.bytes, file);
}

/** @param file whose bytes they are, for the problem when they are no text. */
export function decodeText(bytes: Uint8Array, file: string): FileText {
  try {
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    return { kind: 'unreadable', problem: problemOf(file, reasonOf(error)) };
  }
}

function sizeProblem(file: string, size: bigint): Problem | undefined {
  return size <= MAX_FILE_BYTES
    ? undefined
    : problemOf(file, `the file is larger than ${MAX_FILE_BYTES} bytes`);
}

function problemOf(file: string, message: string): Problem {
  return { file, line: 1, column: 1, field: '', message };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read the file',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'the file is not UTF-8 text',
};

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return REASONS[code] ?? `the file cannot be read: ${code || String(error)}`;
}
