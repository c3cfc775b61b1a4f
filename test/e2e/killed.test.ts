import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { credentials } from '@grpc/grpc-js';
import { Outcome, ReservationState, TollgateClient } from '../../clients/typescript/index.ts';
import {
  QueryServiceClient,
  type GetDecisionResponse,
  type GetReservationResponse,
  type GetStatusResponse,
} from '../../src/gen/tollgate/v1/query_service.ts';
import { runCommand } from '../support/command.ts';

const root = join(import.meta.dirname, '..', '..');
const CALLERS = 16;
/** Enough that the kill falls into full work. */
const ANSWERS_BEFORE_KILL = 300;
const RECORD_POLLS = 400;
const RECORD_POLL_MS = 25;
const call = { tenant: 'demo', agent: 'code-model', estimate: { costMicroUsd: 1_000n } };

let directory: string;
let server: ChildProcess | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tollgate-killed-'));
});

afterEach(() => {
  server?.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

const address = (): string => `unix:${join(directory, 'sock')}`;

async function start(): Promise<ChildProcess> {
  const args = [
    ...['serve', '--config', join(root, 'examples', 'demo-unlimited.yaml')],
    ...['--listen', address(), '--data-dir', join(directory, 'data')],
  ];
  const child = spawn(process.execPath, [join(root, 'src', 'main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TOLLGATE_METRICS_LISTEN: 'off', TOLLGATE_LOG_LEVEL: 'warn' },
  });
  server = child;
  for await (const line of createInterface(child.stderr)) {
    if (line.startsWith('Tollgate serves')) return child;
  }
  throw new Error('the server ended before it served');
}

it('X2 X3 P31 a SIGKILL of the embedded server at work loses nothing that was answered', async () => {
  const first = await start();
  const settled: string[] = [];
  const authorized: string[] = [];
  const client = TollgateClient.connect(address(), { retry: { attempts: 1 } });
  const killed = once(first, 'exit');
  const caller = async (): Promise<void> => {
    for (;;) {
      const looked = await client.authorize({ call });
      authorized.push(looked.decision.decisionId);
      const { reservation } = await client.reserve({ call });
      const reservationId = reservation?.reservationId ?? '';
      const usage = { costMicroUsd: 700n };
      await client.commit({ tenant: 'demo', reservationId, usage, outcome: Outcome.SUCCESS });
      settled.push(reservationId);
      if (settled.length === ANSWERS_BEFORE_KILL) first.kill('SIGKILL');
    }
  };
  await Promise.allSettled(Array.from({ length: CALLERS }, caller));
  await killed;
  client.close();
  expect(settled.length).toBeGreaterThanOrEqual(ANSWERS_BEFORE_KILL);

  const second = await start();
  const queries = new QueryServiceClient(address(), credentials.createInsecure());
  for (const reservationId of settled) {
    const { reservation } = await ask<GetReservationResponse>((reply) =>
      queries.getReservation({ tenant: 'demo', reservationId }, reply),
    );
    expect(reservation).toMatchObject({
      state: ReservationState.COMMITTED,
      committedMicroUsd: 700n,
    });
  }
  await recorded(queries);
  for (const decisionId of authorized) {
    const { record } = await ask<GetDecisionResponse>((reply) =>
      queries.getDecision({ tenant: 'demo', decisionId }, reply),
    );
    expect(record?.decisionId).toBe(decisionId);
  }
  queries.close();
  const ended = once(second, 'exit');
  second.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  const verified = await runCommand(['verify', '--data-dir', join(directory, 'data'), '--json']);
  expect(verified.exitCode, verified.stdout + verified.stderr).toBe(0);
}, 60_000);

/** Waits until the journal of the killed process has reached the Lineage. */
async function recorded(queries: QueryServiceClient): Promise<void> {
  for (let poll = 0; poll < RECORD_POLLS; poll++) {
    const { recordsWaiting } = await ask<GetStatusResponse>((reply) =>
      queries.getStatus({}, reply),
    );
    if (recordsWaiting === 0n) return;
    await new Promise((resolve) => setTimeout(resolve, RECORD_POLL_MS));
  }
  throw new Error('the journal does not reach the Lineage');
}

function ask<T>(send: (reply: (error: Error | null, answer: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    send((error, answer) => (error ? reject(error) : resolve(answer)));
  });
}
