import { MAX_COUNT, MAX_COUNTERS, MAX_WINDOW_MS, MAX_WINDOWS } from './bounds.ts';
import type { CounterSpec } from './counter.ts';

/**
 * Checks what the algorithms and their stores rely on. Configuration and edge have checked before,
 * so a failure is a defect of the caller.
 * @throws RangeError naming the counter and what is wrong with it.
 */
export function checkCounters(counters: readonly CounterSpec[]): void {
  if (counters.length > MAX_COUNTERS) throw new RangeError(`more than ${MAX_COUNTERS} counters`);
  const names = new Set<string>();
  for (const counter of counters) {
    const name = `${counter.limitId} ${counter.scope}`;
    const wrong = whatIsWrong(counter);
    if (wrong !== undefined) throw new RangeError(`counter ${name}: ${wrong}`);
    names.add(`${name} ${counter.unit} ${counter.algorithm} ${counter.crossTenant}`);
  }
  if (names.size < counters.length) throw new RangeError('the same counter twice in one call');
}

function whatIsWrong({ algorithm, cost, windows }: CounterSpec): string | undefined {
  if (!isWhole(cost) || cost < 0) return `cost ${cost} is not a whole number ≥ 0`;
  const most = algorithm === 'leases' ? 1 : MAX_WINDOWS;
  if (windows.length < 1 || windows.length > most) return `${windows.length} windows`;
  let shorterMs = 0;
  for (const { lengthMs, limit, burst = limit } of windows) {
    if (!isWhole(lengthMs) || lengthMs > MAX_WINDOW_MS) return `a window of ${lengthMs} ms`;
    if (lengthMs <= shorterMs) return 'its windows are not sorted, shortest first';
    if (!isCount(limit)) return `a limit of ${limit}`;
    if (!isCount(burst)) return `a burst of ${burst}`;
    shorterMs = lengthMs;
  }
  return undefined;
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value);
}

function isCount(value: number): boolean {
  return isWhole(value) && value >= 0 && value <= MAX_COUNT;
}
