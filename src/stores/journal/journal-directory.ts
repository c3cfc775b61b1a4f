import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs';
import { appendFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DirectoryLock } from './directory-lock.ts';
import { countLines } from './segment-reader.ts';
import { SegmentWriter, type Segment } from './segment.ts';

const SUFFIX = '.journal';
const SEQUENCE_DIGITS = 8;

/** A directory held by this process, and the names in it. Segment names sort by age. */
export class JournalDirectory {
  readonly #path: string;
  readonly #lock: DirectoryLock;
  readonly #prefix: string;
  #sequence = 0;

  private constructor(path: string, lock: DirectoryLock, prefix: string) {
    this.#path = path;
    this.#lock = lock;
    this.#prefix = prefix;
  }

  /** Creates the directory when it is missing. @throws when it cannot be written or is in use. */
  static open(path: string, nowMs: number): JournalDirectory {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const lock = DirectoryLock.acquire(path);
    const started = String(nowMs).padStart(14, '0');
    const prefix = `${started}-${process.pid}-${randomBytes(3).toString('hex')}`;
    return new JournalDirectory(path, lock, prefix);
  }

  /** Segments that earlier processes left, oldest first. */
  leftovers(): Segment[] {
    const names = readdirSync(this.#path).filter((name) => name.endsWith(SUFFIX));
    const paths = names.sort().map((name) => join(this.#path, name));
    return paths.map((path, index) => ({
      path,
      bytes: statSync(path).size,
      waiting: countLines(path),
      damagedLines: 0,
      // Each process may have been killed while it wrote its last segment, and only that one.
      mayBeTorn: writerOf(path) !== writerOf(paths[index + 1] ?? ''),
      sealed: true,
      fd: undefined,
      release: () => undefined,
    }));
  }

  /** @param durable makes the new name itself survive a loss of power. */
  create(durable: boolean): SegmentWriter {
    this.#sequence += 1;
    const sequence = String(this.#sequence).padStart(SEQUENCE_DIGITS, '0');
    const writer = new SegmentWriter(join(this.#path, `${this.#prefix}-${sequence}${SUFFIX}`));
    if (durable) this.#syncNames();
    return writer;
  }

  #syncNames(): void {
    const fd = openSync(this.#path, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  release(): void {
    this.#lock.release();
  }
}

/** What the names of one process's segments have in common. */
function writerOf(path: string): string {
  return path.slice(0, path.lastIndexOf('-'));
}

export async function removeSegment(segment: Segment): Promise<void> {
  await unlink(segment.path);
}

/** Keeps a damaged segment for a person to look at. @returns its new path. */
export async function keepDamaged(segment: Segment): Promise<string> {
  const keptAs = `${segment.path}.corrupt`;
  await rename(segment.path, keptAs);
  return keptAs;
}

/** Keeps a line that the Lineage does not take. @returns where. */
export async function keepRejected(segment: Segment, line: Buffer): Promise<string> {
  const keptAs = `${segment.path}.rejected`;
  await appendFile(keptAs, line, { mode: 0o600 });
  return keptAs;
}
