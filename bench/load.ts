import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The server under test has this core to itself; load and stores share the other. */
export const SERVER_CORE = '0';
export const LOAD_CORE = '1';
const READY_MS = 20_000;
const US_PER_TICK = 10_000;
const GRPC_PREFIX_BYTES = 5;

export interface BenchServer extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** Starts a server script on its own core; it says `listening PORT` when it is ready. */
export async function startPinned(
  script: string,
  args: readonly string[] = [],
  cores = SERVER_CORE,
): Promise<BenchServer> {
  const child = spawn('taskset', ['-c', cores, process.execPath, script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await portOf(child);
  return {
    port,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function portOf(child: ChildProcess): Promise<number> {
  if (!child.stdout) throw new Error('the server has no standard output');
  const late = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  try {
    for await (const line of createInterface(child.stdout)) {
      const match = /^listening (\d+)$/.exec(line);
      if (match) return Number(match[1]);
    }
    throw new Error('the server ended before it listened');
  } finally {
    clearTimeout(late);
  }
}

export interface LoadResult {
  readonly perSecond: number;
  readonly cpuUsPerCall: number;
  /** Microseconds, ascending. */
  readonly latenciesUs: readonly number[];
}

export interface LoadOptions {
  readonly server: BenchServer;
  readonly path: string;
  /** The message; the gRPC frame is put round it. */
  readonly message: Uint8Array;
  readonly calls: number;
  /** Calls a second; undefined means as many as the server takes. */
  readonly rate?: number;
  readonly scratch: string;
}

const CLIENTS = 4;
const STREAMS_PER_CLIENT = 16;
/**
 * A paced client of h2load looks at its clock every 10 ms and sends what is due at once. So as not
 * to measure bursts, many clients send one call each time, and start a millisecond apart.
 */
const PACED_RATE_PER_CLIENT = 100;

/** Sends one message again and again with h2load from the other core. */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const { server, path, message, calls, rate, scratch } = options;
  const body = `${scratch}/body.bin`;
  const log = `${scratch}/latency.log`;
  writeFileSync(body, framed(message));
  writeFileSync(log, '');
  const before = cpuUs(server.pid);
  const { stdout } = await run(
    'taskset',
    [
      ...['-c', LOAD_CORE, 'h2load', '-n', String(calls), '-t', '1', ...clientsOf(rate)],
      ...['-m', String(STREAMS_PER_CLIENT), '-d', body, `--log-file=${log}`],
      ...['-H', 'content-type: application/grpc', '-H', 'te: trailers'],
      `http://127.0.0.1:${server.port}${path}`,
    ],
    { maxBuffer: 1 << 20 },
  );
  const usedUs = cpuUs(server.pid) - before;
  const succeeded = Number(/(\d+) succeeded/.exec(stdout)?.[1] ?? 0);
  if (succeeded !== calls) throw new Error(`${calls - succeeded} of ${calls} calls failed`);
  return {
    perSecond: Number(/([\d.]+) req\/s/.exec(stdout)?.[1] ?? 0),
    cpuUsPerCall: usedUs / calls,
    latenciesUs: latencies(log),
  };
}

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(GRPC_PREFIX_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, GRPC_PREFIX_BYTES);
  return frame;
}

function clientsOf(rate: number | undefined): readonly string[] {
  if (rate === undefined) return ['-c', String(CLIENTS)];
  const clients = Math.max(1, Math.round(rate / PACED_RATE_PER_CLIENT));
  const each = Math.ceil(rate / clients);
  return ['-c', String(clients), `--rps=${each}`, '--rate=1', '--rate-period=1ms'];
}

/** User and system time of a process until now, counted in ticks of 10 ms (proc(5)). */
export function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * US_PER_TICK;
}

/** Of a second, what a server that has nothing left to do may use. */
const QUIET_US = 50_000;
const MOST_QUIET_LOOKS = 120;

/** Waits until the server has caught up with what earlier calls left it to do. */
export async function untilQuiet({ pid }: BenchServer): Promise<void> {
  for (let look = 0; look < MOST_QUIET_LOOKS; look++) {
    const before = cpuUs(pid);
    await sleep(1_000);
    if (cpuUs(pid) - before <= QUIET_US) return;
  }
  throw new Error(`the server is still busy after ${MOST_QUIET_LOOKS} s`);
}

function latencies(log: string): readonly number[] {
  return readFileSync(log, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => Number(line.split('\t')[2]))
    .sort((a, b) => a - b);
}

export function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? 0;
}

export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
