import { evaluationOrder } from '../policy/policy.ts';
import { DistinctConditions } from './distinct-conditions.ts';
import type { ConfigurationDocument } from './document.ts';

/** Parts of a document that are lists, and may be long. */
export const SECTIONS = [
  'tenants',
  'agents',
  'policies',
  'limits',
  'budgets',
  'tiers',
  'exemptions',
] as const;
export type Section = (typeof SECTIONS)[number];
export type Entry<S extends Section> = ConfigurationDocument[S][number];

/** A document as it is compiled: its long lists come in slices, each of them once. */
export interface Sections {
  /** All that is not a list. */
  readonly settings: Settings;
  /**
   * Entries in the order of the file, policies in evaluation order. Conditions of policies that are
   * written alike are one object.
   */
  slices<S extends Section>(section: S): Iterable<readonly Entry<S>[]>;
}

export type Settings = Omit<ConfigurationDocument, Section>;

/** A document that is at hand; a slice is a whole list. */
export function sectionsOf(document: ConfigurationDocument): Sections {
  const distinct = new DistinctConditions();
  const policies = (): readonly Entry<'policies'>[] =>
    document.policies.toSorted(evaluationOrder).map((policy) => ({
      ...policy,
      conditions: policy.conditions.map((one) => distinct.likeOf(one)),
    }));
  const slices = (section: Section): readonly (readonly Entry<Section>[])[] => [
    section === 'policies' ? policies() : document[section],
  ];
  return { settings: settingsOf(document), slices: slices as Sections['slices'] };
}

export function settingsOf(document: ConfigurationDocument): Settings {
  const { tenants, agents, policies, limits, budgets, tiers, exemptions, ...settings } = document;
  return settings;
}
