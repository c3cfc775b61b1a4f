import { read, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { MAX_LINE_BYTES, readLine } from './line.ts';
import type { Segment } from './segment.ts';

/** Read at once: a few hundred ordinary lines, and always at least one whole line. */
export const CHUNK_BYTES = MAX_LINE_BYTES;

const LINE_FEED = 0x0a;

const readFrom = promisify(read);

export interface ReadLines {
  /** Rows of records, parts of one buffer. */
  readonly rows: readonly Buffer[];
  /** Where to go on. */
  readonly offset: number;
  readonly damagedLines: number;
  /**
   * Bytes at the end of the segment that are no whole line; 0 when the end was not reached or is
   * clean.
   */
  readonly tornBytes: number;
}

/**
 * Reads at most `most` records from `offset` on.
 * @param into CHUNK_BYTES that the rows stay in; fresh memory costs more than reading into it.
 * @throws ENOENT when the segment is gone, or whatever the file system says.
 */
export async function readSegment(
  segment: Segment,
  offset: number,
  most: number,
  into: Buffer,
): Promise<ReadLines> {
  const chunk = await readChunk(segment, offset, into);
  const rows: Buffer[] = [];
  let at = 0;
  let damagedLines = 0;
  while (rows.length < most) {
    const end = chunk.indexOf(LINE_FEED, at);
    if (end === -1) break;
    const row = readLine(chunk.subarray(at, end), segment.fd !== undefined);
    if (row) rows.push(row);
    else damagedLines += 1;
    at = end + 1;
  }
  const read = { rows, offset: offset + at, damagedLines, tornBytes: 0 };
  if (at > 0) return read;
  // No line feed in as much as the longest line: the rest of this chunk is no line of ours.
  if (chunk.length === 0) return { ...read, offset: segment.bytes, damagedLines: 1 };
  const skipped = { ...read, offset: offset + chunk.length };
  const atEnd = skipped.offset >= segment.bytes;
  return atEnd ? { ...skipped, tornBytes: chunk.length } : { ...skipped, damagedLines: 1 };
}

async function readChunk(segment: Segment, offset: number, buffer: Buffer): Promise<Buffer> {
  const length = Math.min(CHUNK_BYTES, segment.bytes - offset);
  if (segment.fd !== undefined) {
    const { bytesRead } = await readFrom(segment.fd, buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }
  const file = await open(segment.path, 'r');
  try {
    const { bytesRead } = await file.read(buffer, 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/**
 * Counts the lines of a file, a few milliseconds for a segment. @throws what the file system says.
 */
export function countLines(path: string): number {
  const bytes = readFileSync(path);
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) {
    lines += 1;
  }
  return lines;
}
