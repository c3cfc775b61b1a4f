import type { RedisServer } from './redis-server.ts';

/**
 * Empties a primary. Both servers say that they are linked up to a second before what is written to
 * the one reaches the other; this tells when it does.
 *
 * @returns whether the replica heard of it at once.
 * @throws Error when one of them does not answer.
 */
export async function flushReaches(primary: RedisServer, replica: RedisServer): Promise<boolean> {
  const linked = String(await replica.ask('INFO', 'replication')).includes('_link_status:up');
  if (!linked) return false;
  await primary.ask('FLUSHALL');
  const sent = await offsetOf(primary, 'master_repl_offset');
  return sent > 0 && (await offsetOf(replica, 'slave_repl_offset')) >= sent;
}

/** @returns bytes of the stream of writes; NaN on a server of the other role. */
async function offsetOf(server: RedisServer, field: string): Promise<number> {
  const text = String(await server.ask('INFO', 'replication'));
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(text)?.[1]);
}
