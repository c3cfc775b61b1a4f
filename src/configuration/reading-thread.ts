import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { readConfiguration, type Reading, type ReadingOrder } from './reading.ts';

/** Far more than the largest file takes; past it the thread hangs. */
const MAX_READING_MS = 30_000;
/** A file that needs more memory than this must not take the process down with it. */
const MAX_HEAP_MB = 512;

const MARK = 'tollgate configuration reading';

/**
 * Reads a configuration on a thread of its own: a large file takes a second, in which this thread
 * goes on deciding. Rejects when the thread fails or takes too long.
 */
export async function readApart(order: ReadingOrder): Promise<Reading> {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { mark: MARK, order },
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Reading>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      const fail = (what: string): void => reject(new Error(`the reading thread ${what}`));
      worker.once('exit', (code) => fail(`ended with code ${code}`));
      timer = setTimeout(() => fail(`took more than ${MAX_READING_MS} ms`), MAX_READING_MS);
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/**
 * This file is its own thread's program; the mark tells that thread from any other that imports it.
 */
function orderOfThisThread(): ReadingOrder | undefined {
  const data = workerData as { readonly mark?: string; readonly order: ReadingOrder } | null;
  return !isMainThread && data?.mark === MARK ? data.order : undefined;
}

const order = orderOfThisThread();
if (order) parentPort?.postMessage(readConfiguration(order));
