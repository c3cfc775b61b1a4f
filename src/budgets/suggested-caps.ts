import type { MicroUsd } from '../lib/money.ts';

/** Where to begin with a provider: the range that is recommended for a month and for a day. */
export interface SuggestedCaps {
  readonly monthly: { readonly from: MicroUsd; readonly to: MicroUsd };
  readonly daily: { readonly from: MicroUsd; readonly to: MicroUsd };
  /** What one call usually costs. */
  readonly perCall: { readonly from: MicroUsd; readonly to: MicroUsd };
}

/** Budgets by kind of provider (requirement R19). `suggested_for` takes the lower end. */
export const SUGGESTED_CAPS = {
  copilot_studio: {
    monthly: { from: 500_000_000n, to: 1_000_000_000n },
    daily: { from: 50_000_000n, to: 100_000_000n },
    perCall: { from: 50_000n, to: 100_000n },
  },
  custom_rest_api: {
    monthly: { from: 100_000_000n, to: 500_000_000n },
    daily: { from: 10_000_000n, to: 50_000_000n },
    perCall: { from: 10_000n, to: 50_000n },
  },
  third_party_agent: {
    monthly: { from: 1_000_000_000n, to: 5_000_000_000n },
    daily: { from: 100_000_000n, to: 500_000_000n },
    perCall: { from: 100_000n, to: 500_000n },
  },
  webhook: {
    monthly: { from: 50_000_000n, to: 100_000_000n },
    daily: { from: 5_000_000n, to: 10_000_000n },
    perCall: { from: 1_000n, to: 10_000n },
  },
} as const satisfies Readonly<Record<string, SuggestedCaps>>;

export type SuggestedFor = keyof typeof SUGGESTED_CAPS;
export const SUGGESTED_FOR = Object.keys(SUGGESTED_CAPS) as readonly SuggestedFor[];
