import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

export interface RedisServerOptions {
  /**
   * More arguments for redis-server, for example ['--maxmemory-policy', 'allkeys-lru'], or what
   * makes them of the port.
   */
  readonly args?: readonly string[] | ((port: number) => readonly string[]);
  /** The text of a configuration file, which the server may rewrite. Arguments go before it. */
  readonly configuration?: string;
  /** Finds the port to listen on; any free one unless given. Asked again when it was taken. */
  readonly choosePort?: () => Promise<number>;
}

/** A busy machine starts Redis within a second or two. */
const START_TIMEOUT_MS = 15_000;
/** Another process may take a free port before Redis does. */
const START_TRIES = 3;
const POLL_MS = 20;
/** For a server that is there; one that is frozen never answers. */
const ANSWER_TIMEOUT_MS = 2_000;
const CONFIGURATION_FILE = 'redis.conf';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Starts a redis-server of its own, without persistence, in a directory of its own. Use it with
 * `await using`: it is killed and its directory removed when the scope ends, also when it is
 * frozen, and at the latest when the process ends.
 */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'tollgate-redis-'));
  const { choosePort = freePort, configuration } = options;
  if (configuration !== undefined) {
    await writeFile(join(directory, CONFIGURATION_FILE), configuration);
  }
  for (let tries = 1; ; tries += 1) {
    const server = new RedisServer(directory, await choosePort(), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.kill();
      if (tries < START_TRIES) continue;
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }
}

export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #directory: string;
  readonly #options: RedisServerOptions;
  #child: ChildProcess | undefined;

  constructor(directory: string, port: number, options: RedisServerOptions) {
    this.#directory = directory;
    this.port = port;
    this.#options = options;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get socketPath(): string {
    return join(this.#directory, 'redis.sock');
  }

  /** Whether its process is there, frozen or not. */
  get running(): boolean {
    const child = this.#child;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Also restarts it, empty, on the same port after `stop` or `kill`. */
  async start(): Promise<void> {
    const child = spawn('redis-server', this.#allArgs(), { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr.on('data', (text: Buffer) => (output += text.toString()));
    child.on('error', (error) => (output += String(error)));
    child.once('exit', () => running.delete(child));
    running.add(child);
    this.#child = child;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await answers(this.socketPath))) {
      const ended = child.exitCode !== null || child.pid === undefined;
      if (ended || Date.now() > deadline) throw new Error(`redis-server did not start: ${output}`);
      await sleep(POLL_MS);
    }
  }

  /**
   * Sends one command, through the socket in the server's own directory.
   *
   * @returns what Redis replies: a text, a number, null, or an array of replies.
   * @throws Error when Redis refuses the command, is down, or does not answer within two seconds.
   */
  async ask(command: string, ...args: readonly string[]): Promise<unknown> {
    const client = new Redis(this.socketPath, {
      lazyConnect: true,
      protocol: 2,
      disableClientInfo: true,
      enableReadyCheck: false,
      commandTimeout: ANSWER_TIMEOUT_MS,
      retryStrategy: null,
    });
    // What went wrong also rejects the command.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.call(command, [...args]);
    } finally {
      client.disconnect();
    }
  }

  /** Ends it in order: clients see their connections close. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** Ends it as a crash does. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** It keeps its connections and accepts new ones, and answers nothing. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.running) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  #allArgs(): readonly string[] {
    const { args = [], configuration } = this.#options;
    return [
      ...(configuration === undefined ? [] : [join(this.#directory, CONFIGURATION_FILE)]),
      ...['--port', String(this.port), '--bind', '127.0.0.1', '--unixsocket', this.socketPath],
      ...['--dir', this.#directory, '--save', '', '--appendonly', 'no', '--daemonize', 'no'],
      ...(typeof args === 'function' ? args(this.port) : args),
    ];
  }
}

/**
 * @param wanted a certain port; 0 is any.
 * @returns a TCP port of loopback on which nothing listened a moment ago.
 * @throws Error when the wanted port is taken.
 */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer();
  server.listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/**
 * Asked through the socket in the server's own directory, so that no other server can answer;
 * NOAUTH answers too.
 */
async function answers(path: string): Promise<boolean> {
  const socket = connect({ path });
  socket.setTimeout(START_TIMEOUT_MS, () => socket.destroy(new Error('silent')));
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return /^(\+PONG|-NOAUTH)/.test(reply.toString());
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
