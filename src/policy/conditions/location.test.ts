import { describe, expect, it } from 'vitest';

import { NO_FACTS, type PolicyFacts } from '../facts.ts';
import { compileCondition } from './compile.ts';
import type { LocationCondition } from './definition.ts';

type Asked = Omit<LocationCondition, 'type'> & { readonly negate?: boolean };

const compiled = (asked: Asked) => compileCondition({ type: 'location', ...asked });
const ask = (asked: Asked, facts: Partial<PolicyFacts>): string =>
  compiled(asked).evaluate({ ...NO_FACTS, ...facts });

describe('R39 countries', () => {
  it.each([
    ['DE', 'true'],
    ['de', 'true'],
    ['At', 'true'],
    ['FR', 'false'],
    ['', 'unknown'],
  ])('DE or AT: %j is %s', (country, expected) => {
    expect(ask({ countries: ['DE', 'AT'] }, { country })).toBe(expected);
  });

  it('negate leaves a missing country unknown', () => {
    expect(ask({ countries: ['DE'], negate: true }, { country: 'DE' })).toBe('false');
    expect(ask({ countries: ['DE'], negate: true }, { country: 'FR' })).toBe('true');
    expect(ask({ countries: ['DE'], negate: true }, {})).toBe('unknown');
  });
});

describe('R39 ranges of addresses', () => {
  it.each([
    ['10.0.0.0/8', '10.255.255.255', 'true'],
    ['10.0.0.0/8', '11.0.0.0', 'false'],
    ['192.0.2.7/32', '192.0.2.7', 'true'],
    ['192.0.2.7/32', '192.0.2.8', 'false'],
    ['0.0.0.0/0', '203.0.113.9', 'true'],
    ['10.0.0.0/8', '::ffff:10.1.2.3', 'true'],
    ['10.0.0.0/8', '::ffff:a01:203', 'true'],
    ['::ffff:10.0.0.0/104', '10.1.2.3', 'true'],
    ['::ffff:10.0.0.0/104', '::ffff:10.1.2.3', 'true'],
    ['::ffff:10.0.0.0/104', '11.1.2.3', 'false'],
    ['2001:db8::/32', '2001:db8:ffff::1', 'true'],
    ['2001:db8::/32', '2001:DB8:0:0:0:0:0:1', 'true'],
    ['2001:db8::/32', '2001:db9::1', 'false'],
    ['::1/128', '::1', 'true'],
    ['::/0', '2001:db8::1', 'true'],
    // A range of one kind says nothing about addresses of the other.
    ['::/0', '10.1.2.3', 'false'],
    ['0.0.0.0/0', '2001:db8::1', 'false'],
  ])('%s and %s: %s', (range, sourceIp, expected) => {
    expect(ask({ ipRanges: [range] }, { sourceIp })).toBe(expected);
  });

  it('one of several ranges is enough', () => {
    const ipRanges = ['10.0.0.0/8', '2001:db8::/32'];
    expect(ask({ ipRanges }, { sourceIp: '2001:db8::1' })).toBe('true');
    expect(ask({ ipRanges }, { sourceIp: '192.0.2.1' })).toBe('false');
  });

  it.each([
    '',
    'localhost',
    '10.0.0.256',
    '10.0.0.1:443',
    '[::1]',
    ' 10.0.0.1',
    '10.0.0.0/8',
    '2001:db8',
    // Programs disagree about what these are.
    '10.1',
    '167772161',
    '0x0a.0.0.1',
    '010.0.0.1',
  ])('R45 %j is no address, so what it asks is unknown, also turned round', (sourceIp) => {
    expect(ask({ ipRanges: ['0.0.0.0/0'] }, { sourceIp })).toBe('unknown');
    expect(ask({ ipRanges: ['0.0.0.0/0'], negate: true }, { sourceIp })).toBe('unknown');
  });
});

describe('R39 countries and ranges', () => {
  const both = { countries: ['DE'], ipRanges: ['10.0.0.0/8'] };

  it.each([
    ['DE', '10.0.0.1', 'true'],
    ['DE', '11.0.0.1', 'false'],
    ['FR', '10.0.0.1', 'false'],
    ['DE', '', 'unknown'],
    ['', '10.0.0.1', 'unknown'],
    ['', '', 'unknown'],
    // One that does not hold settles it.
    ['FR', '', 'false'],
    ['', '11.0.0.1', 'false'],
  ])('must both hold: %j and %j are %s', (country, sourceIp, expected) => {
    expect(ask(both, { country, sourceIp })).toBe(expected);
  });

  it('R49 names what is missing, and only that', () => {
    const { fact, missing, words } = compiled(both);
    const missingOf = (facts: Partial<PolicyFacts>) => missing?.({ ...NO_FACTS, ...facts });
    expect(words).toBe('country is DE and source_ip is in 10.0.0.0/8');
    expect(fact).toBe('country and source_ip');
    expect(missingOf({})).toBe('country and source_ip');
    expect(missingOf({ country: 'DE' })).toBe('source_ip');
    expect(missingOf({ sourceIp: '10.0.0.1' })).toBe('country');
  });

  it.each([
    ['10.1.2.3', 'ipv4'],
    ['::ffff:10.1.2.3', 'ipv4'],
    ['2001:db8::17', 'ipv6'],
    ['10.1.2', 'no address'],
    ['', ''],
  ])('R88 nothing of the address is shown: %j is %j', (sourceIp, shown) => {
    expect(compiled({ ipRanges: ['10.0.0.0/8'] }).saw({ ...NO_FACTS, sourceIp })).toBe(shown);
    const saw = compiled(both).saw({ ...NO_FACTS, country: 'DE', sourceIp });
    expect(saw).toBe(`DE and ${shown}`);
  });
});
