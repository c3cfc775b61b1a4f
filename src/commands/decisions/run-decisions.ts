import { DecisionRecord } from '../../gen/tollgate/v1/query_service.ts';
import { Effect } from '../../gen/tollgate/v1/verdict.ts';
import { toProtoJson } from '../check/proto-json.ts';
import { type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { shortEvent, type DecisionFilters } from '../decision-filters.ts';
import { type SidecarOptions, withClient } from '../sidecar.ts';
import { tableLines } from '../text/table.ts';
import { timeText } from '../text/units.ts';
import { filterInput } from './filter-input.ts';

export interface DecisionsOptions extends SidecarOptions, DecisionFilters {
  readonly json?: true;
  readonly limit: number;
}

/** Prints decisions, newest first: a table, or one line of JSON for each. */
export async function runDecisions(options: DecisionsOptions, streams: Streams): Promise<ExitCode> {
  return withClient<ExitCode>(options, async (client) => {
    const records = await client.decisions(filterInput(options), options.limit);
    if (options.json) {
      for (const one of records) printJson(streams.stdout, toProtoJson(DecisionRecord.toJSON(one)));
    } else {
      printLines(streams.stdout, decisionLines(records));
    }
    return 0;
  });
}

export function decisionLines(records: readonly DecisionRecord[]): readonly string[] {
  if (records.length === 0) return ['Nothing that fits is recorded.'];
  return tableLines(
    ['time', 'effect', 'event', 'agent', 'user', 'reasons', 'decision'].map((title) => ({ title })),
    records.map((record) => [
      record.decidedAt ? timeText(record.decidedAt) : '-',
      record.effect === Effect.ALLOW ? 'ALLOW' : 'DENY',
      shortEvent(record.event),
      record.agent,
      record.user || '-',
      [...new Set(record.reasons.map(({ code }) => code))].join(', ') || '-',
      record.decisionId,
    ]),
  );
}
