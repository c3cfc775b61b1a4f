import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { parseCel } from '../policy/conditions/cel-expression.ts';
import { MAX_LIST_LENGTH } from './bounds.ts';
import { amountCap, choice, flag, instant, moneyCap, timeZone } from './fields.ts';
import { REFUSED, scalar } from './scalar.ts';

/** Fields of conditions that look at time, place, amounts, or are written as an expression. */

export function type<const T extends string>(name: T): z.ZodLiteral<T> {
  return z.literal(name).describe('Which question it is.');
}

export const negate = flag
  .optional()
  .describe('Turns the answer round; an unknown answer stays unknown.');

export const DAYS = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
] as const;

const CLOCK = /^([01][0-9]|2[0-3]):([0-5][0-9])$|^(24):(00)$/;
const MINUTES_AN_HOUR = 60;
const MINUTES_A_DAY = 24 * MINUTES_AN_HOUR;

/** Minutes since midnight. */
const clockTime = scalar<number>({
  expected: 'a time of day from "00:00" to "24:00"',
  json: { type: 'string', pattern: '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' },
  read: (value) => {
    const match = typeof value === 'string' ? CLOCK.exec(value) : null;
    if (!match) return REFUSED;
    const [, hour, minute, midnight] = match;
    return { ok: Number(hour ?? midnight) * MINUTES_AN_HOUR + Number(minute ?? 0) };
  },
});

const weeklyFields = z.strictObject({
  days: z
    .array(choice(DAYS))
    .min(1)
    .max(DAYS.length)
    .describe('Days on which it starts; one that goes past midnight ends on the next.'),
  start_time: clockTime.describe('The first minute that is within it.'),
  end_time: clockTime.describe(
    'The first minute that is not; not after start_time means on the next day.',
  ),
  timezone: timeZone.describe('Whose clock it is; daylight saving is followed.'),
});

const weekly = weeklyFields.superRefine((span, context) => {
  const wholeDay = span.start_time === 0 && span.end_time === MINUTES_A_DAY;
  if (!wholeDay && span.start_time % MINUTES_A_DAY === span.end_time % MINUTES_A_DAY) {
    const message = 'is the start_time as well; write 00:00 and 24:00 for a whole day';
    context.addIssue({ code: 'custom', path: ['end_time'], message });
  }
});

const once = z
  .strictObject({
    start: instant.describe('The first moment that is within it.'),
    end: instant.describe('The first moment after it.'),
  })
  .superRefine(({ start, end }, context) => {
    if (end > start) return;
    context.addIssue({ code: 'custom', path: ['end'], message: 'is not after start' });
  });

export const timeWindow = z
  .strictObject({
    type: type('time_window'),
    negate,
    business_hours: weekly.optional().describe('The call comes within these hours.'),
    maintenance_windows: z
      .array(z.union([once, weekly]))
      .min(1)
      .max(MAX_LIST_LENGTH)
      .optional()
      .describe('The call comes within one of these: once, or every week.'),
  })
  .superRefine(({ business_hours: hours, maintenance_windows: windows }, context) => {
    if ((hours === undefined) !== (windows === undefined)) return;
    const message = 'expected business_hours or maintenance_windows, and not both';
    context.addIssue({ code: 'custom', message });
  });

/** What the runtime names and is no country: unknown, groups of countries, private use. */
const NO_COUNTRY = new Set(['ZZ', 'EU', 'EZ', 'UN', 'QO', 'XA', 'XB']);
const REGIONS = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });

const country = scalar<string>({
  expected: 'a country in two letters (ISO 3166-1), such as "DE"',
  json: { type: 'string', pattern: '^[A-Za-z]{2}$' },
  read: (value) => {
    if (typeof value !== 'string' || !/^[A-Za-z]{2}$/.test(value)) return REFUSED;
    const code = value.toUpperCase();
    return REGIONS.of(code) === undefined || NO_COUNTRY.has(code) ? REFUSED : { ok: code };
  },
});

/** Of IPv4 four decimal parts: programs disagree about what "10/8" and "010.0.0.0/8" mean. */
function isRange(text: string): boolean {
  if (text.includes(':')) return ipaddr.IPv6.isValidCIDR(text);
  return ipaddr.IPv4.isValidCIDRFourPartDecimal(text);
}

const ipRange = scalar<string>({
  expected: 'a range of addresses such as "10.0.0.0/8" or "2001:db8::/32"',
  json: { type: 'string', examples: ['10.0.0.0/8', '2001:db8::/32'] },
  read: (value) => {
    if (typeof value !== 'string' || !isRange(value)) return REFUSED;
    const [address, bits] = ipaddr.parseCIDR(value);
    const first = (address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(
      value,
    );
    if (first.toString() === address.toString()) return { ok: value };
    return { no: `; its bits go on after /${bits}: did you mean "${first.toString()}/${bits}"?` };
  },
});

export const location = z
  .strictObject({
    type: type('location'),
    negate,
    countries: z
      .array(country)
      .min(1)
      .max(MAX_LIST_LENGTH)
      .optional()
      .describe('The call comes from one of these countries, in any case.'),
    ip_ranges: z
      .array(ipRange)
      .min(1)
      .max(MAX_LIST_LENGTH)
      .optional()
      .describe('The call comes from an address in one of these ranges.'),
  })
  .refine(({ countries, ip_ranges: ranges }) => countries ?? ranges, {
    error: 'expected countries, ip_ranges or both',
  });

export const estimate = z.strictObject({
  type: type('estimate'),
  negate,
  above: z
    .strictObject({
      cost_usd: moneyCap.optional().describe('US dollars, such as "0.30".'),
      input_tokens: amountCap.optional().describe('Input tokens.'),
      output_tokens: amountCap.optional().describe('Output tokens.'),
      total_tokens: amountCap.optional().describe('Input and output tokens together.'),
    })
    .refine((above) => Object.values(above).some((amount) => amount !== undefined), {
      error: 'expected at least one of cost_usd, input_tokens, output_tokens or total_tokens',
    })
    .describe('What the call is expected to use is above one of these.'),
});

export const celExpression = scalar<string>({
  expected: 'an expression in CEL that is a bool',
  json: { type: 'string', maxLength: 2000 },
  read: (value) => {
    if (typeof value !== 'string') return REFUSED;
    const parsed = parseCel(value);
    return 'ok' in parsed ? { ok: value } : { no: `: it ${parsed.problem}` };
  },
});
