import { describe, expect, it } from 'vitest';

import { WallClock } from './zoned-time.ts';

const at = (zone: string, text: string): string => {
  const { weekday, minute } = new WallClock(zone).at(Date.parse(text));
  const day = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][weekday];
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${day} ${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
};

describe('the wall clock of a zone', () => {
  it.each([
    ['UTC', '2026-01-15T12:34:56Z', 'Thu 12:34'],
    ['America/New_York', '2026-01-15T02:00:00Z', 'Wed 21:00'],
    ['America/New_York', '2026-03-08T06:59:59Z', 'Sun 01:59'],
    ['America/New_York', '2026-03-08T07:00:00Z', 'Sun 03:00'],
    ['America/New_York', '2026-11-01T05:30:00Z', 'Sun 01:30'],
    ['America/New_York', '2026-11-01T06:30:00Z', 'Sun 01:30'],
    ['Europe/Paris', '2026-03-29T00:59:59Z', 'Sun 01:59'],
    ['Europe/Paris', '2026-03-29T01:00:00Z', 'Sun 03:00'],
    ['Europe/Paris', '2026-10-25T01:00:00Z', 'Sun 02:00'],
    ['Asia/Kolkata', '2026-06-30T18:30:00Z', 'Wed 00:00'],
    ['Australia/Lord_Howe', '2026-04-04T15:00:00Z', 'Sun 01:30'],
    ['Pacific/Kiritimati', '2026-12-31T10:00:00Z', 'Fri 00:00'],
    ['Asia/Kathmandu', '1986-01-01T00:00:00Z', 'Wed 05:45'],
    ['UTC', '1969-12-31T23:59:00Z', 'Wed 23:59'],
  ])('in %s at %s shows %s (R38)', (zone, time, shown) => {
    expect(at(zone, time)).toBe(shown);
  });

  it('does not mix up quarters of an hour when it is asked to and fro (R38)', () => {
    const clock = new WallClock('Europe/Paris');
    const [winter, summer] = [
      Date.parse('2026-01-15T12:00:00Z'),
      Date.parse('2026-07-15T12:00:00Z'),
    ];
    expect([winter, summer, winter].map((time) => clock.at(time).minute)).toEqual([780, 840, 780]);
  });
});

// What Postgres answers to `timestamp … at time zone …`.
it.each([
  ['UTC', '2026-11-18T00:00', '2026-11-18T00:00'],
  ['Asia/Kathmandu', '2026-11-18T00:00', '2026-11-17T18:15'],
  ['Europe/Berlin', '2026-03-29T00:00', '2026-03-28T23:00'],
  ['Europe/Berlin', '2026-03-30T00:00', '2026-03-29T22:00'],
  ['America/Havana', '2026-03-08T00:00', '2026-03-08T05:00'], // never shown
  ['Europe/Berlin', '2026-03-29T02:30', '2026-03-29T01:30'], // never shown
  ['Europe/Berlin', '2026-10-25T02:30', '2026-10-25T01:30'], // shown twice
])('P29 %s shows %s at %s UTC', (zone, local, utc) => {
  expect(new WallClock(zone).momentMsOf(Date.parse(`${local}Z`))).toBe(Date.parse(`${utc}Z`));
});
