import type { PostgresServer } from '../test/support/postgres-server.ts';
import type { BenchRedis } from './windows-redis.ts';

/** What the sections of the windows' bench share. Each pins the stores to the cores it wants. */
export interface WindowsBench {
  readonly redis: BenchRedis;
  readonly postgres: PostgresServer;
  /** A directory for configurations, journals and logs. */
  readonly scratch: string;
  readonly effort: WindowsEffort;
}

/** How long and how often is measured. */
export interface WindowsEffort {
  /** Odd, so that the median is a round. Each measures every peer once: drift hits all alike. */
  readonly rounds: number;
  /** Calls of h2load in one round. */
  readonly calls: number;
  /** Before anything counts. */
  readonly warmCalls: number;
  readonly pacedCalls: number;
  /** As `warmCalls` and `calls`, for callers that go by time. */
  readonly primeMs: number;
  readonly roundMs: number;
  /** The server of `whole` is compiled by then, and most accounts are there. */
  readonly wholePrimeMs: number;
  /** Of each number of windows. */
  readonly curveRounds: number;
  readonly curveCalls: number;
}

/** Callers that are busy all the time. */
export const CALLERS = 256;

/** The counters and windows of an ordinary decision. */
export const ORDINARY_WINDOWS = 20;

/** As many as a large customer has. */
export const USERS = 1_000;
export const TEAMS = 20;

/** A user and a team of the one hot organization, by chance; a user is always in the same team. */
export function anybody(): { readonly user: string; readonly team: string } {
  const number = Math.floor(Math.random() * USERS);
  return { user: `user-${number}`, team: `team-${number % TEAMS}` };
}
