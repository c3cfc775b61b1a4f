import type { WindowStatus } from '../decision/decision.ts';
import { RateStatus } from '../gen/tollgate/v1/verdict.ts';
import { headerItemOf, wholeAmount, wholeSeconds, type HeaderField } from '../limits/headers.ts';
import { WindowMemory } from '../limits/window-memory.ts';
import type { MessageBytes } from './write-bytes.ts';
import { rateStatusOf } from './write-status.ts';

/**
 * The windows of a decision, written without an object for any of them: half of the bytes of an
 * answer are about windows, and most of those are the same in every answer. What comes out is what
 * `rateStatusOf` and `rateLimitHeaders` say; a test holds both equal.
 */

/** Tags in tollgate.v1.Decision. */
const RATE_STATUS = 0x22;
const HEADER = 0x32;
/** Tags in tollgate.v1.RateStatus: what differs from answer to answer. */
const SCOPE = 0x12;
const REMAINING = 0x28;
const RESET_AFTER = 0x32;
const OUTAGE = 0x40;
/** Tags in tollgate.v1.Header. */
const NAME = 0x0a;
const VALUE = 0x12;
/** Tags in google.protobuf.Duration. */
const SECONDS = 0x08;
const NANOS = 0x10;

const MS_PER_SECOND = 1_000;
const NANOS_PER_MS = 1_000_000;

/** What all answers say alike about a window of a limit. */
interface Lasting {
  /** The fields of a RateStatus that do not change. */
  readonly status: Uint8Array;
  /** Its items in RateLimit, up to what is left, and in RateLimit-Policy. */
  readonly state: Uint8Array;
  readonly policy: Uint8Array;
}

const lasting = new WindowMemory((window): Lasting => {
  const { name, policy } = headerItemOf(window);
  const status = rateStatusOf({ ...window, ...UNTOUCHED });
  return {
    status: RateStatus.encode(status).finish(),
    state: Buffer.from(`${name};r=`),
    policy: Buffer.from(policy),
  };
});

/** Fields that are not written. */
const UNTOUCHED = {
  scope: '',
  remaining: 0,
  resetAfterMs: 0,
  violated: false,
  retryAfterMs: 0,
  outage: false,
};

/** Writes `rate_status` of a Decision, and what `rateLimitHeaders` says into its `headers`. */
export function writeWindows(bytes: MessageBytes, windows: readonly WindowStatus[]): void {
  const all = windows.map((window) => lasting.of(window));
  writeRateStatus(bytes, windows, all);
  writeRateLimitHeaders(bytes, windows, all);
}

/** @param all of each window, what lasts. */
function writeRateStatus(
  bytes: MessageBytes,
  windows: readonly WindowStatus[],
  all: readonly Lasting[],
): void {
  for (let index = 0; index < windows.length; index++) {
    const window = windows[index]!;
    const { scope, remaining, resetAfterMs } = window;
    bytes.byte(RATE_STATUS);
    const start = bytes.begin();
    bytes.raw(all[index]!.status);
    if (scope !== '') {
      bytes.byte(SCOPE);
      bytes.text(scope);
    }
    if (remaining >= 1) {
      bytes.byte(REMAINING);
      bytes.varint(Math.floor(remaining));
    }
    if (resetAfterMs > 0) {
      bytes.byte(RESET_AFTER);
      writeDuration(bytes, Math.ceil(resetAfterMs));
    }
    if (window.outage) {
      bytes.byte(OUTAGE);
      bytes.byte(1);
    }
    bytes.end(start);
  }
}

function writeDuration(bytes: MessageBytes, ms: number): void {
  const start = bytes.begin();
  const seconds = Math.floor(ms / MS_PER_SECOND);
  if (seconds > 0) {
    bytes.byte(SECONDS);
    bytes.varint(seconds);
  }
  const nanos = (ms % MS_PER_SECOND) * NANOS_PER_MS;
  if (nanos > 0) {
    bytes.byte(NANOS);
    bytes.varint(nanos);
  }
  bytes.end(start);
}

function writeRateLimitHeaders(
  bytes: MessageBytes,
  windows: readonly WindowStatus[],
  all: readonly Lasting[],
): void {
  const tightest = windows.find(({ outage }) => !outage);
  if (tightest === undefined) return;
  writeNumber(bytes, LIMIT, wholeAmount(tightest.limit));
  writeNumber(bytes, REMAINING_NAME, wholeAmount(tightest.remaining));
  writeNumber(bytes, RESET, wholeSeconds(tightest.resetAfterMs));
  writeList(bytes, STATE, windows, all, writeState);
  writeList(bytes, POLICY, windows, all, writePolicy);
}

/** Writes one more of `headers`. */
export function writeHeader(bytes: MessageBytes, { name, value }: HeaderField): void {
  bytes.byte(HEADER);
  const start = bytes.begin();
  bytes.byte(NAME);
  bytes.text(name);
  bytes.byte(VALUE);
  bytes.text(value);
  bytes.end(start);
}

/** The name of a header as its field, and the tag of its value. */
function named(name: string): Uint8Array {
  return Buffer.from([NAME, name.length, ...Buffer.from(name), VALUE]);
}

const LIMIT = named('X-RateLimit-Limit');
const REMAINING_NAME = named('X-RateLimit-Remaining');
const RESET = named('X-RateLimit-Reset');
const STATE = named('RateLimit');
const POLICY = named('RateLimit-Policy');
const SEPARATOR = Buffer.from(', ');
const RESET_PARAMETER = Buffer.from(';t=');

function writeNumber(bytes: MessageBytes, name: Uint8Array, value: number): void {
  bytes.byte(HEADER);
  const start = bytes.begin();
  bytes.raw(name);
  const valueStart = bytes.begin();
  bytes.decimals(value);
  bytes.end(valueStart);
  bytes.end(start);
}

function writeList(
  bytes: MessageBytes,
  name: Uint8Array,
  windows: readonly WindowStatus[],
  all: readonly Lasting[],
  writeItem: (bytes: MessageBytes, window: WindowStatus, own: Lasting) => void,
): void {
  bytes.byte(HEADER);
  const start = bytes.begin();
  bytes.raw(name);
  const valueStart = bytes.begin();
  let first = true;
  for (let index = 0; index < windows.length; index++) {
    const window = windows[index]!;
    if (window.outage) continue;
    if (!first) bytes.raw(SEPARATOR);
    first = false;
    writeItem(bytes, window, all[index]!);
  }
  bytes.end(valueStart);
  bytes.end(start);
}

function writeState(bytes: MessageBytes, window: WindowStatus, { state }: Lasting): void {
  bytes.raw(state);
  bytes.decimals(wholeAmount(window.remaining));
  if (window.resetAfterMs <= 0) return;
  bytes.raw(RESET_PARAMETER);
  bytes.decimals(wholeSeconds(window.resetAfterMs));
}

function writePolicy(bytes: MessageBytes, _window: WindowStatus, { policy }: Lasting): void {
  bytes.raw(policy);
}
