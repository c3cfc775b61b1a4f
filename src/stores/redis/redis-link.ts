import { Redis, type Cluster } from 'ioredis';

import type { RedisAddress } from '../../lib/redis-address.ts';
import { redisClient, type RedisTls } from './redis-client.ts';
import type { Script } from './scripts.ts';

/** What came of one command. Neither rejects nor throws. */
export type Answer =
  | { readonly kind: 'reply'; readonly value: unknown }
  /** Redis answered with an error: it is alive and did nothing. */
  | { readonly kind: 'refused'; readonly problem: string }
  /** No connection, or it broke. Whether the command was done is unknown. */
  | { readonly kind: 'lost'; readonly problem: string };

/** One server, for questions about itself. */
export interface RedisNode {
  readonly name: string;
  readonly send: (command: string, args?: string[]) => Promise<Answer>;
}

export interface RedisLinkOptions {
  readonly address: RedisAddress;
  readonly tls?: RedisTls | undefined;
  readonly keepAlive: boolean;
  /** Called with a sentence when the connection is made or lost. */
  readonly log: (message: string) => void;
  /** Called whenever commands can be sent again. */
  readonly onReady: () => void;
}

/**
 * One connection to one Redis, or one to each node of a cluster. Commands are written at once or
 * not at all: there is no offline queue, and none is sent again by itself, except that a cluster
 * sends one on whose slot has moved. Deadlines are the caller's.
 */
export class RedisLink {
  readonly #client: Redis | Cluster;
  readonly #log: (message: string) => void;
  #problem = 'Redis has not answered yet';

  constructor({ address, tls, keepAlive, log, onReady }: RedisLinkOptions) {
    this.#log = log;
    this.#client = redisClient(address, tls);
    this.#watch(keepAlive, onReady);
  }

  get ready(): boolean {
    return this.#client.status === 'ready';
  }

  /** Why the link is not ready. */
  get problem(): string {
    return this.#problem;
  }

  /** Starts connecting; resolves when the first try has ended, either way, or after `withinMs`. */
  async start(withinMs: number): Promise<void> {
    // Why it failed comes as an event, and says more than the rejection.
    const tried = this.#client.connect().catch(() => undefined);
    await Promise.race([tried, expiry(withinMs)]);
  }

  /**
   * Runs a script by name; sends its text when Redis does not know it, for example after a restart.
   */
  async run(
    script: Script,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
  ): Promise<Answer> {
    const rest = [String(keys.length), ...keys, ...args];
    const answer = await this.send('EVALSHA', [script.sha1, ...rest]);
    const unknown = answer.kind === 'refused' && answer.problem.startsWith('NOSCRIPT');
    return unknown ? this.send('EVAL', [script.text, ...rest]) : answer;
  }

  async send(command: string, args: (string | Buffer)[] = []): Promise<Answer> {
    if (!this.ready) return { kind: 'lost', problem: this.#problem };
    return sendTo(this.#client, command, args);
  }

  /** Every server that counts: one, or the primaries of a cluster. */
  servers(): readonly RedisNode[] {
    const clients = this.#client instanceof Redis ? [this.#client] : this.#client.nodes('master');
    return clients.map((client) => ({
      name: `${client.options.host ?? ''}:${client.options.port ?? ''}`,
      send: (command, args = []) => sendTo(client, command, args),
    }));
  }

  /** Gives up a connection through which nothing comes any more and makes a new one. */
  reset(): void {
    const { status } = this.#client;
    if (status === 'connect' || status === 'ready') this.#client.disconnect(true);
  }

  close(): void {
    this.#client.removeAllListeners('close');
    this.#client.disconnect();
  }

  #watch(keepAlive: boolean, onReady: () => void): void {
    const client = this.#client;
    client.on('error', (error: Error) => {
      this.#problem = `Redis: ${messageOf(error)}`;
    });
    client.on('connect', () => {
      if (!keepAlive && client instanceof Redis) client.stream.setKeepAlive(false);
    });
    let wasReady = false;
    client.on('ready', () => {
      wasReady = true;
      this.#log('connected to Redis');
      onReady();
    });
    client.on('close', () => {
      if (!wasReady) return;
      wasReady = false;
      this.#problem = 'the connection to Redis was lost';
      this.#log(this.#problem);
    });
  }
}

async function sendTo(
  client: Redis | Cluster,
  command: string,
  args: (string | Buffer)[],
): Promise<Answer> {
  try {
    return { kind: 'reply', value: await client.callBuffer(command, args) };
  } catch (error) {
    const refused = error instanceof Error && error.name === 'ReplyError';
    return { kind: refused ? 'refused' : 'lost', problem: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return error.message === '' ? code : error.message;
}

function expiry(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
