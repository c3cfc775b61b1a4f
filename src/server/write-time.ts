import type { Duration } from '../gen/google/protobuf/duration.ts';

const MS_PER_SECOND = 1_000;
const NANOS_PER_MS = 1_000_000;

/** @param ms rounded up to whole milliseconds; never below 0. */
export function durationOf(ms: number): Duration {
  const whole = Math.max(0, Math.ceil(ms));
  return {
    seconds: BigInt(Math.floor(whole / MS_PER_SECOND)),
    nanos: (whole % MS_PER_SECOND) * NANOS_PER_MS,
  };
}
