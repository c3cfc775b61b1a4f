import { crc32 } from 'node:zlib';

/**
 * One line of a segment: eight hex digits of the CRC-32 of the row, a space, the row of one record
 * (record-row.ts, in UTF-8), a line feed. The sum tells a line that was written from one that was
 * damaged; the line feed tells it from one half written.
 */
const SUM_BYTES = 9;

/** Longest record. A call's message is bounded far below it; the reader relies on it. */
export const MAX_RECORD_BYTES = 1024 * 1024;

/** Longest line: what a reader has to be able to see at once. */
export const MAX_LINE_BYTES = SUM_BYTES + MAX_RECORD_BYTES + 1;

const LINE_FEED = 0x0a;
const SPACE = 0x20;

/**
 * Writes the line of a record's row at `offset`.
 * @returns bytes written, or 0 when the buffer ends before the line does.
 */
export function writeLine(row: string, buffer: Buffer, offset: number): number {
  // A UTF-16 unit is at most three bytes of UTF-8: measured exactly only where the buffer might
  // end.
  const room = buffer.length - offset - SUM_BYTES - 1;
  if (row.length * 3 > room && Buffer.byteLength(row) > room) return 0;
  const start = offset + SUM_BYTES;
  const end = start + buffer.write(row, start);
  writeSum(crc32(buffer.subarray(start, end)), buffer, offset);
  buffer[start - 1] = SPACE;
  buffer[end] = LINE_FEED;
  return end + 1 - offset;
}

/**
 * The row of a line without its line feed; undefined when it is damaged.
 * @param trusted this process wrote it and had the file open ever since.
 */
export function readLine(line: Buffer, trusted: boolean): Buffer | undefined {
  if (trusted) return line.subarray(SUM_BYTES);
  if (line.length <= SUM_BYTES || line[SUM_BYTES - 1] !== SPACE) return undefined;
  const row = line.subarray(SUM_BYTES);
  return line.toString('latin1', 0, SUM_BYTES - 1) === sumOf(row) ? row : undefined;
}

const HEX = Buffer.from('0123456789abcdef');
const BITS_OF_DIGIT = 4;

function writeSum(sum: number, buffer: Buffer, offset: number): void {
  for (let digit = 0; digit < SUM_BYTES - 1; digit++) {
    const shift = (SUM_BYTES - 2 - digit) * BITS_OF_DIGIT;
    buffer[offset + digit] = HEX[(sum >>> shift) & 0xf]!;
  }
}

function sumOf(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}
