import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { EnvironmentDefaults } from './environment-defaults.ts';
import { packEntries, packSections, type Pack, type PackedSections } from './packed-sections.ts';
import type { Problem } from './problem.ts';
import { decodeText } from './read-file.ts';
import { readConfiguration } from './reading.ts';
import { digestOf } from './revision.ts';

/** Far more than the largest file takes beside decisions without end; past it the thread hangs. */
const MAX_READING_MS = 60_000;
/** A file that needs more memory than this must not take the process down with it. */
const MAX_HEAP_MB = 512;

const MARK = 'tollgate configuration reading';

export interface ApartOrder {
  /** Of the file. */
  readonly bytes: Uint8Array;
  /** How problems name the file. */
  readonly file: string;
  readonly environmentDefaults: EnvironmentDefaults;
  /** Decides which exemptions and maintenance windows are over. */
  readonly nowMs: number;
}

/** A file's content checked in itself, in packs that are opened one at a time. */
export type PackedReading =
  | {
      readonly kind: 'read';
      readonly document: PackedSections;
      /** Of Problem. */
      readonly warnings: readonly Pack[];
      readonly revisionPlace: Problem;
      /** Names the content; see revision.ts. */
      readonly digest: string;
    }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] };

/**
 * Reads a configuration on a thread of its own: a large file takes a second, in which this thread
 * goes on deciding. Rejects when the thread fails or takes too long, and with the signal's reason
 * once that is aborted.
 */
export async function readApart(order: ApartOrder, signal: AbortSignal): Promise<PackedReading> {
  signal.throwIfAborted();
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { mark: MARK, order },
    // It needs nothing of the environment, and copying that takes milliseconds.
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<PackedReading>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      const fail = (what: string): void => reject(new Error(`the reading thread ${what}`));
      worker.once('exit', (code) => fail(`ended with code ${code}`));
      timer = setTimeout(() => fail(`took more than ${MAX_READING_MS} ms`), MAX_READING_MS);
      const abort = (): void => reject(new Error('the reading was aborted'));
      signal.addEventListener('abort', abort, { signal: over.signal });
    });
  } finally {
    clearTimeout(timer);
    over.abort();
    await worker.terminate();
  }
}

/**
 * This file is its own thread's program; the mark tells that thread from any other that imports it.
 */
function orderOfThisThread(): ApartOrder | undefined {
  const data = workerData as { readonly mark?: string; readonly order: ApartOrder } | null;
  return !isMainThread && data?.mark === MARK ? data.order : undefined;
}

function packedReading({ bytes, file, environmentDefaults, nowMs }: ApartOrder): PackedReading {
  const decoded = decodeText(bytes, file);
  if (decoded.kind === 'unreadable') return { kind: 'refused', problems: [decoded.problem] };
  const { text } = decoded;
  const reading = readConfiguration({ text, file, nowMs });
  if (reading.kind === 'refused') return reading;
  return {
    kind: 'read',
    document: packSections(reading.document),
    warnings: packEntries(reading.warnings),
    revisionPlace: reading.revisionPlace,
    digest: digestOf(text, environmentDefaults),
  };
}

/** What the thread's niceness is above that of decisions. Leaves it a fourth of a busy core. */
const BEHIND_DECISIONS = 5;
const NICEST = 19;

/** Lets decisions go first where both want one core. Linux alone knows priorities of threads. */
function stepBack(): void {
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.min(NICEST, getPriority(thread) + BEHIND_DECISIONS));
  } catch {
    // Then both have the same share.
  }
}

function buffersOf(reading: PackedReading): ArrayBuffer[] {
  if (reading.kind === 'refused') return [];
  const packs = [...Object.values(reading.document.packs).flat(), ...reading.warnings];
  return packs.map(({ buffer }) => buffer);
}

const order = orderOfThisThread();
if (order) {
  stepBack();
  const reading = packedReading(order);
  parentPort?.postMessage(reading, buffersOf(reading));
}
