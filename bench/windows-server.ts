import { parseArgs } from 'node:util';
import { readSettings } from '../src/config.ts';
import type { Decided, DecisionPoint, Refusal } from '../src/decision/answers.ts';
import { serve } from '../src/serve.ts';
import { recordsNothing } from './records-nothing.ts';
import { anybody } from './windows-bench.ts';

/**
 * The sidecar on real stores. h2load sends the same bytes every time, and a repeated request is
 * answered from memory, so each Authorize gets a request id, a user and a team of its own on its
 * way to the decision. h2load does not see what was answered either: the server ends at the first
 * Authorize that is not allowed. Prints `listening PORT`.
 */
const { values } = parseArgs({
  options: {
    config: { type: 'string' },
    'data-dir': { type: 'string' },
    'database-url': { type: 'string' },
    'redis-url': { type: 'string' },
    record: { type: 'string', default: 'on' },
  },
});

/** What is slow under load is measured, not cut off. */
const PATIENCE_MS = '20000';

const settings = readSettings({
  TOLLGATE_CONFIG: values.config,
  TOLLGATE_LISTEN: '127.0.0.1:0',
  TOLLGATE_METRICS_LISTEN: 'off',
  TOLLGATE_LOG_LEVEL: 'warn',
  TOLLGATE_DATA_DIR: values['data-dir'],
  DATABASE_URL: values['database-url'],
  TOLLGATE_DATABASE_DEADLINE_MS: PATIENCE_MS,
  REDIS_URL: values['redis-url'],
  TOLLGATE_REDIS_DEADLINE_MS: PATIENCE_MS,
});
/** Several servers share a Redis, which remembers request ids. */
const prefix = `bench-${process.pid}`;
let calls = 0;

function withNewCalls(point: DecisionPoint): DecisionPoint {
  return {
    ...point,
    authorize: async (command) => {
      const call = { ...command.call, ...anybody() };
      const answer = await point.authorize({ ...command, call, requestId: `${prefix}-${calls++}` });
      if (!isAllowed(answer)) giveUp(answer);
      return answer;
    },
  };
}

function isAllowed(answer: Decided | Refusal): boolean {
  return answer.kind === 'decided' && answer.decision.effect === 'allow';
}

function giveUp(answer: Decided | Refusal): never {
  const reasons = answer.kind === 'decided' ? answer.decision.reasons : [];
  const codes = reasons.map(({ code }) => code).join(', ');
  process.stderr.write(`not allowed: ${answer.kind} ${codes}\n`);
  process.exit(1);
}

const server = await serve(settings, {
  ...(values.record === 'off' && { recorder: recordsNothing }),
  around: withNewCalls,
});
process.once('SIGTERM', () => {
  server.stop().catch((error: unknown) => {
    throw error;
  });
});
process.stdout.write(`listening ${server.address.split(':').at(-1)}\n`);
