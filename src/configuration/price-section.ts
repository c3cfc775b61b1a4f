import { z } from 'zod';
import { REFUSED, scalar, type Read } from './scalar.ts';
import { FULL_PER_MILLE } from './bounds.ts';
import { complexityFactor, flag, identifier, money, percentage, text } from './fields.ts';

/** The section `prices`. */
export const prices = z.strictObject({
  version: text
    .optional()
    .describe('Kept in the record of each estimate. Change it with the prices.'),
  platforms: z
    .record(identifier, money)
    .prefault({})
    .describe('US dollars of one call by provider; "other" prices the rest.'),
  complexity: z
    .strictObject({
      simple: complexityFactor.optional().describe('Default 0.5.'),
      standard: complexityFactor.optional().describe('Default 1.'),
      complex: complexityFactor.optional().describe('Default 2.'),
    })
    .prefault({})
    .describe('Factor on the price of a call.'),
  per_1000_tokens: z
    .record(text, money)
    .prefault({})
    .describe(
      'US dollars of 1,000 input tokens by model; output tokens cost twice as much; "other" prices the rest.',
    ),
  buffer: scalar<number>({
    expected: 'a percentage from "0%" to "100%"',
    json: { type: 'string', pattern: '^[0-9]{1,3}([.][0-9])?%$' },
    read: (value) => (value === '0%' ? { ok: 0 } : bufferOf(value)),
  })
    .optional()
    .describe('Added once to every estimate. Default "20%".'),
  default_cost: money
    .optional()
    .describe(
      'US dollars of one call to an agent without a provider. Default "0.05", or EXTERNAL_AGENT_DEFAULT_COST_PER_EXECUTION.',
    ),
  recalibrate: flag
    .optional()
    .describe(
      'Multiply estimates with what an agent was found to cost beside them, from 0.25 to 4, once it is off by more than 15 %. It changes what is held, so the default is false.',
    ),
});

function bufferOf(value: unknown): Read<number> {
  const answer = percentage(FULL_PER_MILLE).safeParse(value);
  return answer.success ? { ok: answer.data } : REFUSED;
}
