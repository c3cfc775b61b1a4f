import { DEFAULT_TIER } from '../scope/tier.ts';
import { AGENT_DEFAULT_IDS } from './agent-defaults.ts';
import type { Finding } from './issue-words.ts';
import type { FieldPath } from './problem.ts';
import { didYouMean } from './suggest.ts';
import { SECTIONS, type Section } from './sections.ts';

/**
 * Checks that names lead somewhere and that ids are given once. Works on what was read, not on what
 * passed the schema, so that one mistake does not hide the others.
 */
export function referenceFindings(
  root: unknown,
  lineOf: (path: FieldPath) => number,
): readonly Finding[] {
  return [
    ...SECTIONS.flatMap((section) => repeatedIds(root, section, lineOf)),
    ...REFERENCES.flatMap(({ from, to }) => danglingNames(root, from, to)),
  ];
}

interface Reference {
  /** `[]` means every item of a list; `{}` every key of a mapping. */
  readonly from: string;
  readonly to: Section;
}

const MATCHES = ['limits[].match', 'budgets[].match', 'tiers[].match', 'exemptions[].match'];

/** Those within a condition of type any included. */
const CONDITIONS = ['policies[].conditions[]', 'policies[].conditions[].conditions[]'];

const REFERENCES: readonly Reference[] = [
  { from: 'tenants[].agents[]', to: 'agents' },
  { from: 'agents[].tenants[]', to: 'tenants' },
  { from: 'policies[].tenants[]', to: 'tenants' },
  ...CONDITIONS.flatMap((conditions): readonly Reference[] => [
    { from: `${conditions}.agents[]`, to: 'agents' },
    { from: `${conditions}.organizations[]`, to: 'tenants' },
  ]),
  { from: 'limits[].tiers{}', to: 'tiers' },
  { from: 'exemptions[].limits[]', to: 'limits' },
  ...MATCHES.flatMap((match): readonly Reference[] => [
    { from: `${match}.organizations[]`, to: 'tenants' },
    { from: `${match}.agents[]`, to: 'agents' },
    { from: `${match}.tiers[]`, to: 'tiers' },
  ]),
];

/** Ids that are there without being written. */
const GIVEN: Readonly<Partial<Record<Section, readonly string[]>>> = {
  tiers: [DEFAULT_TIER],
  limits: [AGENT_DEFAULT_IDS.limit],
};

/** Ids that the section `defaults` makes. */
const RESERVED: Readonly<Partial<Record<Section, readonly string[]>>> = {
  limits: [AGENT_DEFAULT_IDS.limit],
  budgets: [AGENT_DEFAULT_IDS.monthly, AGENT_DEFAULT_IDS.daily],
};

interface Visit {
  readonly value: unknown;
  readonly path: FieldPath;
}

function repeatedIds(
  root: unknown,
  section: Section,
  lineOf: (path: FieldPath) => number,
): readonly Finding[] {
  const first = new Map<string, FieldPath>();
  const findings: Finding[] = [];
  for (const { value, path } of visit(root, `${section}[].id`)) {
    if (typeof value !== 'string') continue;
    const before = first.get(value);
    if (before !== undefined) {
      const message = `the id "${value}" is used twice; first on line ${lineOf(before)}`;
      findings.push({ path, at: 'value', message });
    } else if (RESERVED[section]?.includes(value)) {
      const message = `the id "${value}" is kept for what \`defaults\` makes; expected another id`;
      findings.push({ path, at: 'value', message });
    }
    if (before === undefined) first.set(value, path);
  }
  return findings;
}

const SINGULAR: Readonly<Record<Section, string>> = {
  tenants: 'tenant',
  agents: 'agent',
  policies: 'policy',
  limits: 'limit',
  budgets: 'budget',
  tiers: 'tier',
  exemptions: 'exemption',
};

function danglingNames(root: unknown, from: string, to: Section): readonly Finding[] {
  const visits = visit(root, from);
  if (visits.length === 0) return [];
  const written = visit(root, `${to}[].id`).flatMap(({ value }) =>
    typeof value === 'string' ? [value] : [],
  );
  const known = new Set([...written, ...(GIVEN[to] ?? [])]);
  return visits.flatMap(({ value, path }): readonly Finding[] => {
    if (typeof value !== 'string' || known.has(value)) return [];
    const message = `there is no ${SINGULAR[to]} "${value}"${didYouMean(value, [...known])}`;
    return [{ path, at: from.endsWith('{}') ? 'key' : 'value', message }];
  });
}

/**
 * Every value that a pattern such as "limits[].match.agents[]" leads to; what has another shape is
 * passed over.
 */
function visit(root: unknown, pattern: string): readonly Visit[] {
  let visits: readonly Visit[] = [{ value: root, path: [] }];
  for (const part of pattern.split('.')) {
    const key = part.replace(/[[{].*$/, '');
    visits = visits.flatMap((one) => childOf(one, key));
    if (part.endsWith('[]')) visits = visits.flatMap(itemsOf);
    if (part.endsWith('{}')) visits = visits.flatMap(keysOf);
  }
  return visits;
}

function childOf({ value, path }: Visit, key: string): readonly Visit[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.hasOwn(value, key)
    ? [{ value: (value as Record<string, unknown>)[key], path: [...path, key] }]
    : [];
}

function itemsOf({ value, path }: Visit): readonly Visit[] {
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown, index) => ({ value: item, path: [...path, index] }));
}

function keysOf({ value, path }: Visit): readonly Visit[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.keys(value).map((key) => ({ value: key, path: [...path, key] }));
}
