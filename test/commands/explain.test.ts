import { describe, expect, test } from 'vitest';

import { recordLines } from '../../src/commands/explain/run-explain.ts';
import { DecisionRecord } from '../../src/gen/tollgate/v1/query_service.ts';
import { Effect, Truth } from '../../src/gen/tollgate/v1/verdict.ts';
import { runCommand } from '../support/command.ts';

const record = DecisionRecord.fromPartial({
  decisionId: 'dec_1',
  operation: 'authorize',
  tenant: 'acme',
  agent: 'copilot',
  decidedAt: new Date('2026-03-09T14:00:00Z'),
  effect: Effect.DENY,
  configurationRevision: '7-0a1b2c3d',
  reasons: [{ code: 'policy.denied', message: 'Policy nights denies.' }],
  explanation: {
    combining: 'DENY_OVERRIDES',
    policies: [
      {
        policy: 'nights',
        effect: Effect.DENY,
        applies: Truth.TRUE,
        decided: true,
        conditions: [
          { condition: 'environment is production', saw: 'production', truth: Truth.TRUE },
        ],
      },
      {
        policy: 'abroad',
        effect: Effect.DENY,
        applies: Truth.UNKNOWN,
        decided: true,
        conditions: [{ condition: 'country is DE', saw: '', truth: Truth.UNKNOWN }],
      },
    ],
    limits: [{ rule: 'per-user', scope: 'user:ann', status: 'applies' }],
  },
});

describe('tollgate explain', () => {
  test('R49 X7 shows each policy, each condition with what it saw, and which decided', async () => {
    await expect(`${recordLines(record).join('\n')}\n`).toMatchFileSnapshot('golden/explain.txt');
  });

  test('R52 shows how it was priced, with what the estimates for the agent were corrected by', () => {
    const price = {
      baseMicroUsd: 40_000n,
      calibrationPerMille: 1_512,
      bufferMicroUsd: 12_096n,
      totalMicroUsd: 72_576n,
      tableVersion: 'v1',
    };
    expect(recordLines({ ...record, price })).toContain(
      'price $0.072576 = $0.04 × 1.512 + $0.012096 buffer, price table v1',
    );
  });

  test('a decision without an explanation says that no rule was looked at', () => {
    const bare = { ...record, explanation: undefined };
    expect(recordLines(bare).at(-1)).toBe('No rule was looked at.');
  });

  test('asks for the organization', async () => {
    const result = await runCommand(['explain', 'dec_1']);
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain('--tenant');
  });
});
