import type { Health } from '../../decision/ports.ts';
import type { Answer } from './redis-link.ts';

const ADAPTER = 'redis';

/**
 * Asks Redis whether it answers and whether it may throw keys of ours away. A window that is
 * evicted forgets what it counted, so any policy but `noeviction` is unhealthy, also while there is
 * room: the keys have times to live, so the `volatile-…` policies reach them too.
 * @param ask sends one command, within the deadline.
 */
export async function redisHealth(
  ask: (command: string, args?: string[]) => Promise<Answer>,
): Promise<Health> {
  const ping = await ask('PING');
  if (ping.kind !== 'reply') return { adapter: ADAPTER, healthy: false, problem: ping.problem };
  const policy = policyIn(await ask('CONFIG', ['GET', 'maxmemory-policy']));
  if (policy === undefined) return { adapter: ADAPTER, healthy: true, problem: UNKNOWN };
  if (policy === 'noeviction') return { adapter: ADAPTER, healthy: true, problem: '' };
  const problem = `maxmemory-policy is ${policy}: Redis may evict rate windows; set it to noeviction`;
  return { adapter: ADAPTER, healthy: false, problem };
}

const UNKNOWN =
  'whether Redis may evict rate windows is unknown: it does not tell its maxmemory-policy';

/** Undefined when CONFIG is forbidden, as with many hosted servers. */
function policyIn(answer: Answer): string | undefined {
  const pair: readonly unknown[] =
    answer.kind === 'reply' && Array.isArray(answer.value) ? answer.value : [];
  return pair[1] instanceof Buffer ? pair[1].toString() : undefined;
}
