import { describe, expect, it } from 'vitest';

import { NO_FACTS } from '../facts.ts';
import { compileCondition } from './compile.ts';
import type { MomentSpan, TimeWindowCondition, WeeklySpan } from './definition.ts';

const MINUTE_MS = 60_000;
const WORKDAYS = [1, 2, 3, 4, 5];
const [SUNDAY, MONDAY, FRIDAY, SATURDAY] = [0, 1, 5, 6] as const;

/** @param hours such as "22:00-06:00" */
function weekly(days: readonly number[], hours: string, timeZone = 'UTC'): WeeklySpan {
  const [startMinute = 0, endMinute = 0] = hours.split('-').map((time) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return hour * 60 + minute;
  });
  return { kind: 'weekly', days, startMinute, endMinute, timeZone };
}

const once = (from: string, to: string): MomentSpan => ({
  kind: 'once',
  fromMs: Date.parse(from),
  toMs: Date.parse(to),
});

type Asked = Omit<TimeWindowCondition, 'type'> & { readonly negate?: boolean };

function ask(asked: Asked, time: string): string {
  const condition = compileCondition({ type: 'time_window', ...asked });
  return condition.evaluate({ ...NO_FACTS, nowMs: Date.parse(time) });
}

/** How long a window lasts between two moments, in hours. */
function hoursWithin(span: WeeklySpan, from: string, to: string): number {
  const condition = compileCondition({ type: 'time_window', businessHours: span });
  let minutes = 0;
  for (let nowMs = Date.parse(from); nowMs < Date.parse(to); nowMs += MINUTE_MS) {
    if (condition.evaluate({ ...NO_FACTS, nowMs }) === 'true') minutes += 1;
  }
  return minutes / 60;
}

describe('R38 business hours', () => {
  it.each([
    ['America/New_York', '2026-01-15T13:59:59.999Z', 'false'],
    ['America/New_York', '2026-01-15T14:00:00Z', 'true'],
    ['America/New_York', '2026-01-15T21:59:59.999Z', 'true'],
    ['America/New_York', '2026-01-15T22:00:00Z', 'false'],
    ['America/New_York', '2026-07-15T13:00:00Z', 'true'],
    ['America/New_York', '2026-07-15T21:00:00Z', 'false'],
    ['America/New_York', '2026-01-17T15:00:00Z', 'false'],
    ['Europe/Paris', '2026-01-15T07:59:59.999Z', 'false'],
    ['Europe/Paris', '2026-01-15T08:00:00Z', 'true'],
    ['Europe/Paris', '2026-07-15T07:00:00Z', 'true'],
    ['Europe/Paris', '2026-07-15T15:00:00Z', 'false'],
    ['Asia/Kolkata', '2026-01-15T03:29:59.999Z', 'false'],
    ['Asia/Kolkata', '2026-01-15T03:30:00Z', 'true'],
    ['Asia/Kolkata', '2026-07-15T11:29:59.999Z', 'true'],
    ['Asia/Kolkata', '2026-07-15T11:30:00Z', 'false'],
    // Friday evening there, and Saturday already or still elsewhere.
    ['America/New_York', '2026-01-17T00:00:00Z', 'false'],
    ['Asia/Kolkata', '2026-01-18T23:00:00Z', 'false'],
  ])('09:00-17:00 on workdays in %s at %s: %s', (timeZone, time, expected) => {
    const businessHours = weekly(WORKDAYS, '09:00-17:00', timeZone);
    expect(ask({ businessHours }, time)).toBe(expected);
  });

  it('a whole day is from midnight to midnight on the wall', () => {
    const businessHours = weekly([MONDAY], '00:00-24:00', 'Asia/Kolkata');
    const at = (time: string): string => ask({ businessHours }, time);
    expect(at('2026-01-18T18:29:59.999Z')).toBe('false');
    expect(at('2026-01-18T18:30:00Z')).toBe('true');
    expect(at('2026-01-19T18:29:59.999Z')).toBe('true');
    expect(at('2026-01-19T18:30:00Z')).toBe('false');
  });
});

describe('R38 a span past midnight belongs to the day on which it starts', () => {
  it.each([
    [FRIDAY, '2026-01-16T20:59:59.999Z', 'false'],
    [FRIDAY, '2026-01-16T21:00:00Z', 'true'],
    [FRIDAY, '2026-01-16T23:30:00Z', 'true'],
    [FRIDAY, '2026-01-17T04:59:59.999Z', 'true'],
    [FRIDAY, '2026-01-17T05:00:00Z', 'false'],
    // The early morning of Friday belongs to Thursday, the late evening of Saturday to Saturday.
    [FRIDAY, '2026-01-16T03:00:00Z', 'false'],
    [FRIDAY, '2026-01-17T22:00:00Z', 'false'],
    [SATURDAY, '2026-01-18T03:00:00Z', 'true'],
    [SUNDAY, '2026-01-18T03:00:00Z', 'false'],
    [SUNDAY, '2026-01-19T03:00:00Z', 'true'],
  ])('day %i, 22:00-06:00 in Paris, at %s: %s', (day, time, expected) => {
    const businessHours = weekly([day], '22:00-06:00', 'Europe/Paris');
    expect(ask({ businessHours }, time)).toBe(expected);
  });

  it('22:00-24:00 does not go past it', () => {
    const businessHours = weekly([FRIDAY], '22:00-24:00');
    expect(ask({ businessHours }, '2026-01-16T23:59:59.999Z')).toBe('true');
    expect(ask({ businessHours }, '2026-01-17T00:00:00Z')).toBe('false');
  });
});

describe('R38 daylight saving', () => {
  const SPRING = ['2026-03-07T12:00:00Z', '2026-03-09T00:00:00Z'] as const;
  const AUTUMN = ['2026-10-31T12:00:00Z', '2026-11-02T00:00:00Z'] as const;
  const SPRING_EU = ['2026-03-28T12:00:00Z', '2026-03-30T00:00:00Z'] as const;
  const AUTUMN_EU = ['2026-10-24T12:00:00Z', '2026-10-26T00:00:00Z'] as const;

  it.each<[string, number, string, readonly [string, string], number]>([
    ['America/New_York', SUNDAY, '02:00-03:00', SPRING, 0],
    ['America/New_York', SUNDAY, '01:00-04:00', SPRING, 2],
    ['America/New_York', SATURDAY, '22:00-06:00', SPRING, 7],
    ['America/New_York', SUNDAY, '09:00-17:00', SPRING, 8],
    ['America/New_York', SUNDAY, '01:00-02:00', AUTUMN, 2],
    ['America/New_York', SATURDAY, '22:00-06:00', AUTUMN, 9],
    ['America/New_York', SUNDAY, '09:00-17:00', AUTUMN, 8],
    ['Europe/Paris', SUNDAY, '02:00-03:00', SPRING_EU, 0],
    ['Europe/Paris', SATURDAY, '22:00-06:00', SPRING_EU, 7],
    ['Europe/Paris', SUNDAY, '02:00-03:00', AUTUMN_EU, 2],
    ['Europe/Paris', SATURDAY, '22:00-06:00', AUTUMN_EU, 9],
    ['Asia/Kolkata', SATURDAY, '22:00-06:00', AUTUMN_EU, 8],
  ])('in %s on day %i, %s of the week of %j lasts %i hours', (zone, day, hours, week, lasts) => {
    expect(hoursWithin(weekly([day], hours, zone), ...week)).toBe(lasts);
  });

  it.each([
    ['America/New_York', '2026-03-08T13:00:00Z'],
    ['America/New_York', '2026-11-01T14:00:00Z'],
    ['Europe/Paris', '2026-03-29T07:00:00Z'],
    ['Europe/Paris', '2026-10-25T08:00:00Z'],
  ])('on the day of the change in %s 09:00 is at %s', (zone, time) => {
    const businessHours = weekly([SUNDAY], '09:00-17:00', zone);
    expect(ask({ businessHours }, time)).toBe('true');
    const before = new Date(Date.parse(time) - 1).toISOString();
    expect(ask({ businessHours }, before)).toBe('false');
  });
});

describe('R38 maintenance windows', () => {
  const maintenanceWindows = [
    once('2026-05-01T22:00:00+02:00', '2026-05-02T02:00:00+02:00'),
    weekly([SUNDAY], '03:00-04:00'),
  ];

  it.each([
    ['2026-05-01T19:59:59.999Z', 'false'],
    ['2026-05-01T20:00:00Z', 'true'],
    ['2026-05-01T23:59:59.999Z', 'true'],
    ['2026-05-02T00:00:00Z', 'false'],
    // The Sunday after it, by the other window.
    ['2026-05-03T03:30:00Z', 'true'],
  ])('include their start and not their end; one of them is enough: %s is %s', (time, expected) => {
    expect(ask({ maintenanceWindows }, time)).toBe(expected);
  });

  it('negate turns the answer round; a time is never unknown', () => {
    expect(ask({ maintenanceWindows, negate: true }, '2026-05-01T20:00:00Z')).toBe('false');
    expect(ask({ maintenanceWindows, negate: true }, '2026-05-02T00:00:00Z')).toBe('true');
  });

  it('R49 is told in words, with the time that it saw', () => {
    const businessHours = weekly([MONDAY, FRIDAY], '22:00-06:30', 'Europe/Paris');
    const hours = compileCondition({ type: 'time_window', businessHours });
    expect(hours.words).toBe('time is within business hours: Mon Fri 22:00-06:30 Europe/Paris');
    const nowMs = Date.parse('2026-05-01T20:00:00Z');
    expect(hours.saw({ ...NO_FACTS, nowMs })).toBe('2026-05-01T20:00:00.000Z');
    expect(compileCondition({ type: 'time_window', maintenanceWindows }).words).toBe(
      'time is within a maintenance window: 2026-05-01T20:00:00.000Z to ' +
        '2026-05-02T00:00:00.000Z; Sun 03:00-04:00 UTC',
    );
  });
});
