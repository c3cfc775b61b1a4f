import { unreachable } from '../../lib/assert.ts';
import type { Condition } from '../policy.ts';
import { allOf, not, truthOf } from '../truth.ts';
import type { PolicyFacts } from '../facts.ts';
import { any } from './any.ts';
import { cel } from './cel.ts';
import { estimate } from './estimate.ts';
import { location } from './location.ts';
import { timeWindow } from './time-window.ts';
import type { AttributeValues, ConditionDefinition, PrincipalCondition } from './definition.ts';

/** Makes a configured condition ready to be asked. */
export function compileCondition(definition: ConditionDefinition): Condition {
  const condition = compilePlain(definition);
  return definition.negate ? negated(condition) : condition;
}

function compilePlain(definition: ConditionDefinition): Condition {
  switch (definition.type) {
    case 'environment':
      return oneOf('environment', definition.environments, (facts) => facts.environment);
    case 'provider':
      return oneOf('provider', definition.providers, (facts) => facts.provider);
    case 'agent':
      return oneOf('agent', definition.agents, (facts) => facts.agent);
    case 'principal':
      return principal(definition);
    case 'data_classification':
      return anyOf('data_classification', definition.tags, (facts) => facts.dataClassification);
    case 'attribute':
      return attribute(definition.name, definition.equals);
    case 'time_window':
      return timeWindow(definition);
    case 'location':
      return location(definition);
    case 'estimate':
      return estimate(definition);
    case 'cel':
      return cel(definition.expression);
    case 'any':
      return any(definition.conditions.map(compileCondition));
    default:
      return unreachable(definition);
  }
}

function negated(condition: Condition): Condition {
  return {
    ...condition,
    words: `not (${condition.words})`,
    evaluate: (facts) => not(condition.evaluate(facts)),
  };
}

/** The fact, read without regard to case, is one of the values; unknown when it is missing. */
function oneOf(
  fact: string,
  values: readonly string[],
  read: (facts: PolicyFacts) => string,
): Condition {
  const wanted = caseless(values);
  return {
    words: `${fact} is ${wordsOf(values)}`,
    fact,
    evaluate(facts) {
      const value = read(facts);
      if (value === '') return 'unknown';
      return truthOf(wanted.has(value) || wanted.has(value.toLowerCase()));
    },
    saw: read,
  };
}

/** One of the facts is one of the values; unknown when there are none. */
function anyOf(
  fact: string,
  values: readonly string[],
  read: (facts: PolicyFacts) => readonly string[],
): Condition {
  const wanted = caseless(values);
  return {
    words: `${fact} contains ${wordsOf(values)}`,
    fact,
    evaluate(facts) {
      const present = read(facts);
      if (present.length === 0) return 'unknown';
      return truthOf(present.some((value) => wanted.has(value.toLowerCase())));
    },
    saw: (facts) => read(facts).join(', '),
  };
}

function principal(definition: PrincipalCondition): Condition {
  const parts: Condition[] = [];
  const { organizations } = definition;
  if (organizations) parts.push(oneOf('organization', organizations, (facts) => facts.tenant));
  if (definition.users) parts.push(oneOf('user', definition.users, (facts) => facts.user));
  if (definition.teams) parts.push(oneOf('team', definition.teams, (facts) => facts.team));
  if (definition.roles) parts.push(anyOf('roles', definition.roles, (facts) => facts.roles));
  return {
    words: parts.map((part) => part.words).join(' and '),
    fact: parts.map((part) => part.fact).join(' and '),
    missing: (facts) =>
      parts
        .filter((part) => part.evaluate(facts) === 'unknown')
        .map((part) => part.fact)
        .join(' and '),
    evaluate: (facts) => allOf(parts, (part) => part.evaluate(facts)),
    saw: (facts) => parts.map((part) => part.saw(facts)).join(' and '),
  };
}

/** A missing attribute, or one of another type than every value asked for, is unknown. */
function attribute(name: string, values: AttributeValues): Condition {
  const types = new Set(values.map((value) => typeof value));
  const wanted = new Set<unknown>(values);
  const read = (facts: PolicyFacts): unknown =>
    Object.hasOwn(facts.attributes, name) ? facts.attributes[name] : undefined;
  return {
    words: `attribute ${name} is ${wordsOf(values.map(String))}`,
    fact: `attributes.${name}`,
    evaluate(facts) {
      const value = read(facts);
      if (!types.has(typeof value)) return 'unknown';
      return truthOf(wanted.has(value));
    },
    saw: (facts) => shown(read(facts)),
  };
}

const MAX_SHOWN = 80;

function shown(value: unknown): string {
  if (value === undefined) return '';
  return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, MAX_SHOWN);
}

function caseless(values: readonly string[]): ReadonlySet<string> {
  return new Set(values.map((value) => value.toLowerCase()));
}

function wordsOf(values: readonly string[]): string {
  return values.length === 1 ? (values[0] ?? '') : `one of ${values.join(', ')}`;
}
