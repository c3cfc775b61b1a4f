import type { Readable, Writable } from 'node:stream';

/** What a command talks to. Tests give their own streams. */
export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * 0: done. 1: done, and there is something to look at: a denial, a finding, a discrepancy. 2: not
 * done, because of how it was asked, the configuration, or a part that does not answer.
 */
export type ExitCode = 0 | 1 | 2;

/** A command that could not do its work. The message is for people and says what to do. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

const DEFECTS = [TypeError, ReferenceError, RangeError, SyntaxError];

/** Errors that only a mistake in the program throws. */
export function isDefect(error: unknown): boolean {
  return !(error instanceof Error) || DEFECTS.some((kind) => error instanceof kind);
}

/** What every command is registered with. */
export interface CommandContext extends Streams {
  /** Told once, when the command has done its work. */
  exit(code: ExitCode): void;
}

export function printLines(stream: Writable, lines: readonly string[]): void {
  stream.write(`${lines.join('\n')}\n`);
}

/** One line for programs. */
export function printJson(stream: Writable, value: unknown): void {
  stream.write(`${JSON.stringify(value)}\n`);
}
