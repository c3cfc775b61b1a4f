import { deserialize, serialize } from 'node:v8';
import { evaluationOrder } from '../policy/policy.ts';
import { DistinctConditions } from './distinct-conditions.ts';
import type { ConfigurationDocument } from './document.ts';
import {
  SECTIONS,
  settingsOf,
  type Entry,
  type Section,
  type Sections,
  type Settings,
} from './sections.ts';

/** Values, serialised. Sent to another thread without being looked at there. */
export type Pack = Uint8Array<ArrayBuffer>;

/** A document for another thread, in packs that are each read in a part of a millisecond. */
export interface PackedSections {
  readonly settings: Settings;
  readonly packs: Readonly<Record<Section, readonly Pack[]>>;
}

/** Most values of all depths in a pack, save that an entry is never divided. */
const MAX_PACK_VALUES = 1_000;

/** Policies whose conditions are told by their place among those of this pack and all before it. */
interface PolicyPack {
  readonly conditions: readonly Condition[];
  readonly policies: readonly PlacedPolicy[];
}
type Condition = Entry<'policies'>['conditions'][number];
type PlacedPolicy = Omit<Entry<'policies'>, 'conditions'> & {
  readonly conditions: readonly number[];
};

export function packSections(document: ConfigurationDocument): PackedSections {
  const packed = SECTIONS.map((section): [Section, readonly Pack[]] => [
    section,
    section === 'policies' ? packPolicies(document.policies) : packEntries(document[section]),
  ]);
  return {
    settings: settingsOf(document),
    packs: Object.fromEntries(packed) as Record<Section, readonly Pack[]>,
  };
}

export function unpackSections({ settings, packs }: PackedSections): Sections {
  const slices = (section: Section): Iterable<readonly Entry<Section>[]> =>
    section === 'policies' ? unpackPolicies(packs.policies) : unpackEntries(packs[section]);
  return { settings, slices: slices as Sections['slices'] };
}

export function packEntries(entries: readonly unknown[]): readonly Pack[] {
  return inSlices(entries).map(packOf);
}

/** What `packEntries` was given, pack by pack. */
export function* unpackEntries<T>(packs: readonly Pack[]): Generator<readonly T[]> {
  for (const pack of packs) yield deserialize(pack) as readonly T[];
}

function packPolicies(policies: ConfigurationDocument['policies']): readonly Pack[] {
  const distinct = new DistinctConditions();
  const places = new Map<Condition, number>();
  return inSlices(policies.toSorted(evaluationOrder)).map((slice) => {
    const conditions: Condition[] = [];
    const placeOf = (written: Condition): number => {
      const condition = distinct.likeOf(written);
      const known = places.get(condition);
      if (known !== undefined) return known;
      conditions.push(condition);
      places.set(condition, places.size);
      return places.size - 1;
    };
    const placed = slice.map((policy) => ({
      ...policy,
      conditions: policy.conditions.map(placeOf),
    }));
    return packOf({ conditions, policies: placed } satisfies PolicyPack);
  });
}

function* unpackPolicies(packs: readonly Pack[]): Generator<readonly Entry<'policies'>[]> {
  const known: Condition[] = [];
  for (const pack of packs) {
    const { conditions, policies } = deserialize(pack) as PolicyPack;
    known.push(...conditions);
    yield policies.map((policy) => ({
      ...policy,
      conditions: policy.conditions.map((place) => known[place]!),
    }));
  }
}

function packOf(value: unknown): Pack {
  const { buffer, byteOffset, byteLength } = serialize(value);
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function inSlices<T>(entries: readonly T[]): readonly (readonly T[])[] {
  const slices: T[][] = [];
  let values = Infinity;
  for (const entry of entries) {
    const more = valuesIn(entry);
    if (values + more > MAX_PACK_VALUES) {
      slices.push([]);
      values = 0;
    }
    slices.at(-1)!.push(entry);
    values += more;
  }
  return slices;
}

function valuesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  let sum = 1;
  for (const inner of Object.values(value)) sum += valuesIn(inner);
  return sum;
}
