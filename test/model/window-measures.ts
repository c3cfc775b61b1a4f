import type { WindowSpec } from '../../src/limits/counter.ts';
import { MeteredLimit, WAYS, windowsFor } from './window-limits.ts';
import type { Way } from './window-limits.ts';
import { Referee } from './window-referee.ts';
import type { Report } from './window-referee.ts';
import { SATURATING, TRAFFIC_NAMES, trafficOf } from './window-traffic.ts';
import type { Load } from './window-traffic.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Windows, and the load for which traffic is made against them. */
export interface Setup {
  readonly name: string;
  readonly windows: readonly WindowSpec[];
  readonly load: Load;
}

/** Lengths that 50 sub-buckets divide and one that they do not. */
export const SECOND = single({ lengthMs: 1_000, limit: 50 });
export const MINUTE = single({ lengthMs: MINUTE_MS, limit: 100 });
export const ODD = single({ lengthMs: 777, limit: 13 });
export const THREE_WINDOWS = setupOf('1 s, 1 min and 1 h at once', [
  { lengthMs: 1_000, limit: 10 },
  { lengthMs: MINUTE_MS, limit: 100 },
  { lengthMs: HOUR_MS, limit: 2_000 },
]);
const SETUPS = [SECOND, MINUTE, ODD, THREE_WINDOWS];

/** What one way to count did with one traffic against one setup. */
export interface Measure extends Report {
  readonly way: Way;
  readonly traffic: string;
  readonly setup: Setup;
}

/** Every way under every traffic against every setup. */
export function measureAll(): readonly Measure[] {
  return SETUPS.flatMap((setup) =>
    TRAFFIC_NAMES.flatMap((traffic) => WAYS.map((way) => measure(way, traffic, setup))),
  );
}

/**
 * The share of its limit that each way lets through to somebody who hammers for a thousand windows.
 * The start, at which all windows are empty, is a thousandth of that.
 */
export function shareAtSaturation(way: Way, { windows, load }: Setup): number {
  const long = { ...load, turns: 1_000 };
  const { window } = long;
  const { admitted } = refereed(way, windows, trafficOf(SATURATING, long));
  return admitted / (window.limit * long.turns);
}

/** Of the limit of the window that stands worst; 0 when none was passed. */
export function overshootPercent({ windows }: Report): number {
  return Math.max(
    0,
    ...windows.map(({ worstUnits, window }) => (100 * (worstUnits - window.limit)) / window.limit),
  );
}

/** Of the length of the window that was earliest. */
export function earliestPercent({ windows }: Report): number {
  return Math.max(...windows.map(({ earliest }) => 100 * earliest));
}

/** The same setup with fewer calls, for stores. */
export function shortened({ load, ...setup }: Setup, change: Partial<Load>): Setup {
  return { ...setup, load: { ...load, ...change } };
}

function measure(way: Way, traffic: string, setup: Setup): Measure {
  const report = refereed(way, setup.windows, trafficOf(traffic, setup.load));
  return { way, traffic, setup, ...report };
}

function refereed(way: Way, windows: readonly WindowSpec[], traffic: Iterable<number>): Report {
  const counted = windowsFor(way, windows);
  const limit = new MeteredLimit(way, counted);
  const referee = new Referee(counted);
  for (const atMs of traffic) referee.hear(atMs, limit.ask(atMs));
  return referee.report();
}

function single(window: WindowSpec): Setup {
  return setupOf(`${window.limit} in ${window.lengthMs} ms`, [window]);
}

/** Aims at the minute, or at the only window there is. */
function setupOf(name: string, windows: readonly WindowSpec[]): Setup {
  const [first, window = first] = windows;
  if (window === undefined) throw new Error('no windows');
  const hammerMs = Math.max(1, Math.round(window.lengthMs / 1_000));
  return { name, windows, load: { window, turns: 200, hammerMs } };
}
