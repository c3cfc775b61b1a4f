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
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}
