/** What conditions may look at. Empty text and empty lists mean that the fact is unknown. */
export interface PolicyFacts {
  readonly tenant: string;
  readonly agent: string;
  readonly provider: string;
  readonly environment: string;
  readonly user: string;
  readonly team: string;
  readonly roles: readonly string[];
  readonly country: string;
  readonly sourceIp: string;
  readonly dataClassification: readonly string[];
  /** What the call is expected to cost, buffer included. */
  readonly costMicroUsd: bigint;
  /** Both 0 when the caller estimates none. */
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

/** A call of which nothing is known. */
export const NO_FACTS: PolicyFacts = {
  tenant: '',
  agent: '',
  provider: '',
  environment: '',
  user: '',
  team: '',
  roles: [],
  country: '',
  sourceIp: '',
  dataClassification: [],
  costMicroUsd: 0n,
  inputTokens: 0n,
  outputTokens: 0n,
  attributes: {},
  nowMs: 0,
};
