import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Complexity } from '../src/gen/tollgate/v1/call.ts';
import { AuthorizeRequest } from '../src/gen/tollgate/v1/decision_service.ts';
import { TENANT } from './ledger-calls.ts';
import {
  cpuUs,
  load,
  SERVER_CORE,
  startPinned,
  type BenchServer,
  type LoadResult,
} from './load.ts';
import type { WindowsBench } from './windows-bench.ts';

const PATH = '/tollgate.v1.DecisionService/Authorize';
/** A server that used no more than this while one looked is done with what it had put off. */
const QUIET_US = 20_000;
const LOOK_MS = 250;
/** The journal catches up in seconds. */
const MOST_LOOKS = 120;

export interface SidecarOptions {
  readonly configuration: string;
  readonly databaseUrl: string;
  readonly record: 'on' | 'off';
  readonly cores?: string;
}

/** Starts bench/windows-server.ts with a configuration and a data directory of its own. */
export function startSidecar(
  { redis, scratch }: WindowsBench,
  { configuration, databaseUrl, record, cores = SERVER_CORE }: SidecarOptions,
): Promise<BenchServer> {
  const directory = mkdtempSync(join(scratch, 'sidecar-'));
  const file = join(directory, 'tollgate.yaml');
  writeFileSync(file, configuration);
  const args = [
    ...['--config', file, '--data-dir', join(directory, 'data'), '--record', record],
    ...['--database-url', databaseUrl, '--redis-url', redis.url],
  ];
  return startPinned(join(import.meta.dirname, 'windows-server.ts'), args, cores);
}

/** One run of h2load against a server, and what it took the server and Redis. */
export interface AuthorizeRun extends LoadResult {
  /** What the server put off until after the run included. */
  readonly serverUs: number;
  readonly redisUs: number;
}

/** @param rate calls a second; undefined means as many as the server takes */
export async function driveAuthorize(
  { redis, scratch }: WindowsBench,
  server: BenchServer,
  calls: number,
  rate?: number,
): Promise<AuthorizeRun> {
  const pace = rate === undefined ? {} : { rate };
  const [serverBefore, redisBefore] = [cpuUs(server.pid), await redis.cpuUs()];
  const result = await load({ server, path: PATH, message: MESSAGE, calls, scratch, ...pace });
  const redisUs = ((await redis.cpuUs()) - redisBefore) / calls;
  await quiet(server);
  return { ...result, serverUs: (cpuUs(server.pid) - serverBefore) / calls, redisUs };
}

/** Waits until a server has written what it recorded, so that the next one has its core. */
async function quiet({ pid }: BenchServer): Promise<void> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const before = cpuUs(pid);
    await sleep(LOOK_MS);
    if (cpuUs(pid) - before <= QUIET_US) return;
  }
}

/** The server puts another request id, user and team in their places. */
const MESSAGE = AuthorizeRequest.encode(
  AuthorizeRequest.fromPartial({
    requestId: 'replaced-by-the-bench-server',
    call: {
      tenant: TENANT,
      agent: 'copilot-hr',
      principal: { user: 'replaced', team: 'replaced', roles: ['employee'] },
      environment: 'production',
      estimate: { inputTokens: 500n, outputTokens: 300n, complexity: Complexity.STANDARD },
    },
  }),
).finish();
