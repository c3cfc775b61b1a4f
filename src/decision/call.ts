import type { Amounts } from '../budgets/amounts.ts';
import type { Person } from '../person/person.ts';

/** One call to an external agent, parsed and checked at the edge. Empty text means unknown. */
export interface Call {
  readonly tenant: string;
  readonly agent: string;
  readonly agentVersion: string;
  readonly user: string;
  readonly team: string;
  readonly roles: readonly string[];
  readonly system: string;
  readonly environment: string;
  /** Upper-case ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly sourceIp: string;
  readonly dataClassification: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly estimate: CallEstimate;
  readonly parentTraceId: string;
  /** What the person agreed to, such as a policy version and a date; empty when unknown. */
  readonly consent: string;
  /** Never logged, never part of a decision. */
  readonly personal: PersonalData;
}

export type PersonalData = Omit<Person, 'sourceIp'>;

export const COMPLEXITIES = ['simple', 'standard', 'complex'] as const;
export type Complexity = (typeof COMPLEXITIES)[number];

/** What the caller expects the call to use. */
export interface CallEstimate {
  /** Given by the caller; undefined means: price it. */
  readonly costMicroUsd: bigint | undefined;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly complexity: Complexity;
  /** Empty means the agent's model. */
  readonly model: string;
}

/** What a dispatched call used. */
export interface CallUsage {
  /** Undefined means: price it from the tokens. */
  readonly costMicroUsd: bigint | undefined;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  /** Empty means the model of the reservation. */
  readonly model: string;
}

export const OUTCOMES = ['success', 'error', 'timeout', 'cancelled'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Common to every request: who repeats it is answered the same. */
export interface RequestIdentity {
  readonly tenant: string;
  readonly requestId: string;
  /**
   * 128 bits over the canonical request body, as 22 characters of base64url; tells a repeat from a
   * clash.
   */
  readonly fingerprint: string;
  /** W3C trace id of the caller's trace or of ours; empty when none. */
  readonly traceId: string;
}

export interface AuthorizeCommand extends RequestIdentity {
  readonly call: Call;
  readonly explain: boolean;
  readonly minRevision: bigint;
}

export interface ReserveCommand extends AuthorizeCommand {
  readonly holdForMs: number;
  readonly authorizationToken: string;
  readonly acceptPartial: boolean;
}

export interface CommitCommand extends RequestIdentity {
  readonly reservationId: string;
  readonly usage: CallUsage;
  readonly outcome: Outcome;
  /** Undefined means unknown. */
  readonly durationMs: number | undefined;
  readonly errorMessage: string;
}

export interface ReleaseCommand extends RequestIdentity {
  readonly reservationId: string;
  readonly reason: string;
}

export interface ExtendCommand extends RequestIdentity {
  readonly reservationId: string;
  /** `invocations` is 0. */
  readonly add: Amounts;
  /** Undefined means: keep the expiry. */
  readonly holdForMs: number | undefined;
}
