/**
 * How far the estimates for an agent were off, by the calls that Tollgate priced itself
 * (requirement R52).
 */
export interface Calibration {
  readonly tenant: string;
  readonly agent: string;
  /** Version of the price table that it was found for; it says nothing of another. */
  readonly tableVersion: string;
  /** What the price of the table is to be multiplied with, in thousandths: 250 to 4000. */
  readonly factorPerMille: bigint;
  /** Commits that were looked at since the factor was found. */
  readonly calls: number;
  /** What the price table said for them, without buffer and without factor. */
  readonly estimatedMicroUsd: bigint;
  readonly actualMicroUsd: bigint;
  readonly sinceMs: number;
}

/** The factors at one moment. Never changes, so that a repeat is priced like its first try. */
export interface Calibrations {
  /** In thousandths; 1000 when nothing else is known. */
  factorPerMille(tenant: string, agent: string, tableVersion: string): bigint;
}

/** Factor of an estimate that is not changed. */
export const NEUTRAL_PER_MILLE = 1000n;

export const NO_CALIBRATIONS: Calibrations = { factorPerMille: () => NEUTRAL_PER_MILLE };

export function calibrationsOf(found: readonly Calibration[]): Calibrations {
  const factors = new Map(
    found
      .filter(({ factorPerMille }) => factorPerMille !== NEUTRAL_PER_MILLE)
      .map((one) => [keyOf(one.tenant, one.agent, one.tableVersion), one.factorPerMille]),
  );
  if (factors.size === 0) return NO_CALIBRATIONS;
  return {
    factorPerMille: (tenant, agent, tableVersion) =>
      factors.get(keyOf(tenant, agent, tableVersion)) ?? NEUTRAL_PER_MILLE,
  };
}

function keyOf(tenant: string, agent: string, tableVersion: string): string {
  return `${tenant}\n${agent}\n${tableVersion}`;
}
