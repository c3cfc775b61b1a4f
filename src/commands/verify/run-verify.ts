import type { VerifyCounts, VerifyReport } from '../../stores/postgres/verify.ts';
import { type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { refuseOtherSchema, withLedger } from '../ledger.ts';
import { checkpointCheck } from './checkpoint-check.ts';
import { paintFor } from '../text/paint.ts';
import { grouped } from '../text/units.ts';

export interface VerifyOptions {
  readonly json?: true;
  readonly dataDir?: string;
  readonly tenant?: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  /** Path of JSON Lines. */
  readonly checkpoints?: string;
  /** Paths of PEM files. */
  readonly publicKey?: readonly string[];
}

/** Recomputes the books. 1 when they do not add up. */
export async function runVerify(options: VerifyOptions, streams: Streams): Promise<ExitCode> {
  const check = await checkpointCheck(options);
  return withLedger(options, async ({ stores, where }) => {
    await refuseOtherSchema({ stores, where });
    const report = await stores.verify({
      ...(options.tenant !== undefined && { tenant: options.tenant }),
      ...(options.since !== undefined && { sinceMs: options.since }),
      ...check,
      onProgress: progressOn(streams),
    });
    if (options.json) printJson(streams.stdout, report);
    else printLines(streams.stdout, reportLines(report, where, streams));
    return report.kind === 'ok' ? 0 : 1;
  });
}

function unknownKeysLine(count: number): string {
  return (
    `${grouped(count)} checkpoints are signed by keys that are not known here; name them with ` +
    '--public-key to have their signatures checked.'
  );
}

const CLEAR_LINE = '\r\u001B[K';

/** One line that is written over, for people who wait. */
function progressOn({ stderr }: Streams): (counts: VerifyCounts) => void {
  if (!('isTTY' in stderr && stderr.isTTY === true)) return () => undefined;
  return ({ entries, batches, reservations }) => {
    const counted = `${grouped(entries)} entries in ${grouped(batches)} batches`;
    stderr.write(`${CLEAR_LINE}${counted}, ${grouped(reservations)} reservations`);
  };
}

function reportLines(report: VerifyReport, where: string, { stdout }: Streams): string[] {
  const paint = paintFor(stdout);
  if (report.kind === 'ok') {
    const { batches, entries, reservations, accounts, alerts, records, checkpoints } = report;
    const counted = [
      `${grouped(entries)} entries in ${grouped(batches)} chained batches`,
      `${grouped(reservations)} reservations`,
      `${grouped(accounts)} accounts`,
      `${grouped(records)} records`,
      `${grouped(alerts)} alerts`,
      `${grouped(report.sums)} sums of usage`,
      `${grouped(checkpoints)} checkpoints`,
    ];
    const said = [`${paint('green', 'ok')}  ${where}: the books add up (${counted.join(', ')}).`];
    return report.unknownKeys === 0 ? said : [...said, unknownKeysLine(report.unknownKeys)];
  }
  const { table, key, column, expected, found } = report.discrepancy;
  return [
    `${paint('red', 'DISCREPANCY')}  ${where}: ${table} ${key}, ${column}`,
    `  by the entries  ${expected}`,
    `  in the row      ${found}`,
    'Nothing was changed. Keep a copy of the ledger before anything else is done to it.',
  ];
}
