import { renameSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials } from '@grpc/grpc-js';
import { readSettings } from '../src/config.ts';
import { Complexity } from '../src/gen/tollgate/v1/call.ts';
import {
  AuthorizeRequest,
  DecisionServiceClient,
} from '../src/gen/tollgate/v1/decision_service.ts';
import { serve } from '../src/serve.ts';
import { recordsNothing } from './records-nothing.ts';
import { obeyOrders } from './worker.ts';

export interface SwapOrder {
  readonly config: string;
  /** What is written there, with a comment of its own each time. */
  readonly text: string;
  readonly dataDir: string;
  readonly databaseUrl: string;
  /** Or only to look how long nothing takes. */
  readonly change?: boolean;
}

export interface SwapResult {
  /** The longest time for which the event loop did nothing else. */
  readonly pauseMs: number;
  /** From the change of the file until decisions are made by it. */
  readonly tookMs: number;
}

const CALL_EVERY_MS = 2;
const QUIET_MS = 2_000;
const MOST_MS = 30_000;
/** Of the timer that measures: it is late by its own resolution when nothing else happens. */
const RESOLUTION_MS = 1;

type Ask = () => Promise<string>;
let ask: Ask | undefined;
let changes = 0;

async function swap(order: SwapOrder): Promise<SwapResult> {
  ask ??= await startServer(order);
  const before = await settled(ask);
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const startedMs = performance.now();
  if (order.change) replace(order);
  const endMs = startedMs + (order.change ? MOST_MS : QUIET_MS);
  let revision = before;
  while (revision === before && performance.now() < endMs) {
    await sleep(CALL_EVERY_MS);
    revision = await ask();
  }
  const tookMs = performance.now() - startedMs;
  if (order.change && revision === before) throw new Error('the change was not taken up');
  // What the swap leaves behind is collected soon after it.
  await settled(ask);
  delay.disable();
  return { pauseMs: delay.max / 1e6 - RESOLUTION_MS, tookMs };
}

function replace({ config, text }: SwapOrder): void {
  writeFileSync(`${config}.new`, `# change ${changes++}\n${text}`);
  renameSync(`${config}.new`, config);
}

/** Calls for a while, as callers do all the time. */
async function settled(asked: Ask): Promise<string> {
  let revision = '';
  const endMs = performance.now() + QUIET_MS;
  while (performance.now() < endMs) {
    await sleep(CALL_EVERY_MS);
    revision = await asked();
  }
  return revision;
}

async function startServer({ config, dataDir, databaseUrl }: SwapOrder): Promise<Ask> {
  const settings = readSettings({
    TOLLGATE_CONFIG: config,
    TOLLGATE_LISTEN: '127.0.0.1:0',
    TOLLGATE_METRICS_LISTEN: 'off',
    TOLLGATE_LOG_LEVEL: 'error',
    TOLLGATE_DATA_DIR: dataDir,
    DATABASE_URL: databaseUrl,
  });
  const server = await serve(settings, { recorder: recordsNothing });
  const client = new DecisionServiceClient(server.address, credentials.createInsecure());
  let calls = 0;
  const request = {
    call: {
      tenant: 'tenant-1',
      agent: 'agent-1',
      environment: 'production',
      principal: { user: 'alice', team: 'hr', roles: ['employee'] },
      estimate: { inputTokens: 500n, outputTokens: 300n, complexity: Complexity.STANDARD },
    },
  };
  return () =>
    new Promise((resolve, reject) => {
      const requestId = `bench-${calls++}`;
      client.authorize(AuthorizeRequest.fromPartial({ ...request, requestId }), (error, answer) => {
        if (error) reject(error);
        else resolve(answer.decision?.configurationRevision ?? '');
      });
    });
}

obeyOrders(swap);
