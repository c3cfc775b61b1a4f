import { DecisionRecord } from '../../gen/tollgate/v1/query_service.ts';
import { Effect } from '../../gen/tollgate/v1/verdict.ts';
import { explanationLines } from '../check/explanation-text.ts';
import { toProtoJson } from '../check/proto-json.ts';
import { priceText } from '../check/verdict-text.ts';
import { CommandFailed, type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { type SidecarOptions, withClient } from '../sidecar.ts';

export interface ExplainOptions extends SidecarOptions {
  readonly json?: true;
  readonly tenant: string;
  readonly decisionId: string;
}

/** Prints how a recorded decision came about. 1 when it was a denial. */
export async function runExplain(options: ExplainOptions, streams: Streams): Promise<ExitCode> {
  const { tenant, decisionId } = options;
  return withClient<ExitCode>(options, async (client) => {
    const record = await client.decision(tenant, decisionId);
    if (record === undefined) {
      throw new CommandFailed(`Nothing is recorded under ${decisionId} for ${tenant}.`);
    }
    if (options.json) printJson(streams.stdout, toProtoJson(DecisionRecord.toJSON(record)));
    else printLines(streams.stdout, recordLines(record));
    return record.effect === Effect.ALLOW ? 0 : 1;
  });
}

export function recordLines(record: DecisionRecord): string[] {
  const { decisionId, operation, tenant, agent, decidedAt, configurationRevision } = record;
  const effect = record.effect === Effect.ALLOW ? 'ALLOW' : 'DENY';
  const at = decidedAt?.toISOString() ?? 'at an unknown time';
  const explained = explanationLines(record.explanation);
  return [
    `${effect}  ${operation} of ${tenant} to ${agent}, ${at}`,
    `decision ${decisionId}, configuration ${configurationRevision}`,
    ...(record.price ? [`price ${priceText(record.price)}`] : []),
    '',
    ...record.reasons.map(({ code, message }) => `${code}: ${message}`),
    '',
    ...(explained.length > 0 ? explained : ['No rule was looked at.']),
  ];
}
