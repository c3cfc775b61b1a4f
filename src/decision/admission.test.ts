import { describe, expect, it } from 'vitest';

import { BUILT_IN_DEFAULTS } from '../configuration/environment-defaults.ts';
import { loadConfiguration } from '../configuration/load.ts';
import { calibrationsOf, type Calibration } from '../pricing/calibration.ts';
import { admit } from './admission.ts';
import type { AuthorizeCommand, CallEstimate } from './call.ts';
import type { Snapshot } from './snapshot.ts';

const rules = (prices: string): Snapshot => {
  const text = `{version: 1, tenants: [{id: acme}], agents: [{id: crm, provider: azure_openai}], prices: ${prices}}`;
  const load = loadConfiguration(text, {
    ...{ file: 'rules', environmentDefaults: BUILT_IN_DEFAULTS, changedAtMs: 0, nowMs: 0 },
    previous: undefined,
  });
  if (load.kind === 'refused') throw new Error(JSON.stringify(load.problems));
  return load.snapshot;
};

const FOUND: Calibration = {
  ...{ tenant: 'acme', agent: 'crm', tableVersion: 'v1', factorPerMille: 2000n, calls: 0 },
  ...{ estimatedMicroUsd: 0n, actualMicroUsd: 0n, sinceMs: 0 },
};

const priceBy = (snapshot: Snapshot, estimate: Partial<CallEstimate> = {}) => {
  const call = {
    ...{ tenant: 'acme', agent: 'crm', agentVersion: '', user: '', team: '', roles: [] },
    ...{ system: '', environment: '', country: '', sourceIp: '', dataClassification: [] },
    ...{ attributes: {}, parentTraceId: '', consent: '' },
    personal: { externalUserId: '', email: '', name: '', session: '' },
    estimate: {
      ...{ costMicroUsd: undefined, inputTokens: 0n, outputTokens: 0n },
      ...{ complexity: 'standard' as const, model: '' },
      ...estimate,
    },
  };
  const command: AuthorizeCommand = {
    ...{ tenant: 'acme', requestId: 'r', fingerprint: 'f', traceId: '', minRevision: 0n },
    ...{ explain: false, call },
  };
  const moment = { snapshot, nowMs: 0, calibrations: calibrationsOf([FOUND]) };
  return admit(command, snapshot.tenants.get('acme')!, moment, false).price;
};

describe('R52 the price of an estimate', () => {
  it.each([
    ['is that of the table unless the configuration says otherwise', '{version: v1}', 48_000n],
    ['is corrected when it does', '{version: v1, recalibrate: true}', 96_000n],
    ['is not corrected by what another table was off', '{version: v2, recalibrate: true}', 48_000n],
  ])('%s', (_, prices, totalMicroUsd) => {
    expect(priceBy(rules(prices))).toMatchObject({ baseMicroUsd: 40_000n, totalMicroUsd });
  });

  it('is what the caller names, when it names one', () => {
    const snapshot = rules('{version: v1, recalibrate: true}');
    expect(priceBy(snapshot, { costMicroUsd: 7n })).toMatchObject({ totalMicroUsd: 7n });
  });
});
