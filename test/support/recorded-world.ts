import { BUILT_IN_DEFAULTS } from '../../src/configuration/environment-defaults.ts';
import { loadConfiguration } from '../../src/configuration/load.ts';
import type { DecisionPoint } from '../../src/decision/answers.ts';
import type { Call } from '../../src/decision/call.ts';
import { grantTokens } from '../../src/decision/grant-token.ts';
import { silentObserver } from '../../src/decision/observer.ts';
import { openPipeline } from '../../src/decision/pipeline.ts';
import type { Recorder } from '../../src/decision/ports.ts';
import type { RecordedRange } from '../../src/decision/recorded-event.ts';
import type { Snapshot } from '../../src/decision/snapshot.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { compare, type ReplayReport } from '../../src/replay/compare.ts';
import type { ReplayedLine } from '../../src/replay/line.ts';
import { reachMs } from '../../src/replay/reach.ts';
import { recordSide } from '../../src/replay/record-side.ts';
import { recordedEvents } from '../../src/replay/recorded-events.ts';
import { WorldSide } from '../../src/replay/world-side.ts';
import { MemoryRateLimiter } from '../../src/stores/memory/memory-rate-limiter.ts';
import type { LedgerStores } from '../../src/stores/postgres/ledger-stores.ts';
import { rowsOf } from './record-rows.ts';

export function snapshotOf(text: string): Snapshot {
  const load = loadConfiguration(text, {
    file: 'configuration',
    environmentDefaults: BUILT_IN_DEFAULTS,
    changedAtMs: 0,
    nowMs: 0,
    previous: undefined,
  });
  if (load.kind === 'refused') throw new Error(JSON.stringify(load.problems, null, 2));
  return load.snapshot;
}

/** A decision point on real stores and the test's time, whose decisions are recorded at once. */
export function recordingPoint(
  snapshot: Snapshot,
  stores: LedgerStores,
  clock: Clock,
): DecisionPoint {
  const recorder: Recorder = {
    async record(record) {
      const appended = await stores.lineage.append(rowsOf(record));
      return appended === 'appended' ? 'recorded' : appended;
    },
    waiting: () => 0,
    status: () => ({ adapter: 'test', healthy: true, problem: '' }),
    close: () => Promise.resolve(),
  };
  const limiter = new MemoryRateLimiter({ clock });
  return openPipeline({
    config: { current: () => snapshot, refusal: () => '', close: () => Promise.resolve() },
    limiter,
    localLimiter: limiter,
    ledger: stores.ledger,
    recorder,
    persons: { seal: () => undefined },
    tokens: grantTokens(Buffer.alloc(32, 'test')),
    observer: silentObserver,
    clock,
  });
}

export interface Replayed {
  readonly report: ReplayReport;
  readonly lines: readonly ReplayedLine[];
}

/** Replays what a tenant has recorded. */
export async function replayOf(
  stores: LedgerStores,
  snapshot: Snapshot,
  range: RecordedRange,
): Promise<Replayed> {
  const lines: ReplayedLine[] = [];
  const { fromMs = -Infinity } = range;
  const reaches = reachMs(snapshot, fromMs);
  const { fromMs: _from, ...rest } = range;
  const reached = reaches > -Infinity ? { ...rest, fromMs: reaches } : rest;
  const report = await stores.recorded(reached, (pages) =>
    compare(recordedEvents(pages), {
      before: recordSide,
      after: new WorldSide(snapshot),
      knowsSpendBefore: true,
      fromMs,
      mostFlips: 10,
      onLine: (line) => lines.push(line),
    }),
  );
  return { report, lines };
}

/** A call of alice, of team hr, to the copilot in production. */
export function callOf(tenant: string, change: Partial<Call> = {}): Call {
  return {
    tenant,
    agent: 'copilot',
    agentVersion: '',
    user: 'alice',
    team: 'hr',
    roles: ['analyst'],
    system: '',
    environment: 'production',
    country: '',
    sourceIp: '',
    dataClassification: [],
    attributes: {},
    estimate: {
      costMicroUsd: undefined,
      inputTokens: 0n,
      outputTokens: 0n,
      complexity: 'standard',
      model: 'gpt-4',
    },
    parentTraceId: '',
    consent: '',
    personal: { externalUserId: '', email: '', name: '', session: '' },
    ...change,
  };
}
