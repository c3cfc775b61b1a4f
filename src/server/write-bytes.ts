const FIRST_BYTES = 16 * 1024;
/** A varint takes at most ten bytes, a whole number in decimals at most sixteen. */
const NUMBER_BYTES = 16;
/** The digit, in ASCII. */
const ZERO = 0x30;
/** A UTF-16 unit takes at most three bytes of UTF-8. */
const UTF8_PER_UNIT = 3;
/** The longest content whose length takes one byte. */
const ONE_BYTE_LENGTH = 0x7f;
/** Below this, a loop over bytes is quicker than a call that copies them. */
const SHORT_CHUNK = 64;

/**
 * Room for one protobuf message at a time (https://protobuf.dev/programming-guides/encoding/),
 * used again for the next: it grows a few times in its life, and no part of a message becomes an
 * object. Tags are given as they go over the wire: field number times 8, plus the wire type.
 */
export class MessageBytes {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;

  /** Begins a new message. */
  clear(): void {
    this.#at = 0;
  }

  /** What was written since `clear`, in a buffer of its own. */
  copy(): Buffer {
    const copy = Buffer.allocUnsafe(this.#at);
    this.#bytes.copy(copy, 0, 0, this.#at);
    return copy;
  }

  /** Bytes that are encoded already. */
  raw(chunk: Uint8Array): void {
    const { length } = chunk;
    const bytes = this.#room(length);
    const at = this.#at;
    if (length > SHORT_CHUNK) bytes.set(chunk, at);
    else for (let index = 0; index < length; index++) bytes[at + index] = chunk[index]!;
    this.#at = at + length;
  }

  /** One byte, or a tag below 128. */
  byte(value: number): void {
    this.#room(1)[this.#at++] = value;
  }

  /** @throws RangeError when the value is not a whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) throw new RangeError(`no varint: ${value}`);
    const bytes = this.#room(NUMBER_BYTES);
    let rest = value;
    while (rest > 0x7f_ff_ff_ff) {
      bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest > 0x7f) {
      bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[this.#at++] = rest;
  }

  /** The digits of a whole number from 0 to 2^53 - 1, as text. */
  decimals(value: number): void {
    const bytes = this.#room(NUMBER_BYTES);
    let end = this.#at + 1;
    for (let most = 10; most <= value; most *= 10) end += 1;
    let at = end;
    let rest = value;
    while (rest > 0x7f_ff_ff_ff) {
      const tenth = Math.floor(rest / 10);
      bytes[--at] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    while (at > this.#at) {
      const tenth = (rest / 10) | 0;
      bytes[--at] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    this.#at = end;
  }

  /** A text with its length in front; what is no Unicode becomes U+FFFD. */
  text(value: string): void {
    const { length } = value;
    const bytes = this.#room(UTF8_PER_UNIT * length + NUMBER_BYTES);
    const start = this.begin();
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) {
        this.#at = start + bytes.write(value, start);
        break;
      }
      bytes[this.#at++] = code;
    }
    this.end(start);
  }

  /** Begins content whose length goes in front. @returns what `end` has to be given. */
  begin(): number {
    this.byte(0);
    return this.#at;
  }

  /** Writes the length of what came since `begin`. */
  end(start: number): void {
    const length = this.#at - start;
    if (length > ONE_BYTE_LENGTH) {
      // Room for one byte was left.
      const extra = lengthBytes(length) - 1;
      this.#room(extra).copyWithin(start + extra, start, this.#at);
    }
    this.#at = start - 1;
    this.varint(length);
    this.#at += length;
  }

  #room(more: number): Buffer {
    const needed = this.#at + more;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#at);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) bytes += 1;
  return bytes;
}
