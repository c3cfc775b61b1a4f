import { describe, expect, it } from 'vitest';
import { BUILT_IN_DEFAULTS } from '../../src/configuration/environment-defaults.ts';
import { loadConfiguration } from '../../src/configuration/load.ts';
import { problemText } from '../../src/configuration/problem.ts';
import type { RecordRules } from '../../src/decision/snapshot.ts';

const load = (record: string) =>
  loadConfiguration(`version: 1\ntenants: [{ id: acme${record} }]\n`, {
    file: 't.yaml',
    environmentDefaults: BUILT_IN_DEFAULTS,
    changedAtMs: 1,
    nowMs: 1,
    previous: undefined,
  });

function rulesOf(record: string): RecordRules | undefined {
  const loaded = load(record);
  if (loaded.kind === 'refused') throw new Error(loaded.problems.map(problemText).join('\n'));
  return loaded.snapshot.tenants.get('acme')?.record;
}

const ALL = ['externalUserId', 'email', 'name', 'session', 'sourceIp'];

describe('R86 what a tenant keeps besides the facts that decide', () => {
  it.each([
    ['', { personalData: ALL, consentRequired: false, errorMessages: true }],
    [', record: {}', { personalData: ALL, consentRequired: false, errorMessages: true }],
    [', record: { personal_data: [] }', { personalData: [] }],
    [', record: { personal_data: [source_ip, email] }', { personalData: ['email', 'sourceIp'] }],
    [', record: { consent: required }', { personalData: ALL, consentRequired: true }],
    [', record: { error_messages: false }', { personalData: ALL, errorMessages: false }],
  ])('%s', (record, rules) => {
    expect(rulesOf(record)).toMatchObject(rules);
  });

  it.each([
    ['personal_data: [phone]', 'external_user_id'],
    ['personal_data: email', 'expected a list'],
    ['consent: needed', 'required or ignored'],
    ['error_messages: 1', 'true or false'],
    ['personal: []', 'personal_data'],
  ])('%s is refused and says what is expected', (written, expected) => {
    const loaded = load(`, record: { ${written} }`);
    if (loaded.kind !== 'refused') throw new Error('was taken');
    expect(loaded.problems.map(problemText).join()).toContain(expected);
  });
});
