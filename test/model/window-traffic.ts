import type { WindowSpec } from '../../src/limits/counter.ts';
import { randomFrom } from '../support/random-from.ts';

/** What traffic is made for. */
export interface Load {
  /** The window that the traffic is aimed at. */
  readonly window: WindowSpec;
  /** For how many lengths of the window it goes on. */
  readonly turns: number;
  /** Between two calls of a caller that hammers; whole milliseconds. */
  readonly hammerMs: number;
}

/** Times of calls, in ms since the epoch, never falling. */
type Shape = (load: Load, random: () => number) => Iterable<number>;

/** A whole hour, so that windows of an hour, a minute and a second begin here. */
const HOUR_START_MS = 1_790_002_800_000;
const SEED = 20_261_121;
const SUB_BUCKETS = 50;

/** The shapes of traffic by the names under which docs/limits-accuracy.md lists them. */
const SHAPES: Readonly<Record<string, Shape>> = {
  'steady, 0.9 × the limit': steady(0.9),
  'steady, 1.1 × the limit': steady(1.1),
  'Poisson, 0.5 × the limit': poisson(0.5),
  'Poisson, 0.9 × the limit': poisson(0.9),
  'Poisson, the limit': poisson(1),
  'Poisson, 2 × the limit': poisson(2),
  'Poisson, 5 × the limit': poisson(5),
  'sawtooth, up to 4 × the limit': sawtooth,
  'bursts at window edges': edgeBursts,
  'bursts at sub-bucket edges': subBucketBursts,
  'steps of exact lengths': exactSteps,
  'end burst, then hammering': endBurstThenHammer,
  'hammering all the time': hammer,
};

export const TRAFFIC_NAMES: readonly string[] = Object.keys(SHAPES);

/** Hammering that a limit has to let through at its full rate. */
export const SATURATING = 'hammering all the time';

/** The same calls each time. */
export function trafficOf(name: string, load: Load): Iterable<number> {
  const shape = SHAPES[name];
  if (shape === undefined) throw new Error(`no traffic is called ${name}`);
  return shape(load, randomFrom(SEED + TRAFFIC_NAMES.indexOf(name)));
}

function startOf({ window: { lengthMs } }: Load): number {
  return Math.ceil(HOUR_START_MS / lengthMs) * lengthMs;
}

function endOf(load: Load): number {
  return startOf(load) + load.turns * load.window.lengthMs;
}

function* repeated(times: number, atMs: number): Iterable<number> {
  for (let call = 0; call < times; call += 1) yield atMs;
}

function steady(rate: number): Shape {
  return function* (load) {
    const gapMs = load.window.lengthMs / (load.window.limit * rate);
    const startMs = startOf(load);
    for (let call = 0; startMs + call * gapMs < endOf(load); call += 1) {
      yield startMs + Math.floor(call * gapMs);
    }
  };
}

function poisson(rate: number): Shape {
  return function* (load, random) {
    const meanMs = load.window.lengthMs / (load.window.limit * rate);
    const nextGapMs = (): number => -Math.log(1 - random()) * meanMs;
    for (let atMs = startOf(load) + nextGapMs(); atMs < endOf(load); atMs += nextGapMs()) {
      yield Math.floor(atMs);
    }
  };
}

/** The rate climbs from nearly none to four times the limit in three windows, and drops. */
function* sawtooth(load: Load): Iterable<number> {
  const { lengthMs, limit } = load.window;
  const startMs = startOf(load);
  for (let sinceMs = 0; startMs + sinceMs < endOf(load);) {
    yield startMs + Math.floor(sinceMs);
    const rate = 0.1 + (3.9 * (sinceMs % (3 * lengthMs))) / (3 * lengthMs);
    sinceMs += lengthMs / (limit * rate);
  }
}

/** As many calls as the limit round each edge between two windows: before it, on it, after it. */
function* edgeBursts(load: Load, random: () => number): Iterable<number> {
  const { lengthMs, limit } = load.window;
  for (let edgeMs = startOf(load) + lengthMs; edgeMs < endOf(load); edgeMs += lengthMs) {
    // Sometimes nobody calls, so that the next burst finds an empty window.
    if (random() < 0.3) continue;
    for (const offsetMs of [-2, -1, 0, 1]) yield* repeated(limit, edgeMs + offsetMs);
  }
}

/**
 * Fills the window at the first or the last millisecond of a sub-bucket and tries again at each
 * moment near the one at which a window that rounds wrongly would have room.
 */
function* subBucketBursts(load: Load, random: () => number): Iterable<number> {
  const { lengthMs, limit } = load.window;
  const edgeOf = (bucket: number): number => Math.ceil((bucket * lengthMs) / SUB_BUCKETS);
  let bucket = Math.ceil((startOf(load) * SUB_BUCKETS) / lengthMs);
  for (; edgeOf(bucket) < endOf(load) - 2 * lengthMs; bucket += 103 + Math.floor(random() * 7)) {
    const fillMs = edgeOf(bucket) - (random() < 0.5 ? 1 : 0);
    yield* repeated(limit, fillMs);
    const whenMs = new Set([fillMs + lengthMs - 1, fillMs + lengthMs, fillMs + lengthMs + 1]);
    for (const later of [49, 50, 51, 52]) {
      for (const offsetMs of [-1, 0, 1]) whenMs.add(edgeOf(bucket + later) + offsetMs);
    }
    for (const atMs of [...whenMs].sort((a, b) => a - b)) yield* repeated(2, atMs);
  }
}

/** Jumps by lengths at which a window that rounds wrongly is off by one. */
function* exactSteps(load: Load, random: () => number): Iterable<number> {
  const { lengthMs, limit } = load.window;
  const subBucketMs = Math.ceil(lengthMs / SUB_BUCKETS);
  const stepsMs = [subBucketMs, lengthMs / 4, lengthMs, lengthMs + subBucketMs].flatMap((stepMs) =>
    [-1, 0, 1].map((offsetMs) => Math.floor(stepMs) + offsetMs),
  );
  for (let atMs = startOf(load); atMs < endOf(load);) {
    yield* repeated(1 + Math.floor(random() * limit), atMs);
    atMs += random() < 0.5 ? 1 : Math.max(1, stepsMs[Math.floor(random() * stepsMs.length)] ?? 1);
  }
}

/**
 * After two quiet windows, fills the third at its very end and hammers from the next millisecond
 * on for three more, to the last millisecond of each.
 */
function* endBurstThenHammer(load: Load): Iterable<number> {
  const { lengthMs, limit } = load.window;
  for (let edgeMs = startOf(load) + 3 * lengthMs; edgeMs < endOf(load); edgeMs += 6 * lengthMs) {
    yield* repeated(limit, edgeMs - 1);
    for (let turnMs = edgeMs; turnMs < edgeMs + 3 * lengthMs; turnMs += lengthMs) {
      for (let ms = 0; ms < lengthMs - 1; ms += load.hammerMs) yield turnMs + ms;
      yield turnMs + lengthMs - 1;
    }
  }
}

function* hammer(load: Load): Iterable<number> {
  for (let atMs = startOf(load); atMs < endOf(load); atMs += load.hammerMs) yield atMs;
}
