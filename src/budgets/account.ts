import type { Amounts, Caps } from './amounts.ts';

/**
 * How long an account of a budget lasts before a new one begins. Weeks are ISO weeks, from Monday.
 */
export const PERIODS = ['daily', 'weekly', 'monthly', 'total'] as const;
export type Period = (typeof PERIODS)[number];

/** What the ledger needs to find or open the account that a call is charged to. */
export interface AccountSpec {
  readonly budgetId: string;
  /** Owner inside the tenant as scope text, for example "team:hr" or "organization:acme". */
  readonly owner: string;
  readonly period: Period;
  /** IANA time zone in which days, weeks and months begin. */
  readonly timeZone: string;
  readonly caps: Caps;
  /**
   * The most that earlier periods may leave for this one, by metric; a metric that is absent starts
   * anew in every period.
   */
  readonly rollover: Caps;
  /** A soft budget warns and never denies. */
  readonly soft: boolean;
  /** Lock order: larger is locked first; the organization's account is locked last. */
  readonly depth: number;
  /** Share of a cap, in thousandths, from which on the answer warns. */
  readonly warnPerMille: number;
  /** Share of a cap, in thousandths, from which on the answer says `degraded`. */
  readonly degradePerMille: number;
  /** Shares of a cap, in thousandths, that raise an alert once per account. */
  readonly alertPerMille: readonly number[];
}

/** An account as the ledger sees it at one moment. */
export interface AccountReading {
  /**
   * Id of the account: budget, owner and first day of the period, for example
   * "org-month/organization:acme/2026-11-01".
   */
  readonly account: string;
  readonly budgetId: string;
  readonly owner: string;
  /** Absent for `total`. */
  readonly periodStartMs?: number;
  /** Absent for `total`. */
  readonly periodEndMs?: number;
  /** What may be used: the configured caps and what was carried. */
  readonly caps: Caps;
  /** What earlier periods left for this one; a metric that is absent carried nothing. */
  readonly carried: Caps;
  readonly soft: boolean;
  readonly warnPerMille: number;
  readonly degradePerMille: number;
  readonly committed: Amounts;
  readonly held: Amounts;
}
