const ZONE = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;

/**
 * An IANA name that this runtime knows; offsets such as "+02:00" are refused, they know no daylight
 * saving (P29).
 */
export function parseTimeZone(name: string): string | undefined {
  if (!ZONE.test(name)) return undefined;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return name;
  } catch {
    return undefined;
  }
}
