import { join } from 'node:path';
import { figure, type Figure } from './figures.ts';
import { LOAD_CORE, median, SERVER_CORE } from './load.ts';
import { CALLERS, ORDINARY_WINDOWS, type WindowsBench } from './windows-bench.ts';
import { configurationOf } from './windows-configuration.ts';
import type { TakeOrder, TakeResult } from './windows-taker.ts';
import { Worker } from './worker.ts';

/** What one decision costs when 256 are always under way. */
export interface TakeRound {
  readonly perSecond: number;
  readonly redisUs: number;
  /** Of the adapter, and of the callers, who do next to nothing. */
  readonly nodeUs: number;
  /** Of the time, Redis worked. */
  readonly redisBusy: number;
}

/** The adapter itself, without gRPC: what one core gives when it belongs to Redis. */
export async function benchTakes(bench: WindowsBench): Promise<readonly Figure[]> {
  await using taker = await startTaker(bench);
  const configuration = configurationOf(ORDINARY_WINDOWS);
  await takeRound(bench, taker, configuration, bench.effort.primeMs);
  const rounds: TakeRound[] = [];
  for (let round = 0; round < bench.effort.rounds; round++) {
    rounds.push(await takeRound(bench, taker, configuration, bench.effort.roundMs));
  }
  const of = (value: (round: TakeRound) => number): number => median(rounds.map(value));
  return [
    figure(
      'takes, Redis on one core',
      of(({ perSecond }) => perSecond),
      'decisions/s',
    ),
    figure(
      'takes, Redis CPU',
      of(({ redisUs }) => redisUs),
      'µs/decision',
    ),
    figure(
      'takes, Redis busy',
      of(({ redisBusy }) => redisBusy),
      'of its core',
    ),
    figure(
      'takes, adapter CPU',
      of(({ nodeUs }) => nodeUs),
      'µs/decision',
    ),
  ];
}

export type Taker = Worker<TakeOrder, TakeResult>;

/** The adapter on the server's core, Redis on the other. */
export async function startTaker({ redis }: WindowsBench): Promise<Taker> {
  await redis.pin(LOAD_CORE);
  return new Worker(join(import.meta.dirname, 'windows-taker.ts'), SERVER_CORE);
}

export async function takeRound(
  { redis }: WindowsBench,
  taker: Taker,
  configuration: string,
  ms: number,
): Promise<TakeRound> {
  const beforeUs = await redis.cpuUs();
  const order = { redisUrl: redis.url, configuration, callers: CALLERS, ms };
  const { decisions, elapsedMs, cpuUs } = await taker.obey(order);
  const redisUs = (await redis.cpuUs()) - beforeUs;
  return {
    perSecond: (decisions * 1000) / elapsedMs,
    redisUs: redisUs / decisions,
    nodeUs: cpuUs / decisions,
    redisBusy: redisUs / 1000 / elapsedMs,
  };
}
