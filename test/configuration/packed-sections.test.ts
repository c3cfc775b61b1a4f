import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { policyFile, requestMix } from '../../bench/policy-mix.ts';
import { BUILT_IN_DEFAULTS } from '../../src/configuration/environment-defaults.ts';
import { loadConfiguration, loadPacked, type Load } from '../../src/configuration/load.ts';
import { unpackEntries, unpackSections } from '../../src/configuration/packed-sections.ts';
import { readApart, type PackedReading } from '../../src/configuration/reading-thread.ts';
import { readConfiguration } from '../../src/configuration/reading.ts';
import { digestOf } from '../../src/configuration/revision.ts';
import { sectionsOf, SECTIONS, type Sections } from '../../src/configuration/sections.ts';
import { allAtOnce, betweenTurns, type Steps } from '../../src/configuration/steps.ts';
import type { Snapshot } from '../../src/decision/snapshot.ts';
import type { ScopeFacts } from '../../src/scope/scope.ts';

const NOW_MS = Date.parse('2026-11-21T12:00:00Z');
const OPTIONS = {
  file: 'x.yaml',
  environmentDefaults: BUILT_IN_DEFAULTS,
  changedAtMs: NOW_MS,
  nowMs: NOW_MS,
  previous: undefined,
};

const open = new AbortController().signal;

const apart = (text: string): Promise<PackedReading> =>
  readApart({ ...OPTIONS, bytes: Buffer.from(text) }, open);

type Read<T> = Extract<T, { readonly kind: 'read' }>;

function read<T extends { readonly kind: string }>(reading: T): Read<T> {
  if (reading.kind !== 'read') throw new Error('the text is refused');
  return reading as Read<T>;
}

function snapshotOf(load: Load): Snapshot {
  if (load.kind === 'refused') throw new Error('the text is refused');
  return load.snapshot;
}

const contentOf = (sections: Sections): unknown => [
  sections.settings,
  ...SECTIONS.map((section) => [...sections.slices(section)].flat()),
];

/** Every section with entries, and conditions with money, moments and more than one spelling. */
const EVERYTHING = `version: 1
revision: 7
tenants: [{ id: acme, agents: [bot] }, { id: beta, name: Beta }]
agents: [{ id: bot, provider: openai }, { id: own, provider: custom, tenants: [beta] }]
policies:
  - { id: late, effect: allow, priority: 90, conditions: [{ type: agent, agents: [bot] }] }
  - id: money
    effect: deny
    conditions:
      - { type: estimate, above: { cost_usd: "5.00" } }
      - { type: attribute, name: risk, equals: [1, "1", true] }
      - { type: any, conditions: [{ type: agent, agents: [bot] }] }
  - id: window
    effect: deny
    conditions:
      - type: time_window
        maintenance_windows:
          - { start: "2026-12-01T00:00:00Z", end: "2026-12-02T00:00:00Z" }
  - { id: same, effect: allow, conditions: [{ type: agent, agents: [bot] }] }
limits: [{ id: rate, scope: [organization], windows: [{ per: minute, limit: 5 }] }]
budgets: [{ id: cap, scope: [organization], period: monthly, caps: { cost_usd: "9.50" } }]
tiers: [{ id: gold, match: { organizations: [acme] } }]
exemptions: [{ id: free, match: { users: [root] }, granted_by: ops, reason: test }]
prices: { platforms: { custom: "0.02" } }
`;

const TEXTS = [
  ['every section', EVERYTHING],
  ['the quickstart', readFileSync('examples/quickstart.yaml', 'utf8')],
  ['two thousand policies', policyFile(2000)],
] as const;

describe('a configuration that is read on a thread of its own', () => {
  it.each(TEXTS)('comes out of its packs as it went in: %s', async (_what, text) => {
    const reading = read(await apart(text));
    const here = read(readConfiguration({ ...OPTIONS, text }));
    expect(contentOf(unpackSections(reading.document))).toEqual(
      contentOf(sectionsOf(here.document)),
    );
    expect([...unpackEntries(reading.warnings)].flat()).toEqual(here.warnings);
    expect(reading.revisionPlace).toEqual(here.revisionPlace);
    expect(reading.digest).toBe(digestOf(text, BUILT_IN_DEFAULTS));
  });

  it('comes in many small packs, and what many policies ask comes once', async () => {
    const { document } = read(await apart(policyFile(2000)));
    const slices = [...unpackSections(document).slices('policies')];
    expect(slices.flat()).toHaveLength(2000);
    expect(Math.max(...slices.map((slice) => slice.length))).toBeLessThan(100);
    const asked = slices.flat().flatMap(({ conditions }) => conditions);
    const texts = new Set(asked.map((condition) => JSON.stringify(condition)));
    expect(new Set(asked).size).toBe(texts.size);
    expect(texts.size).toBeLessThan(asked.length / 10);
  });

  it('is refused with the same problems', async () => {
    const text = 'version: 1\ntenants: [{ id: acme, nmae: Acme }]\n';
    expect(await apart(text)).toEqual(readConfiguration({ ...OPTIONS, text }));
  });

  it('is refused when it is no text', async () => {
    const bytes = Uint8Array.of(0xff, 0xfe, 0xfd);
    expect(await readApart({ ...OPTIONS, bytes }, open)).toMatchObject({
      problems: [{ message: 'the file is not UTF-8 text' }],
    });
  });

  it('is given up when it is no longer wanted', async () => {
    const wanted = new AbortController();
    const reading = readApart({ ...OPTIONS, bytes: Buffer.from(EVERYTHING) }, wanted.signal);
    wanted.abort();
    await expect(reading).rejects.toThrow('aborted');
  });
});

const scopeFacts = (organization: string, user: string): ScopeFacts => ({
  ...{ organization, user, team: 'hr', agent: 'bot', provider: 'openai' },
  ...{ environment: 'production', roles: [], tier: '' },
});

describe('a configuration compiled between turns', () => {
  it.each(TEXTS)('decides as one compiled at once: %s', async (_what, text) => {
    const packed = await betweenTurns(loadPacked(await apart(text), OPTIONS), open);
    const steps = snapshotOf(packed);
    const once = snapshotOf(loadConfiguration(text, OPTIONS));

    expect(steps.revision).toBe(once.revision);
    expect(steps.prices).toEqual(once.prices);
    expect(steps.limits.definitions).toEqual(once.limits.definitions);
    expect(steps.budgets.definitions).toEqual(once.budgets.definitions);
    expect([...steps.tenants.keys()]).toEqual([...once.tenants.keys()]);
    for (const [id, { name, agents }] of once.tenants) {
      const other = steps.tenants.get(id)!;
      expect(other.name).toBe(name);
      for (const agent of ['bot', 'own', 'agent-1', 'copilot-hr', 'nobody']) {
        expect(other.agents.get(agent)).toEqual(agents.get(agent));
      }
      for (const facts of [scopeFacts(id, 'root'), scopeFacts(id, 'alice')]) {
        expect(steps.tierOf(facts)).toBe(once.tierOf(facts));
        const usesOf = ({ limits }: Snapshot): unknown => limits.select(facts, 0n, NOW_MS).uses;
        expect(usesOf(steps)).toEqual(usesOf(once));
      }
      const inForce = ({ policies }: Snapshot): readonly string[] =>
        policies.inForce(id).map((policy) => policy.id);
      expect(inForce(steps)).toEqual(inForce(once));
    }
    const requests = requestMix(200).flatMap((facts) => [
      facts,
      { ...facts, tenant: 'acme', agent: 'bot', provider: '', attributes: { risk: true } },
    ]);
    for (const facts of requests) {
      expect(steps.policies.evaluate(facts, 'likely')).toEqual(
        once.policies.evaluate(facts, 'likely'),
      );
    }
  });

  it('says that its revision must grow', async () => {
    const loaded = loadConfiguration(EVERYTHING, OPTIONS);
    if (loaded.kind === 'refused') throw new Error('the text is refused');
    const options = { ...OPTIONS, previous: loaded };
    const refusal = loadConfiguration(EVERYTHING, options);
    expect(refusal).toMatchObject({ problems: [{ field: 'revision', line: 2 }] });
    expect(allAtOnce(loadPacked(await apart(EVERYTHING), options))).toEqual(refusal);
  });
});

describe('work in steps', () => {
  function* counting(most: number): Steps<number> {
    for (let count = 0; count < most; count++) yield;
    return most;
  }

  it('has the same result at once and between turns', async () => {
    expect(allAtOnce(counting(3))).toBe(3);
    expect(await betweenTurns(counting(3), open)).toBe(3);
  });

  it('gives way to others, and ends when it is no longer wanted', async () => {
    const wanted = new AbortController();
    const work = betweenTurns(counting(Infinity), wanted.signal);
    const ended = expect(work).rejects.toThrow('no longer wanted');
    await nextTurn();
    wanted.abort(new Error('no longer wanted'));
    await ended;
  });
});
