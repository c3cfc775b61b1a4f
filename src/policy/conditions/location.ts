import ipaddr from 'ipaddr.js';

import type { Condition } from '../policy.ts';
import { allOf, truthOf } from '../truth.ts';
import type { LocationCondition } from './definition.ts';

/** Unknown when a fact that a list asks for is missing, or is no address. */
export function location({ countries, ipRanges }: LocationCondition): Condition {
  const parts: Condition[] = [];
  if (countries) parts.push(country(countries));
  if (ipRanges) parts.push(address(ipRanges));
  const missing: Condition['missing'] = (facts) =>
    parts
      .filter((part) => part.evaluate(facts) === 'unknown')
      .map((part) => part.fact)
      .join(' and ');
  return {
    words: parts.map((part) => part.words).join(' and '),
    fact: parts.map((part) => part.fact).join(' and '),
    missing,
    evaluate: (facts) => allOf(parts, (part) => part.evaluate(facts)),
    saw: (facts) => parts.map((part) => part.saw(facts)).join(' and '),
  };
}

function country(countries: readonly string[]): Condition {
  const wanted = new Set(countries.map((one) => one.toUpperCase()));
  return {
    words: `country is ${countries.length === 1 ? '' : 'one of '}${countries.join(', ')}`,
    fact: 'country',
    evaluate: (facts) =>
      facts.country === '' ? 'unknown' : truthOf(wanted.has(facts.country.toUpperCase())),
    saw: (facts) => facts.country,
  };
}

function address(ranges: readonly string[]): Condition {
  const subnets = ranges.map(subnetOf);
  return {
    words: `source_ip is in ${ranges.join(', ')}`,
    fact: 'source_ip',
    evaluate(facts) {
      const from = parse(facts.sourceIp);
      if (from === undefined) return 'unknown';
      return truthOf(
        subnets.some(([net, bits]) => net.kind() === from.kind() && from.match(net, bits)),
      );
    },
    // An address may lead to a person, so only its kind is told.
    saw: (facts) => (facts.sourceIp === '' ? '' : (parse(facts.sourceIp)?.kind() ?? 'no address')),
  };
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/**
 * An IPv4 address that is written as IPv6 ("::ffff:192.0.2.1") is the IPv4 address. "10.1",
 * "0x0a.0.0.1" and "010.0.0.1" are none: programs disagree about what they mean.
 */
function parse(text: string): Address | undefined {
  if (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  if (!ipaddr.isValid(text)) return undefined;
  return ipaddr.process(text);
}

const MAPPED_BITS = 96;

/** So is a range that is written as IPv6 and means IPv4 ("::ffff:192.0.2.0/120"). */
function subnetOf(range: string): readonly [net: Address, bits: number] {
  const [net, bits] = ipaddr.parseCIDR(range);
  const mapped = net instanceof ipaddr.IPv6 && net.isIPv4MappedAddress() && bits >= MAPPED_BITS;
  return mapped ? [net.toIPv4Address(), bits - MAPPED_BITS] : [net, bits];
}
