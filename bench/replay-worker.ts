import { PassThrough } from 'node:stream';
import { runProgram } from '../src/commands/program.ts';
import { obeyOrders } from './worker.ts';

export interface ReplayOrder {
  readonly trace: string;
  readonly config: string;
}

export interface ReplayResult {
  readonly decisions: number;
  readonly tookMs: number;
  /** Of all threads. */
  readonly cpuMs: number;
}

interface Report {
  readonly coverage: { readonly replayed: number };
}

async function replay({ trace, config }: ReplayOrder): Promise<ReplayResult> {
  const stdout = new PassThrough();
  const said: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => said.push(chunk));
  const startedMs = performance.now();
  const before = process.cpuUsage();
  await runProgram(['replay', '--config', config, '--trace', trace, '--json'], {
    stdin: process.stdin,
    stdout,
    stderr: process.stderr,
  });
  const { user, system } = process.cpuUsage(before);
  const { coverage } = JSON.parse(Buffer.concat(said).toString()) as Report;
  if (!(coverage.replayed > 0)) throw new Error('nothing was replayed');
  return {
    decisions: coverage.replayed,
    tookMs: performance.now() - startedMs,
    cpuMs: (user + system) / 1_000,
  };
}

obeyOrders(replay);
