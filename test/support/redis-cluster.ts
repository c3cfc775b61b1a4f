import { flushReaches } from './redis-replication.ts';
import type { RedisServer } from './redis-server.ts';
import { freePort, startRedisServer } from './redis-server.ts';
import { until } from './until.ts';

const PRIMARIES = 3;
const NODES = 2 * PRIMARIES;
const SLOTS = 16_384;
/** Redis itself waits two seconds before a new cluster is ok. */
const FORM_TIMEOUT_MS = 20_000;
/** Nodes talk to each other on the port that is this much higher than the one of clients. */
const BUS_OFFSET = 10_000;
const HIGHEST_PORT = 65_535;
const ARGS: readonly string[] = [
  ...['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'],
  // Otherwise a primary waits five seconds for more replicas before it sends its data to one.
  ...['--repl-diskless-sync-delay', '0'],
];

/**
 * Starts a Redis Cluster of three primaries and three replicas, without persistence, each in a
 * directory of its own, and waits until every node finds it whole and every replica is in step. A
 * primary that is killed or frozen is replaced by its replica after two to three seconds. Use it
 * with `await using`: it ends as its servers do.
 */
export async function startRedisCluster(): Promise<RedisCluster> {
  await using opened = new AsyncDisposableStack();
  const nodes: RedisServer[] = [];
  while (nodes.length < NODES) {
    nodes.push(opened.use(await startRedisServer({ args: ARGS, choosePort: freePortWithBus })));
  }
  await form(nodes);
  return new RedisCluster(nodes, opened.move());
}

export class RedisCluster implements AsyncDisposable {
  /** The first three began as primaries, each other one as the replica of the one three before. */
  readonly nodes: readonly RedisServer[];
  readonly #opened: AsyncDisposableStack;

  constructor(nodes: readonly RedisServer[], opened: AsyncDisposableStack) {
    this.nodes = nodes;
    this.#opened = opened;
  }

  get urls(): readonly string[] {
    return this.nodes.map((node) => node.url);
  }

  /**
   * Empties every node that is a primary now, passing over those that were killed.
   *
   * @throws Error when a node is frozen.
   */
  async flush(): Promise<void> {
    const running = this.nodes.filter((node) => node.running);
    await Promise.all(running.map(flushPrimary));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

/** What a node says of a node, itself among them. */
interface Member {
  /** For example 'myself', 'master', 'slave', 'fail?' and 'handshake'. */
  readonly flags: readonly string[];
  readonly linked: boolean;
}

async function form(nodes: readonly RedisServer[]): Promise<void> {
  const primaries = nodes.slice(0, PRIMARIES);
  await Promise.all(primaries.map(giveSlots));
  await Promise.all(nodes.map((node, index) => meet(node, nodes.slice(index + 1))));
  await Promise.all(
    primaries.map((primary, index) => replicate(nodes[index + PRIMARIES]!, primary)),
  );
  const whole = async () => (await Promise.all(nodes.map(findsItWhole))).every(Boolean);
  await until(whole, FORM_TIMEOUT_MS, 'the nodes formed no Redis Cluster');
  const replicates = (primary: RedisServer, index: number) =>
    flushReaches(primary, nodes[index + PRIMARIES]!);
  const all = async () => (await Promise.all(primaries.map(replicates))).every(Boolean);
  await until(all, FORM_TIMEOUT_MS, 'a replica of the Redis Cluster never came in step');
}

/** A third of the slots, and an epoch of its own, so that none has to be agreed upon. */
async function giveSlots(primary: RedisServer, index: number): Promise<void> {
  const first = Math.floor((index * SLOTS) / PRIMARIES);
  const end = Math.floor(((index + 1) * SLOTS) / PRIMARIES);
  const slots = Array.from({ length: end - first }, (_, offset) => String(first + offset));
  await primary.ask('CLUSTER', 'ADDSLOTS', ...slots);
  await primary.ask('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
}

/** Everybody meets everybody: quicker than waiting until they hear of each other. */
async function meet(node: RedisServer, others: readonly RedisServer[]): Promise<void> {
  for (const { port } of others) await node.ask('CLUSTER', 'MEET', '127.0.0.1', String(port));
}

async function replicate(replica: RedisServer, primary: RedisServer): Promise<void> {
  const id = String(await primary.ask('CLUSTER', 'MYID'));
  // Refused until the replica has heard of the primary.
  const accepted = async () => (await replica.ask('CLUSTER', 'REPLICATE', id)) === 'OK';
  await until(accepted, FORM_TIMEOUT_MS, 'a node of the Redis Cluster became no replica');
}

/** Whether all is well in the eyes of this node. */
async function findsItWhole(node: RedisServer): Promise<boolean> {
  const state = String(await node.ask('CLUSTER', 'INFO'));
  const members = await membersOf(node);
  return (
    state.includes('cluster_state:ok') &&
    members.length === NODES &&
    members.filter(({ flags }) => flags.includes('master')).length === PRIMARIES &&
    members.every(({ flags, linked }) => linked && !flags.some(isTrouble))
  );
}

async function membersOf(node: RedisServer): Promise<readonly Member[]> {
  const lines = String(await node.ask('CLUSTER', 'NODES'))
    .trim()
    .split('\n');
  return lines.map((line) => {
    const [, , flags = '', , , , , link] = line.split(' ');
    return { flags: flags.split(','), linked: link === 'connected' };
  });
}

function isTrouble(flag: string): boolean {
  return ['fail', 'fail?', 'handshake', 'noaddr'].includes(flag);
}

async function flushPrimary(node: RedisServer): Promise<void> {
  const [role] = (await node.ask('ROLE')) as [string];
  if (role === 'master') await node.ask('FLUSHALL');
}

/** A port for clients, whose port for the bus is free too. */
async function freePortWithBus(): Promise<number> {
  for (;;) {
    const port = await freePort();
    const bus = port + BUS_OFFSET;
    if (bus <= HIGHEST_PORT && (await isFree(bus))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return freePort(port).then(
    () => true,
    () => false,
  );
}
