import { keepDamaged, removeSegment } from './journal-directory.ts';
import type { ReportJournal } from './journal-event.ts';
import { CHUNK_BYTES, readSegment, type ReadLines } from './segment-reader.ts';
import type { Segment } from './segment.ts';

/** The row of a record that waits, and the segment that holds its line. */
export interface Waiting {
  readonly row: Buffer;
  readonly segment: Segment;
}

/**
 * What is on disk and not yet in the Lineage, oldest first. Nothing stays in memory while it waits:
 * rows are read back when they are about to be brought, nearly always from the system's cache.
 * Objects that waited instead would be what fills the old generation of the heap.
 */
export class Backlog {
  readonly #report: ReportJournal;
  #segments: Segment[] = [];
  #head: Waiting[] = [];
  /** Where the head ends: from here on rows have not been read. */
  #tail: { segment: Segment; offset: number } | undefined;
  /** What the head's rows are parts of: it is read again only when none of them is left. */
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #bytes = 0;
  #reading = false;
  #released = false;

  constructor(report: ReportJournal) {
    this.#report = report;
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Records not yet in the Lineage; those of an earlier process count once they are counted. */
  get waiting(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.waiting, 0);
  }

  get inMemory(): number {
    return this.#head.length;
  }

  get segments(): number {
    return this.#segments.length;
  }

  /** Of what has been read. */
  get oldest(): Buffer | undefined {
    return this.#head[0]?.row;
  }

  /** True when nothing waits, in memory or on disk. */
  isEmpty(): boolean {
    return this.#head.length === 0 && this.#isCaughtUp();
  }

  /** Takes over segments of an earlier process, but for those it knows. @returns the new ones. */
  adopt(leftovers: readonly Segment[]): readonly Segment[] {
    const known = new Set(this.#segments.map(({ path }) => path));
    const fresh = leftovers.filter(({ path }) => !known.has(path));
    for (const segment of fresh) this.open(segment);
    return fresh;
  }

  /** A segment begins: it follows all others. */
  open(segment: Segment): void {
    this.#segments.push(segment);
    this.#bytes += segment.bytes;
    this.#tail ??= { segment, offset: 0 };
  }

  /** Lines were appended to the newest segment, `bytes` altogether. */
  took(segment: Segment, records: number, bytes: number): void {
    segment.waiting += records;
    this.#bytes += bytes;
  }

  /** True when everything written is or was in the head. */
  #isCaughtUp(): boolean {
    const last = this.#segments.at(-1);
    if (!last || !this.#tail) return true;
    if (this.#tail.segment === last) return this.#tail.offset === last.bytes;
    if (last.bytes > 0) return false;
    const position = this.#segments.indexOf(this.#tail.segment);
    const between = this.#segments.slice(position + 1, -1);
    return (
      this.#tail.offset === this.#tail.segment.bytes && between.every((one) => one.bytes === 0)
    );
  }

  /** Oldest rows, at most `most`. @throws when the disk cannot be read. */
  async peek(most: number): Promise<readonly Waiting[]> {
    while (this.#head.length === 0 && !this.#isCaughtUp()) await this.#readBack(most);
    return this.#head.slice(0, most);
  }

  async #readBack(most: number): Promise<void> {
    const { segment, offset } = this.#tail!;
    if (offset >= segment.bytes) {
      this.#tail = { segment: this.#next(segment), offset: 0 };
      return;
    }
    this.#reading = true;
    const read = await this.#unlessGone(segment, () =>
      readSegment(segment, offset, most, this.#chunk),
    ).finally(() => {
      this.#reading = false;
      if (this.#released) this.release();
    });
    if (!read) {
      this.#tail = { segment, offset: segment.bytes };
      return;
    }
    this.#head = read.rows.map((row) => ({ row, segment }));
    this.#tail = { segment, offset: read.offset };
    this.#note(segment, read);
  }

  #next(segment: Segment): Segment {
    return this.#segments[this.#segments.indexOf(segment) + 1]!;
  }

  /**
   * A segment that somebody deleted is passed over, loudly: waiting for it would stop the records
   * behind it.
   */
  async #unlessGone<T>(segment: Segment, look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await look();
    } catch (error) {
      if (!isMissing(error)) throw error;
      this.#report({ kind: 'lost', segment: segment.path, records: segment.waiting });
      segment.waiting = 0;
      return undefined;
    }
  }

  #note(segment: Segment, { damagedLines, tornBytes }: ReadLines): void {
    if (tornBytes > 0 && segment.mayBeTorn) {
      this.#report({ kind: 'torn', segment: segment.path, bytes: tornBytes });
    } else if (tornBytes > 0) {
      segment.damagedLines += 1;
    }
    segment.damagedLines += damagedLines;
    segment.waiting = Math.max(segment.waiting - damagedLines, 0);
  }

  /** The first `count` records of the head are in the Lineage. */
  done(count: number): void {
    for (const { segment } of this.#head.splice(0, count)) {
      segment.waiting = Math.max(segment.waiting - 1, 0);
    }
  }

  /**
   * Removes segments of which everything is in the Lineage. @throws when the disk does not let it.
   */
  async sweep(): Promise<void> {
    for (let oldest = this.#finished(); oldest; oldest = this.#finished()) {
      await this.#remove(oldest);
      this.#segments.shift();
      oldest.release();
      this.#bytes -= oldest.bytes;
      if (this.#tail?.segment === oldest) this.#tail = this.#firstPosition();
    }
  }

  /** Lets go of all files, after the read that is under way. */
  release(): void {
    this.#released = true;
    if (this.#reading) return;
    for (const segment of this.#segments) segment.release();
  }

  #finished(): Segment | undefined {
    const oldest = this.#segments[0];
    if (!oldest?.sealed || this.#head[0]?.segment === oldest) return undefined;
    const behind = this.#tail?.segment !== oldest || this.#tail.offset >= oldest.bytes;
    return behind ? oldest : undefined;
  }

  #firstPosition(): { segment: Segment; offset: number } | undefined {
    const first = this.#segments[0];
    return first && { segment: first, offset: 0 };
  }

  async #remove(segment: Segment): Promise<void> {
    try {
      if (segment.damagedLines === 0) {
        await removeSegment(segment);
        return;
      }
      const keptAs = await keepDamaged(segment);
      this.#report({ kind: 'damaged', keptAs, lines: segment.damagedLines });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
