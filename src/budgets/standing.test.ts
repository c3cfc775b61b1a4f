import { describe, expect, it } from 'vitest';
import type { AccountReading } from './account.ts';
import { ZERO_AMOUNTS, type Amounts, type Caps } from './amounts.ts';
import { shortages, standingsOf, usedPerMille } from './standing.ts';

function account(
  caps: Caps,
  committed: Partial<Amounts>,
  held: Partial<Amounts> = {},
): AccountReading {
  return {
    account: 'b/organization:acme/total',
    budgetId: 'b',
    owner: 'organization:acme',
    caps,
    carried: {},
    soft: false,
    warnPerMille: 800,
    degradePerMille: 900,
    committed: { ...ZERO_AMOUNTS, ...committed },
    held: { ...ZERO_AMOUNTS, ...held },
  };
}

const oneCall: Amounts = { ...ZERO_AMOUNTS, invocations: 1n };

function short(reading: AccountReading, asked: Partial<Amounts>): string[] {
  return shortages(reading, { ...oneCall, ...asked }).map(({ metric }) => metric);
}

describe('R9 room in an account', () => {
  it('exactly 100 % still fits, one more does not', () => {
    const reading = account({ costMicroUsd: 100n }, { costMicroUsd: 60n }, { costMicroUsd: 30n });
    expect(short(reading, { costMicroUsd: 10n })).toEqual([]);
    expect(short(reading, { costMicroUsd: 11n })).toEqual(['costMicroUsd']);
  });

  it('P15 a cap of 0 blocks every call, also one that asks for none of it', () => {
    expect(short(account({ costMicroUsd: 0n }, {}), {})).toEqual(['costMicroUsd']);
  });

  it('R4 a cap on all tokens counts input and output together', () => {
    const reading = account({ totalTokens: 100n }, { inputTokens: 50n, outputTokens: 20n });
    expect(short(reading, { inputTokens: 10n, outputTokens: 20n })).toEqual([]);
    expect(short(reading, { inputTokens: 11n, outputTokens: 20n })).toEqual(['totalTokens']);
  });

  it('R5 a cap on invocations counts calls', () => {
    expect(short(account({ invocations: 5n }, { invocations: 4n }), {})).toEqual([]);
    expect(short(account({ invocations: 5n }, { invocations: 5n }), {})).toEqual(['invocations']);
  });

  it('an account without caps never runs short', () => {
    expect(short(account({}, { costMicroUsd: 10n ** 15n }), { costMicroUsd: 10n ** 15n })).toEqual(
      [],
    );
  });

  it('lists every metric that runs short', () => {
    const reading = account({ costMicroUsd: 1n, invocations: 0n }, {});
    expect(short(reading, { costMicroUsd: 2n })).toEqual(['costMicroUsd', 'invocations']);
  });
});

describe('R10 how full an account is', () => {
  it('is the share of the fullest metric, held money included', () => {
    const reading = account(
      { costMicroUsd: 1000n, invocations: 10n },
      { costMicroUsd: 500n, invocations: 1n },
      { costMicroUsd: 300n },
    );
    expect(usedPerMille(reading)).toBe(800);
  });

  it('X6 an overrun counts as more than full and leaves less than nothing', () => {
    const reading = account({ costMicroUsd: 100n }, { costMicroUsd: 150n });
    expect(usedPerMille(reading)).toBe(1500);
    expect(standingsOf(reading)[0]?.remaining).toBe(-50n);
  });
});
