import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readSettings } from '../src/config.ts';
import { serve } from '../src/serve.ts';
import { recordsNothing } from './records-nothing.ts';

/**
 * The sidecar with policies only. h2load sends the same bytes every time, and a repeated request is
 * answered from memory, so each call gets a request id of its own on its way to the decision.
 * Prints `listening PORT`.
 */
const { values } = parseArgs({
  options: {
    config: { type: 'string', default: join(import.meta.dirname, 'policy.yaml') },
    'data-dir': { type: 'string' },
    'database-url': { type: 'string' },
    record: { type: 'string' },
  },
});

const settings = readSettings({
  TOLLGATE_CONFIG: values.config,
  TOLLGATE_LISTEN: '127.0.0.1:0',
  TOLLGATE_METRICS_LISTEN: 'off',
  TOLLGATE_LOG_LEVEL: 'warn',
  TOLLGATE_DATA_DIR: values['data-dir'],
  DATABASE_URL: values['database-url'],
});
let calls = 0;
const server = await serve(settings, {
  ...(values.record === 'off' && { recorder: recordsNothing }),
  around: (point) => ({
    ...point,
    authorize: (command) => point.authorize({ ...command, requestId: `bench-${calls++}` }),
  }),
});
process.once('SIGTERM', () => {
  server.stop().catch((error: unknown) => {
    throw error;
  });
});
process.stdout.write(`listening ${server.address.split(':').at(-1)}\n`);
