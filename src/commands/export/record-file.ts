import type { Writable } from 'node:stream';
import { once } from 'node:events';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import type { DecisionRecord } from '../../gen/tollgate/v1/query_service.ts';
import { CommandFailed } from '../context.ts';

/** Where an export goes. Each write waits until there is room for more. */
export interface Sink {
  write(bytes: string | Uint8Array): Promise<void>;
}

/** Writes records one after the other, and keeps few of them. */
export interface RecordWriter {
  write(record: DecisionRecord): Promise<void>;
  /** Writes what is waiting, and the end of the file. */
  end(): Promise<void>;
}

/** Lends standard output to `use`. */
export async function intoStream<T>(stream: Writable, use: (sink: Sink) => Promise<T>): Promise<T> {
  const write: Sink['write'] = async (bytes) => {
    if (stream.destroyed || stream.write(bytes)) return;
    // Whoever reads the output may stop reading, as `head` does.
    await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
  };
  return use({ write });
}

/**
 * Lends a file to `use`. It takes its name when all of it is written; else nothing is left.
 * @throws CommandFailed when it cannot be written.
 */
export async function intoFile<T>(path: string, use: (sink: Sink) => Promise<T>): Promise<T> {
  const partial = `${path}.partial`;
  const explained = async <U>(work: Promise<U>): Promise<U> => {
    try {
      return await work;
    } catch (error) {
      throw new CommandFailed(`--out: ${path} cannot be written: ${(error as Error).message}`);
    }
  };
  const file = await explained(open(partial, 'w'));
  try {
    const result = await use({ write: (bytes) => explained(wholly(file, bytes)) });
    await explained(file.close());
    await explained(rename(partial, path));
    return result;
  } catch (error) {
    await file.close().catch(() => undefined);
    await unlink(partial).catch(() => undefined);
    throw error;
  }
}

async function wholly(file: FileHandle, bytes: string | Uint8Array): Promise<void> {
  await file.appendFile(bytes);
}
