import type { Unavailable, UsageSums } from '../../decision/ports.ts';
import type { Recalibration, RollUp } from '../../decision/usage.ts';
import type { Calibration } from '../../pricing/calibration.ts';
import { failureOf, unavailable } from './errors.ts';
import type { SqlClient, SqlValue } from './sql-client.ts';
import { sqlFile } from './sql-file.ts';

const ROLL_UP = sqlFile('roll-up');
const CALIBRATIONS = sqlFile('calibrations');

/** Beside the decisions, so longer than theirs; what is not done by then is tried again. */
const TIMEOUT_MS = 30_000;

interface RollUpRow {
  readonly batches: string;
  readonly entries: string;
  readonly behind: string;
  /** A list of RecalibrationJson. */
  readonly recalibrated: string;
}

interface RecalibrationJson {
  readonly tenant: string;
  readonly agent: string;
  readonly before: number;
  readonly after: number;
  readonly calls: number;
}

/** One row of sql/calibrations.sql. */
interface CalibrationRow {
  readonly tenant: string;
  readonly agent: string;
  /** As the record has it: text inside of JSON. */
  readonly price_version: string;
  readonly factor_per_mille: number;
  readonly calls: string;
  readonly estimated_cost: string;
  readonly actual_cost: string;
  readonly since_ms: string;
}

/** The sums on Postgres, on a server or embedded: tollgate.roll_up. */
export class PostgresUsageSums implements UsageSums {
  readonly #sql: SqlClient;

  constructor(sql: SqlClient) {
    this.#sql = sql;
  }

  async rollUp(mostEntries: number): Promise<RollUp | Unavailable> {
    const rows = await this.#ask<RollUpRow>(ROLL_UP, [mostEntries]);
    if ('kind' in rows) return rows;
    const { batches = '0', entries = '0', behind = '0', recalibrated = '[]' } = rows[0] ?? {};
    return {
      batches: Number(batches),
      entries: Number(entries),
      batchesBehind: Number(behind),
      recalibrated: (JSON.parse(recalibrated) as readonly RecalibrationJson[]).map(recalibrationOf),
    };
  }

  async calibrations(most: number, tenant?: string): Promise<readonly Calibration[] | Unavailable> {
    const rows = await this.#ask<CalibrationRow>(CALIBRATIONS, [most, tenant ?? null]);
    return 'kind' in rows ? rows : rows.map(calibrationOf);
  }

  async #ask<Row extends object>(
    text: string,
    values: readonly SqlValue[],
  ): Promise<readonly Row[] | Unavailable> {
    try {
      return await this.#sql.transaction((inside) => inside.query<Row>(text, values), {
        timeoutMs: TIMEOUT_MS,
      });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === 'refused') throw failure.error;
      return unavailable(failure.problem);
    }
  }
}

function recalibrationOf({
  tenant,
  agent,
  before,
  after,
  calls,
}: RecalibrationJson): Recalibration {
  return { tenant, agent, beforePerMille: before, afterPerMille: after, calls };
}

/** A version with a quotation mark in it was cut off there: it is never that of a price table. */
function versionOf(inJson: string): string {
  try {
    return JSON.parse(`"${inJson}"`) as string;
  } catch {
    return inJson;
  }
}

function calibrationOf(row: CalibrationRow): Calibration {
  return {
    tenant: row.tenant,
    agent: row.agent,
    tableVersion: versionOf(row.price_version),
    factorPerMille: BigInt(row.factor_per_mille),
    calls: Number(row.calls),
    estimatedMicroUsd: BigInt(row.estimated_cost),
    actualMicroUsd: BigInt(row.actual_cost),
    sinceMs: Number(row.since_ms),
  };
}
