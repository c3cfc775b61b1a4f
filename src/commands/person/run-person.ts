import { Outcome } from '../../gen/tollgate/v1/call.ts';
import { PersonRecord } from '../../gen/tollgate/v1/record_service.ts';
import { Effect } from '../../gen/tollgate/v1/verdict.ts';
import { formatUsd } from '../../lib/money.ts';
import { type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { PATIENCE_MS, type NamedPerson, type PersonOptions } from '../person-options.ts';
import { withClient } from '../sidecar.ts';
import { tableLines } from '../text/table.ts';
import { grouped, timeText } from '../text/units.ts';

/** Prints what is kept: a table, or one line of JSON for each record. */
export async function runPerson(
  options: PersonOptions,
  person: NamedPerson,
  streams: Streams,
): Promise<ExitCode> {
  return withClient<ExitCode>({ timeout: PATIENCE_MS, ...options }, async (client) => {
    const records: PersonRecord[] = [];
    let recordsWithUser = 0n;
    for await (const page of client.personRecords(person)) {
      ({ recordsWithUser } = page);
      if (!options.json) records.push(...page.records);
      else for (const one of page.records) printJson(streams.stdout, PersonRecord.toJSON(one));
    }
    if (!options.json) printLines(streams.stdout, personLines(records, recordsWithUser));
    return 0;
  });
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  [Outcome.UNSPECIFIED]: '-',
  [Outcome.SUCCESS]: 'success',
  [Outcome.ERROR]: 'error',
  [Outcome.TIMEOUT]: 'timeout',
  [Outcome.CANCELLED]: 'cancelled',
};

const COLUMNS = [
  ...['decided', 'decision', 'agent', 'effect', 'reasons', 'outcome'].map((title) => ({ title })),
  { title: 'cost', right: true },
  ...['consent', 'e-mail', 'external id', 'name', 'session', 'address'].map((title) => ({ title })),
];

export function personLines(
  records: readonly PersonRecord[],
  recordsWithUser: bigint,
): readonly string[] {
  const table = records.length === 0 ? [] : tableLines(COLUMNS, records.map(cellsOf));
  const kept = [`Records with personal data: ${grouped(records.length)}.`];
  const named = `Records that have this very address or id as their user: ${grouped(recordsWithUser)}.`;
  return [...table, ...kept, ...(recordsWithUser > 0n ? [named] : [])];
}

function cellsOf(record: PersonRecord): readonly string[] {
  const { decidedAt, committedMicroUsd } = record;
  return [
    decidedAt ? timeText(decidedAt) : '-',
    record.decisionId,
    record.agent,
    record.effect === Effect.ALLOW ? 'allow' : 'deny',
    record.reasonCodes.join(' '),
    OUTCOMES[record.outcome],
    committedMicroUsd === undefined ? '-' : formatUsd(committedMicroUsd),
    ...[record.consent, record.email, record.externalUserId, record.name].map(orDash),
    ...[record.session, record.sourceIp].map(orDash),
  ];
}

function orDash(text: string): string {
  return text || '-';
}
