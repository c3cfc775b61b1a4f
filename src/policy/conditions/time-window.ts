import { WallClock } from '../../lib/zoned-time.ts';
import type { Condition } from '../policy.ts';
import { truthOf } from '../truth.ts';
import type { MomentSpan, TimeWindowCondition, WeeklySpan } from './definition.ts';

/** A time is never missing, so this is true or false. Spans include their start, not their end. */
export function timeWindow(definition: TimeWindowCondition): Condition {
  const { businessHours, maintenanceWindows = [] } = definition;
  const spans = [...(businessHours ? [businessHours] : []), ...maintenanceWindows].map(spanOf);
  const what = businessHours ? 'within business hours' : 'within a maintenance window';
  return {
    words: `time is ${what}: ${spans.map(({ words }) => words).join('; ')}`,
    fact: 'time',
    evaluate: ({ nowMs }) => truthOf(spans.some((span) => span.holds(nowMs))),
    saw: ({ nowMs }) => new Date(nowMs).toISOString(),
  };
}

interface Span {
  readonly words: string;
  holds(nowMs: number): boolean;
}

function spanOf(span: WeeklySpan | MomentSpan): Span {
  return span.kind === 'once' ? once(span) : weekly(span);
}

function once({ fromMs, toMs }: MomentSpan): Span {
  const [from, to] = [fromMs, toMs].map((timeMs) => new Date(timeMs).toISOString());
  return { words: `${from} to ${to}`, holds: (nowMs) => nowMs >= fromMs && nowMs < toMs };
}

const DAYS_A_WEEK = 7;
const NAMES = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** A span that ends on the next day belongs to the day on which it starts. */
function weekly({ days, startMinute, endMinute, timeZone }: WeeklySpan): Span {
  const clock = new WallClock(timeZone);
  const starts = new Set(days);
  const overnight = endMinute <= startMinute;
  const named = days.map((day) => NAMES[day]).join(' ');
  return {
    words: `${named} ${clockText(startMinute)}-${clockText(endMinute)} ${timeZone}`,
    holds(nowMs) {
      const { weekday, minute } = clock.at(nowMs);
      if (!overnight) return starts.has(weekday) && minute >= startMinute && minute < endMinute;
      if (minute >= startMinute) return starts.has(weekday);
      const yesterday = (weekday + DAYS_A_WEEK - 1) % DAYS_A_WEEK;
      return minute < endMinute && starts.has(yesterday);
    },
  };
}

function clockText(minute: number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}
