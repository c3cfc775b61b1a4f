import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { configurationJsonSchema } from '../../src/configuration/json-schema.ts';
import { lintConfiguration } from '../../src/configuration/lint.ts';
import { configurationReference } from '../../src/configuration/reference.ts';

const NOW_MS = Date.parse('2026-11-21T12:00:00Z');
const EXAMPLES = ['quickstart', 'demo-unlimited', 'demo-100-usd'];
const POLICIES = readdirSync('examples/policies').filter((name) => !name.endsWith('.test.yaml'));

/** One of them shows what lint is for (P20). */
const WARNED: Readonly<Record<string, readonly string[]>> = {
  'business-hours-denied.yaml': [
    'denies WITHIN business hours; write negate: true to deny outside',
  ],
};

describe('files that are shipped with the configuration', () => {
  it('tollgate.schema.json is the schema that the program checks by', async () => {
    await expect(configurationJsonSchema()).toMatchFileSnapshot('../../tollgate.schema.json');
  });

  it('docs/configuration.md lists every key and every variable (R72)', async () => {
    await expect(configurationReference()).toMatchFileSnapshot('../../docs/configuration.md');
  });

  it.each(EXAMPLES)('examples/%s.yaml has no problem and no warning', (name) => {
    const file = `examples/${name}.yaml`;
    expect(lintConfiguration(readFileSync(file, 'utf8'), file, NOW_MS)).toEqual({
      problems: [],
      warnings: [],
    });
  });

  it.each(EXAMPLES)('examples/%s.yaml tells editors where its schema is', (name) => {
    const [first] = readFileSync(`examples/${name}.yaml`, 'utf8').split('\n');
    expect(first).toBe('# yaml-language-server: $schema=../tollgate.schema.json');
  });

  const schema = z.fromJSONSchema(
    JSON.parse(configurationJsonSchema()) as z.core.JSONSchema.JSONSchema,
  );

  it.each(EXAMPLES)('examples/%s.yaml is right in the eyes of an editor', (name) => {
    expect(schema.safeParse(parse(readFileSync(`examples/${name}.yaml`, 'utf8'))).error).toBe(
      undefined,
    );
  });

  it.each(POLICIES)('examples/policies/%s has no problem, no warning, and a schema', (name) => {
    const file = `examples/policies/${name}`;
    const text = readFileSync(file, 'utf8');
    const { problems, warnings } = lintConfiguration(text, file, NOW_MS);
    expect(problems).toEqual([]);
    expect(warnings.map(({ message }) => message)).toEqual(WARNED[name] ?? []);
    expect(text).toMatch(/^# yaml-language-server: \$schema=..\/..\/tollgate.schema.json\n/);
    expect(schema.safeParse(parse(text)).error).toBe(undefined);
  });

  it.each([
    ['an unknown key', { version: 1, budgts: [] }],
    [
      'a negative cap',
      {
        version: 1,
        budgets: [{ id: 'b', scope: 'user', period: 'daily', caps: { cost_usd: -2 } }],
      },
    ],
    [
      'an unknown condition',
      { version: 1, policies: [{ id: 'p', effect: 'allow', conditions: [{ type: 'moon' }] }] },
    ],
  ])('an editor marks %s', (_what, value) => {
    expect(schema.safeParse(value).success).toBe(false);
  });
});
