import { formatUsd } from '../../lib/money.ts';
import type { Duration } from '../../gen/google/protobuf/duration.ts';

/** "1,234,567". */
export function grouped(amount: bigint | number): string {
  return amount.toLocaleString('en-US');
}

/** An amount of a unit of the contract, for example "$0.30" or "1,200 input tokens". */
export function amountText(amount: bigint, unit: string): string {
  return unit === 'micro_usd' ? formatUsd(amount) : `${grouped(amount)} ${unitText(unit)}`;
}

/** An amount whose unit is said elsewhere. */
export function figureText(amount: bigint, unit: string): string {
  return unit === 'micro_usd' ? formatUsd(amount) : grouped(amount);
}

/** "input_tokens" as a person says it. */
export function unitText(unit: string): string {
  return unit === 'micro_usd' ? 'USD' : unit.replaceAll('_', ' ');
}

/** Largest first. Days are the largest unit: a month has no fixed length. */
const SPANS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const;

/** A span of time in at most two units, rounded up: "250 ms", "12 s", "1 min", "2 h 5 min". */
export function spanText(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)} ms`;
  const largest = SPANS.findIndex(([, unitMs]) => ms >= unitMs);
  const smallestMs = (SPANS[largest + 1] ?? SPANS[largest] ?? SPANS[0])[1];
  let restMs = Math.ceil(ms / smallestMs) * smallestMs;
  const parts: string[] = [];
  for (const [name, unitMs] of SPANS) {
    const count = Math.floor(restMs / unitMs);
    restMs -= count * unitMs;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
}

export function durationText(duration: Duration): string {
  return spanText(Number(duration.seconds) * 1_000 + duration.nanos / 1e6);
}

/** "2026-11-21 10:00:05 UTC". */
export function timeText(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Thousandths as "80 %" or "80.5 %". */
export function perMilleText(perMille: number): string {
  return `${perMille / 10} %`;
}
