import type { ConditionDefinition } from './conditions/definition.ts';
import { parseCel } from './conditions/cel-expression.ts';

/** Names of the attributes that policies ask for; undefined means that they may ask for any. */
export type AskedAttributes = ReadonlySet<string> | undefined;

/** What one condition asks for; undefined means that it may ask for any. */
export function attributesIn(definition: ConditionDefinition): readonly string[] | undefined {
  switch (definition.type) {
    case 'attribute':
      return [definition.name];
    case 'cel': {
      // Nearly all expressions are told at a glance.
      if (!definition.expression.includes('attributes')) return [];
      const parsed = parseCel(definition.expression);
      return 'ok' in parsed ? parsed.ok.attributes : undefined;
    }
    case 'any': {
      const inside = definition.conditions.map(attributesIn);
      return inside.every((names) => names !== undefined) ? inside.flat() : undefined;
    }
    default:
      return [];
  }
}

/** Leaves of the attributes those that are asked for. */
export function onlyAsked(
  attributes: Readonly<Record<string, unknown>>,
  asked: AskedAttributes,
): Readonly<Record<string, unknown>> {
  if (asked === undefined) return attributes;
  for (const name in attributes) {
    if (!asked.has(name)) {
      return Object.fromEntries(Object.entries(attributes).filter(([one]) => asked.has(one)));
    }
  }
  return attributes;
}
