import type { ConditionDefinition, WeeklySpan } from '../../src/policy/conditions/definition.ts';
import type { PolicyFacts } from '../../src/policy/facts.ts';
import type { PolicyDefinition } from '../../src/policy/policy.ts';
import type { Combining, Truth } from '../../src/policy/verdict.ts';
import { isWithin } from './address-model.ts';
import { CEL } from './policy-pools.ts';

/**
 * Policies as simply as they can be said: every policy is looked at for every request, nothing is
 * prepared, kept or left out. Shares no code with what it judges.
 */
export interface ModelVerdict {
  readonly effect: 'allow' | 'deny';
  /** "id:applies", in evaluation order. */
  readonly deciding: readonly string[];
  readonly considered: readonly string[];
  /** "name of id" */
  readonly obligations: readonly string[];
  readonly shadow: { readonly effect: string; readonly deciding: readonly string[] } | undefined;
}

interface Judged {
  readonly policy: PolicyDefinition;
  readonly applies: Truth;
}

export function judge(
  policies: readonly PolicyDefinition[],
  combining: Combining,
  facts: PolicyFacts,
): ModelVerdict {
  const all = policies
    .filter(({ enabled, tenants }) => enabled && (!tenants || tenants.includes(facts.tenant)))
    .sort((a, b) => rank(a).localeCompare(rank(b), 'en'))
    .map((policy): Judged => {
      const truths = policy.conditions.map((condition) => truthOf(condition, facts));
      return { policy, applies: and(truths) };
    });
  const enforced = all.filter(({ policy }) => !policy.shadow);
  const [effect, deciding] = together(combining, enforced);
  const [otherwise, others] = together(combining, all);
  const inShadow = others.filter(({ policy }) => policy.shadow);
  return {
    effect,
    deciding: deciding.map(textOf),
    considered: all.map(textOf),
    obligations:
      effect === 'deny'
        ? []
        : deciding.flatMap(({ policy: { id, obligations } }) =>
            obligations.map(({ name }) => `${name} of ${id}`),
          ),
    shadow:
      otherwise === effect ? undefined : { effect: otherwise, deciding: inShadow.map(textOf) },
  };
}

const textOf = ({ policy, applies }: Judged): string => `${policy.id}:${applies}`;

/** As text, the smallest first: priority, then deny before allow, then id. */
function rank({ priority, effect, id }: PolicyDefinition): string {
  const order = effect === 'deny' ? 0 : 1;
  return `${String(priority).padStart(5, '0')} ${order} ${id}`;
}

type Together = readonly [effect: 'allow' | 'deny', deciding: readonly Judged[]];

function together(combining: Combining, judged: readonly Judged[]): Together {
  const denying: Judged[] = [];
  const allowing: Judged[] = [];
  const speaking: Judged[] = [];
  for (const one of judged) {
    if (one.policy.effect === 'deny' && one.applies === 'false') continue;
    if (one.policy.effect === 'allow' && one.applies !== 'true') continue;
    speaking.push(one);
    (one.policy.effect === 'deny' ? denying : allowing).push(one);
  }
  const first = speaking[0];
  if (!first) return ['deny', []];
  if (combining === 'FIRST_APPLICABLE') return [first.policy.effect, [first]];
  const denies = combining === 'DENY_OVERRIDES' ? denying.length > 0 : allowing.length === 0;
  return denies ? ['deny', denying] : ['allow', allowing];
}

/** Kleene's logic, with truths as numbers: AND is the least of them, OR the greatest. */
const RANK: Readonly<Record<Truth, number>> = { false: 0, unknown: 1, true: 2 };
const BY_RANK: readonly Truth[] = ['false', 'unknown', 'true'];
export const and = (truths: readonly Truth[]): Truth =>
  BY_RANK[Math.min(2, ...truths.map((truth) => RANK[truth]))]!;
export const or = (truths: readonly Truth[]): Truth =>
  BY_RANK[Math.max(0, ...truths.map((truth) => RANK[truth]))]!;
export const not = (truth: Truth): Truth => BY_RANK[2 - RANK[truth]]!;

/** @param holds undefined when it cannot be told */
const truth = (holds: boolean | undefined): Truth => (holds === undefined ? 'unknown' : `${holds}`);

function truthOf(condition: ConditionDefinition, facts: PolicyFacts): Truth {
  const plain = plainTruthOf(condition, facts);
  return condition.negate ? not(plain) : plain;
}

function plainTruthOf(condition: ConditionDefinition, facts: PolicyFacts): Truth {
  switch (condition.type) {
    case 'environment':
      return among(facts.environment, condition.environments);
    case 'provider':
      return among(facts.provider, condition.providers);
    case 'agent':
      return among(facts.agent, condition.agents);
    case 'data_classification':
      return someAmong(facts.dataClassification, condition.tags);
    case 'principal':
      return and([
        condition.organizations ? among(facts.tenant, condition.organizations) : 'true',
        condition.users ? among(facts.user, condition.users) : 'true',
        condition.teams ? among(facts.team, condition.teams) : 'true',
        condition.roles ? someAmong(facts.roles, condition.roles) : 'true',
      ]);
    case 'attribute': {
      const sent = Object.entries(facts.attributes).find(([name]) => name === condition.name)?.[1];
      const comparable = condition.equals.some((value) => typeof value === typeof sent);
      return truth(comparable ? condition.equals.some((value) => value === sent) : undefined);
    }
    case 'time_window': {
      const spans = [condition.businessHours ?? [], condition.maintenanceWindows ?? []].flat();
      return or(
        spans.map((span) =>
          truth(
            span.kind === 'once'
              ? span.fromMs <= facts.nowMs && facts.nowMs < span.toMs
              : isWithinWeekly(span, facts.nowMs),
          ),
        ),
      );
    }
    case 'location': {
      const { countries, ipRanges } = condition;
      const inRanges = ipRanges?.map((range) => truth(isWithin(range, facts.sourceIp)));
      return and([countries ? among(facts.country, countries) : 'true', or(inRanges ?? ['true'])]);
    }
    case 'estimate': {
      const { costMicroUsd, inputTokens, outputTokens, totalTokens } = condition.above;
      const total = facts.inputTokens + facts.outputTokens;
      const tokens = (most: bigint | undefined, count: bigint): Truth =>
        most === undefined ? 'false' : truth(total === 0n ? undefined : count > most);
      return or([
        truth(costMicroUsd !== undefined && facts.costMicroUsd > costMicroUsd),
        tokens(inputTokens, facts.inputTokens),
        tokens(outputTokens, facts.outputTokens),
        tokens(totalTokens, total),
      ]);
    }
    case 'cel':
      return CEL[condition.expression]!(facts);
    case 'any':
      return or(condition.conditions.map((one) => truthOf(one, facts)));
  }
}

function among(fact: string, values: readonly string[]): Truth {
  const same = (value: string): boolean => value.toLowerCase() === fact.toLowerCase();
  return truth(fact === '' ? undefined : values.some(same));
}

function someAmong(facts: readonly string[], values: readonly string[]): Truth {
  return facts.length === 0 ? 'unknown' : or(facts.map((fact) => among(fact, values)));
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
/** What the clock of a zone shows, by zone and time: the pools are small and asking is slow. */
const shown = new Map<string, string>();

function clock(timeZone: string, nowMs: number): string {
  const key = `${timeZone} ${nowMs}`;
  const known = shown.get(key);
  if (known !== undefined) return known;
  const text = new Date(nowMs).toLocaleString('en-GB', {
    ...{ timeZone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  } as Intl.DateTimeFormatOptions);
  shown.set(key, text);
  return text;
}

/** Whether a span that started on some day, today's or yesterday's, is still going on. */
function isWithinWeekly(span: WeeklySpan, nowMs: number): boolean {
  const [, day = '', hour, minute] =
    /(\w{3})\D*(\d\d):(\d\d)/.exec(clock(span.timeZone, nowMs)) ?? [];
  const today = DAYS.indexOf(day);
  const now = Number(hour) * 60 + Number(minute);
  const lasts = span.endMinute - span.startMinute + (span.endMinute > span.startMinute ? 0 : 1440);
  return [0, 1].some((daysAgo) => {
    const sinceStart = now + daysAgo * 1440 - span.startMinute;
    const startedOn = (today + 7 - daysAgo) % 7;
    return span.days.includes(startedOn) && sinceStart >= 0 && sinceStart < lasts;
  });
}
