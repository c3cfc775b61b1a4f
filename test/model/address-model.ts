/** Addresses as numbers, read by hand from the notations that the pools use. */
interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

const MAPPED = 0xffffn << 32n;

/** @returns undefined when there is no address */
export function isWithin(range: string, address: string): boolean | undefined {
  const from = addressOf(address);
  if (!from) return undefined;
  const [first = '', length = ''] = range.split('/');
  const net = addressOf(first);
  if (net?.bits !== from.bits) return false;
  const after = BigInt(net.bits - Number(length));
  return from.value >> after === net.value >> after;
}

function addressOf(text: string): Address | undefined {
  if (/^\d+([.]\d+){3}$/.test(text)) {
    return { bits: 32, value: numberOf(text.split('.'), 10, 8n) };
  }
  if (!text.includes(':')) return undefined;
  const [head = '', tail = ''] = text.split('::').map(groupsOf);
  const [before, behind] = [wordsOf(head), wordsOf(tail)];
  const zeros = Array.from({ length: 8 - before.length - behind.length }, () => '0');
  const value = numberOf([...before, ...zeros, ...behind], 16, 16n);
  const mapped = value >> 32n === MAPPED >> 32n;
  return mapped ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value };
}

/** The four parts of IPv4 at the end, as two groups. */
function groupsOf(text: string): string {
  return text.replace(/(\d+)[.](\d+)[.](\d+)[.](\d+)$/, (...parts) => {
    const [a, b, c, d] = parts.slice(1, 5).map(Number) as [number, number, number, number];
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
}

function wordsOf(text: string): readonly string[] {
  return text === '' ? [] : text.split(':');
}

function numberOf(digits: readonly string[], base: number, width: bigint): bigint {
  return digits.reduce((sum, one) => (sum << width) | BigInt(parseInt(one, base)), 0n);
}
