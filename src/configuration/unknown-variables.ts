import { nearest } from './suggest.ts';

const OURS = /^(TOLLGATE|EXTERNAL_AGENT)_/;

/**
 * What Kubernetes puts into every pod for a Service named, for example, "tollgate" or
 * "tollgate-control": not ours, although the names begin like ours.
 */
const OF_A_SERVICE =
  /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const URL_OF_A_SERVICE = /^(tcp|udp|sctp):\/\//;

export interface UnknownVariable {
  readonly variable: string;
  readonly message: string;
}

/**
 * Variables that begin like ours and are not: most probably a slip, which would otherwise pass in
 * silence.
 */
export function unknownVariables(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): readonly UnknownVariable[] {
  return Object.entries(env).flatMap(([variable, value = '']): readonly UnknownVariable[] => {
    if (!OURS.test(variable) || known.includes(variable) || ofAService(variable, value)) return [];
    const suggestion = mostAlike(variable, known);
    const meant = suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
    return [{ variable, message: `there is no such variable${meant}` }];
  });
}

function ofAService(variable: string, value: string): boolean {
  if (OF_A_SERVICE.test(variable)) return true;
  return variable.endsWith('_PORT') && URL_OF_A_SERVICE.test(value);
}

/** Compares within the same prefix, which is long enough to make everything look alike. */
function mostAlike(variable: string, known: readonly string[]): string | undefined {
  const prefix = OURS.exec(variable)?.[0] ?? '';
  const candidates = known.filter((one) => one.startsWith(prefix));
  const tails = candidates.map((one) => one.slice(prefix.length).toLowerCase());
  const best = nearest(variable.slice(prefix.length), tails);
  return best === undefined ? undefined : candidates[tails.indexOf(best)];
}
