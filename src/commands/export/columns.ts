import { outcomeToJSON } from '../../gen/tollgate/v1/call.ts';
import type { DecisionRecord } from '../../gen/tollgate/v1/query_service.ts';
import { Effect } from '../../gen/tollgate/v1/verdict.ts';

interface Typed<Type extends string, Value> {
  readonly name: string;
  readonly type: Type;
  of(record: DecisionRecord): Value;
}

/** One flat column of an export. Text is empty where nothing is known; figures are absent. */
export type Column =
  Typed<'text', string> | Typed<'integer', bigint | undefined> | Typed<'time', Date | undefined>;

const text = (name: string, of: (record: DecisionRecord) => string): Column => ({
  ...{ name, of },
  type: 'text',
});
const integer = (name: string, of: (record: DecisionRecord) => bigint | undefined): Column => ({
  ...{ name, of },
  type: 'integer',
});
const time = (name: string, of: (record: DecisionRecord) => Date | undefined): Column => ({
  ...{ name, of },
  type: 'time',
});

/** Lists are one text, separated by "; ". */
const list = (items: readonly string[]): string => items.join('; ');

/** In the order of the file. New ones go to the end: programs read columns by their place. */
export const COLUMNS: readonly Column[] = [
  text('decision_id', (record) => record.decisionId),
  text('request_id', (record) => record.requestId),
  text('operation', (record) => record.operation),
  time('decided_at', (record) => record.decidedAt),
  text('effect', (record) => (record.effect === Effect.ALLOW ? 'ALLOW' : 'DENY')),
  text('event', (record) => record.event),
  text('reason_codes', ({ reasons }) => list([...new Set(reasons.map(({ code }) => code))])),
  text('reasons', ({ reasons }) => list(reasons.map(({ message }) => message))),
  text('tenant', (record) => record.tenant),
  text('agent', (record) => record.agent),
  text('agent_version', (record) => record.agentVersion),
  text('provider', (record) => record.provider),
  text('user', (record) => record.user),
  text('team', (record) => record.team),
  text('roles', (record) => list(record.roles)),
  text('system', (record) => record.system),
  text('environment', (record) => record.environment),
  text('country', (record) => record.country),
  text('data_classification', (record) => list(record.dataClassification)),
  text('attributes', ({ attributes }) => (attributes ? JSON.stringify(attributes) : '')),
  text('trace_id', (record) => record.traceId),
  text('parent_trace_id', (record) => record.parentTraceId),
  text('configuration_revision', (record) => record.configurationRevision),
  integer('estimated_micro_usd', (record) => record.estimatedMicroUsd),
  text('reservation_id', (record) => record.reservationId),
  text('outcome', ({ outcome }) => (outcome === 0 ? '' : outcomeToJSON(outcome).slice(8))),
  integer('committed_micro_usd', (record) => record.committedMicroUsd),
  integer('input_tokens', (record) => record.inputTokens),
  integer('output_tokens', (record) => record.outputTokens),
  time('settled_at', (record) => record.settledAt),
  integer('duration_ms', (record) => record.durationMs),
  text('error_message', (record) => record.errorMessage),
  text('person_commitment', (record) => record.personCommitment),
];
