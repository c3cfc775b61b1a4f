import type {
  ConditionDefinition,
  PlainDefinition,
  WeeklySpan,
} from '../policy/conditions/definition.ts';
import { DAYS } from './condition-fields.ts';
import type { ConfigurationDocument } from './document.ts';
import { defined } from './defined.ts';

type Written = ConfigurationDocument['policies'][number]['conditions'][number];
type WrittenPlain = Exclude<Written, { readonly type: 'any' }>;

/** A condition as the domain knows it. */
export function conditionOf(written: Written): ConditionDefinition {
  if (written.type !== 'any') return plainOf(written);
  return defined({
    ...written,
    conditions: written.conditions.map(plainOf),
  }) as ConditionDefinition;
}

function plainOf(written: WrittenPlain): PlainDefinition {
  switch (written.type) {
    case 'time_window': {
      const { type, negate, business_hours: hours, maintenance_windows: windows } = written;
      return defined({
        type,
        negate,
        businessHours: hours && weeklyOf(hours),
        maintenanceWindows: windows?.map((span) =>
          'start' in span
            ? { kind: 'once' as const, fromMs: span.start, toMs: span.end }
            : weeklyOf(span),
        ),
      });
    }
    case 'location': {
      const { type, negate, countries, ip_ranges: ipRanges } = written;
      return defined({ type, negate, countries, ipRanges });
    }
    case 'estimate': {
      const { type, negate, above } = written;
      const amounts = {
        costMicroUsd: above.cost_usd,
        inputTokens: above.input_tokens,
        outputTokens: above.output_tokens,
        totalTokens: above.total_tokens,
      };
      return defined({ type, negate, above: defined(amounts) }) as PlainDefinition;
    }
    default:
      return defined(written) as PlainDefinition;
  }
}

interface WrittenWeekly {
  readonly days: readonly (typeof DAYS)[number][];
  readonly start_time: number;
  readonly end_time: number;
  readonly timezone: string;
}

function weeklyOf({ days, start_time, end_time, timezone }: WrittenWeekly): WeeklySpan {
  return {
    kind: 'weekly',
    days: days.map((day) => DAYS.indexOf(day)).sort((a, b) => a - b),
    startMinute: start_time,
    endMinute: end_time,
    timeZone: timezone,
  };
}
