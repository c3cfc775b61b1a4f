import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SERVER_CORE, type BenchServer } from './load.ts';

/** Installed by npm when this part of the bench first runs: 96 MB that nothing else needs. */
export const VERSION = '0.55.0';
const PACKAGE = '@cerbos/cerbos-linux-x64';
const FOLDER = join(import.meta.dirname, '..', '.cache', `cerbos-${VERSION}`);
const PROGRAM = join(FOLDER, 'node_modules', PACKAGE, 'cerbos-linux-x64');
const READY_MS = 20_000;
const LOOK_MS = 100;

/** Starts Cerbos with the policies of a directory, on the core of the servers and one thread. */
export async function startCerbos(policies: string): Promise<BenchServer> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `this bench knows Cerbos for linux-x64, not ${process.platform}-${process.arch}`,
    );
  }
  await install();
  const [port, httpPort] = [await freePort(), await freePort()];
  const set = (name: string, value: string): string => `--set=${name}=${value}`;
  const child = spawn(
    'taskset',
    [
      ...['-c', SERVER_CORE, PROGRAM, 'server', '--log-level=error'],
      set('server.grpcListenAddr', `127.0.0.1:${port}`),
      set('server.httpListenAddr', `127.0.0.1:${httpPort}`),
      set('storage.disk.directory', policies),
      set('telemetry.disabled', 'true'),
    ],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, GOMAXPROCS: '1', CERBOS_NO_TELEMETRY: '1' },
    },
  );
  const server: BenchServer = {
    port,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
  try {
    await ready(`http://127.0.0.1:${httpPort}/_cerbos/health`);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

async function install(): Promise<void> {
  if (existsSync(PROGRAM)) return;
  process.stdout.write(`Installing Cerbos ${VERSION} (96 MB) …\n`);
  mkdirSync(FOLDER, { recursive: true });
  await promisify(execFile)('npm', [
    ...['install', '--prefix', FOLDER, '--no-save', '--no-package-lock', '--ignore-scripts'],
    ...['--prefer-offline', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'],
    `${PACKAGE}@${VERSION}`,
  ]);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

async function ready(url: string): Promise<void> {
  const endMs = performance.now() + READY_MS;
  while (performance.now() < endMs) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await sleep(LOOK_MS);
  }
  throw new Error(`Cerbos was not ready within ${READY_MS} ms`);
}
