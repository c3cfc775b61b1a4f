import { answerWithin } from './deadline.ts';
import type { Answer, RedisNode } from './redis-link.ts';

export interface RedisWatchOptions {
  /** The servers to look at; none while there is no connection. */
  readonly servers: () => readonly RedisNode[];
  readonly withinMs: number;
  /** Looks at the epochs; `lost` when counts are known to be lost. */
  readonly look: (lost: boolean) => Promise<void>;
  readonly log: (message: string) => void;
}

interface Seen {
  readonly runId: string;
  /** Whether it was a replica once. */
  readonly promoted: boolean;
  readonly evictedKeys: number;
}

/** A flush, an eviction and a failover are noticed within a second: two looks and their answers. */
const LOOK_EVERY_MS = 400;
/** What was noticed keeps the process from being ready for so long, so that somebody sees it. */
const TELL_FOR_MS = 10_000;

/**
 * Looks at Redis in the background, whether or not anybody calls: did it evict keys, is it another
 * process than before, are the counts still those of before.
 */
export class RedisWatch {
  readonly #options: RedisWatchOptions;
  readonly #seen = new Map<string, Seen>();
  /** Names of the first look; a primary that joins a cluster later is new, or was promoted. */
  #first: ReadonlySet<string> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #problem = '';
  #toldAtMs = 0;

  constructor(options: RedisWatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#lookAndGoOn(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** What was noticed of late; empty when nothing was. */
  problem(): string {
    return performance.now() - this.#toldAtMs < TELL_FOR_MS ? this.#problem : '';
  }

  #lookAndGoOn(): void {
    this.#look()
      .catch((defect: unknown) => this.#options.log(`a look at Redis failed: ${String(defect)}`))
      .finally(() => this.start());
  }

  async #look(): Promise<void> {
    const { servers, withinMs, look } = this.#options;
    const all = servers();
    if (all.length > 0) this.#first ??= new Set(all.map(({ name }) => name));
    const evicted = await Promise.all(
      all.map(async (server) => {
        const late: Answer = { kind: 'lost', problem: '' };
        const answer = await answerWithin(server.send('INFO'), withinMs, late);
        const now = answer.kind === 'reply' ? seenIn(answer.value) : undefined;
        return now !== undefined && this.#compare(server.name, now);
      }),
    );
    if (all.length > 0) await look(evicted.includes(true));
  }

  /** @returns whether keys were evicted since the last look. */
  #compare(name: string, now: Seen): boolean {
    const before = this.#seen.get(name);
    this.#seen.set(name, now);
    if (before === undefined) {
      if (now.promoted && this.#first?.has(name) === false) this.#tell(ANOTHER_SERVER);
      return false;
    }
    if (before.runId !== now.runId) {
      this.#tell(ANOTHER_SERVER);
      return false;
    }
    if (now.evictedKeys <= before.evictedKeys) return false;
    this.#tell(`Redis has evicted ${now.evictedKeys - before.evictedKeys} keys`);
    return true;
  }

  #tell(problem: string): void {
    this.#problem = problem;
    this.#toldAtMs = performance.now();
    this.#options.log(problem);
  }
}

const ANOTHER_SERVER =
  'Redis is another server than before (a failover or a restart): ' +
  'what was counted in its last moments may be lost';

function seenIn(value: unknown): Seen | undefined {
  const text = Buffer.isBuffer(value) ? value.toString() : '';
  const runId = /^run_id:(\w+)/m.exec(text)?.[1];
  const evicted = /^evicted_keys:(\d+)/m.exec(text)?.[1];
  const promoted = /^second_repl_offset:\d/m.test(text);
  return runId === undefined ? undefined : { runId, promoted, evictedKeys: Number(evicted ?? 0) };
}
