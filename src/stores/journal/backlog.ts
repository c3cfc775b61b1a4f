import type { DecisionRecord } from '../../decision/record.ts';
import { keepDamaged, removeSegment } from './journal-directory.ts';
import type { ReportJournal } from './journal-event.ts';
import { readSegment, type ReadLines } from './segment-reader.ts';
import type { Segment } from './segment.ts';

/** A record that waits in memory, and the segment that holds its line. */
export interface Waiting {
  readonly record: DecisionRecord;
  readonly segment: Segment;
}

/**
 * What is on disk and not yet in the Lineage, oldest first. Its head is in memory, at most
 * `inMemory` records; what comes after the head is read back from disk when the head is gone. While
 * the head reaches to the end of what is written, new records join it without being read back.
 */
export class Backlog {
  readonly #inMemory: number;
  readonly #report: ReportJournal;
  #segments: Segment[] = [];
  #head: Waiting[] = [];
  /** Where the head ends: everything from here on is on disk only. */
  #tail: { segment: Segment; offset: number } | undefined;
  #bytes = 0;

  constructor(inMemory: number, report: ReportJournal) {
    this.#inMemory = inMemory;
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

  get oldest(): DecisionRecord | undefined {
    return this.#head[0]?.record;
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
  took(segment: Segment, records: readonly DecisionRecord[], bytes: number): void {
    const follows = this.#isCaughtUp(bytes);
    segment.waiting += records.length;
    this.#bytes += bytes;
    if (!follows || this.#head.length + records.length > this.#inMemory) return;
    for (const record of records) this.#head.push({ record, segment });
    this.#tail = { segment, offset: segment.bytes };
  }

  /** True when everything written, but for the last `lastBytes` of it, is or was in the head. */
  #isCaughtUp(lastBytes = 0): boolean {
    const last = this.#segments.at(-1);
    if (!last || !this.#tail) return true;
    if (this.#tail.segment === last) return this.#tail.offset === last.bytes - lastBytes;
    if (last.bytes > lastBytes) return false;
    const position = this.#segments.indexOf(this.#tail.segment);
    const between = this.#segments.slice(position + 1, -1);
    return (
      this.#tail.offset === this.#tail.segment.bytes && between.every((one) => one.bytes === 0)
    );
  }

  /**
   * Oldest records, at most `most`, read back from disk when none is in memory. @throws when the
   * disk cannot be read.
   */
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
    const read = await this.#unlessGone(segment, () => readSegment(segment, offset, most));
    if (!read) {
      this.#tail = { segment, offset: segment.bytes };
      return;
    }
    this.#head = read.records.map((record) => ({ record, segment }));
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
      this.#bytes -= oldest.bytes;
      if (this.#tail?.segment === oldest) this.#tail = this.#firstPosition();
    }
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
