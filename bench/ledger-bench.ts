import type { PostgresServer } from '../test/support/postgres-server.ts';
import { median } from './load.ts';
import type { RoundOptions, RoundResult } from './ledger-load.ts';
import type { Sidecar } from './ledger-sidecar.ts';
import { postgresCpuUs } from './postgres-cpu.ts';

/** What the sections of the ledger's bench share. */
export interface LedgerBench {
  readonly server: PostgresServer;
  /** The database whose books are verified at the end. */
  readonly url: string;
  readonly effort: Effort;
  /** Told of the cycles that were made in that database. */
  readonly spent: (cycles: number) => void;
}

/** How long and how often is measured. */
export interface Effort {
  /** Odd, so that the median is a round. Each measures every peer once: drift hits all alike. */
  readonly peerRounds: number;
  readonly sidecarRounds: number;
  readonly curvePasses: number;
  readonly round: { readonly warmMs: number; readonly measureMs: number };
  readonly curveRound: { readonly warmMs: number; readonly measureMs: number };
  /** At which the curve is measured, in operations. */
  readonly batchSizes: readonly number[];
  /** Settled calls in the full tables; 0 leaves them out. */
  readonly settled: number;
  /** Settled calls of the section `growth`. */
  readonly grown: number;
}

/** Callers that are busy all the time, of all sidecars together. */
export const CALLERS = 256;

/** One round of one or several sidecars together. */
export interface Measured {
  /** Warming up and running out included. */
  readonly cycles: number;
  readonly perSecond: number;
  readonly nodeUs: number;
  readonly postgresUs: number;
  /** Operations of each batch, ascending; so are the two below. */
  readonly batches: readonly number[];
  readonly holdMs: readonly number[];
  readonly commitMs: readonly number[];
}

/** @param round what each of the sidecars does, all at the same time */
export async function measure(
  server: PostgresServer,
  sidecars: readonly Sidecar[],
  round: RoundOptions,
): Promise<Measured> {
  const beforeUs = postgresCpuUs(server);
  const results = await Promise.all(sidecars.map((sidecar) => sidecar.round(round)));
  const postgresUs = postgresCpuUs(server) - beforeUs;
  const sum = (value: (result: RoundResult) => number): number =>
    results.reduce((total, result) => total + value(result), 0);
  const ascending = (list: 'batches' | 'holdMs' | 'commitMs'): readonly number[] =>
    results.flatMap((result) => result[list]).sort((a, b) => a - b);
  const cycles = sum((result) => result.cycles);
  return {
    cycles,
    perSecond: sum(({ perSecond }) => perSecond),
    nodeUs: sum(({ cpuUs }) => cpuUs) / cycles,
    postgresUs: postgresUs / cycles,
    batches: ascending('batches'),
    holdMs: ascending('holdMs'),
    commitMs: ascending('commitMs'),
  };
}

export function medianOf(rounds: readonly Measured[], value: (round: Measured) => number): number {
  return median(rounds.map(value));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
