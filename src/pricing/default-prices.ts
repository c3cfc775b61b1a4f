import type { PriceTable } from './price-table.ts';

/** The prices that hold unless the configuration gives others (requirements R50, R51, R53). */
export const DEFAULT_PRICES: PriceTable = {
  version: '2025-12',
  platforms: {
    copilot_studio: 50_000n,
    custom_rest_api: 10_000n,
    third_party_agent: 30_000n,
    power_automate: 20_000n,
    azure_openai: 40_000n,
    other: 30_000n,
  },
  complexityPerMille: { simple: 500n, standard: 1000n, complex: 2000n },
  per1000Tokens: {
    'gpt-4': 30_000n,
    'gpt-4-turbo': 10_000n,
    'gpt-3.5-turbo': 1_000n,
    other: 30_000n,
  },
  bufferPerMille: 200n,
  defaultCostMicroUsd: 50_000n,
  recalibrate: false,
};
