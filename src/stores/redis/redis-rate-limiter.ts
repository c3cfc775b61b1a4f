import type {
  Health,
  RateLimiter,
  SettleCallRequest,
  TakeOutcome,
  TakeRequest,
  Unavailable,
} from '../../decision/ports.ts';
import type { CounterSpec, WindowReading } from '../../limits/counter.ts';
import { checkCounters } from '../../limits/check-counters.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { answerWithin } from './deadline.ts';
import { RedisKeys } from './keys.ts';
import { readOpenCall } from './open-call.ts';
import type { Plan } from './plan.ts';
import { plannedCall, planOf, shapeOf, ShapeTable } from './plan.ts';
import { redisHealth } from './redis-health.ts';
import type { Answer } from './redis-link.ts';
import { RedisLink } from './redis-link.ts';
import type { Script, Scripts } from './scripts.ts';
import { loadScripts } from './scripts.ts';
import { TakeQueue } from './take-queue.ts';
import { FOREIGN, readingsOf } from './verdict.ts';

export interface RedisRateLimiterOptions {
  /**
   * redis://[user:password@]host[:port][/db], rediss://… for TLS, unix:///path or the path of a
   * Unix socket.
   */
  readonly url: string;
  /**
   * From a request to its answer; a whole number of ms, 10 unless given. Past it the answer is
   * `unavailable`.
   */
  readonly deadlineMs?: number;
  /** In front of every key; "tollgate" unless given. */
  readonly keyPrefix?: string;
  /** Whether TCP probes an idle connection; true unless given. */
  readonly keepAlive?: boolean;
  /** Most decisions of one script call; 64 unless given. */
  readonly maxBatch?: number;
  /**
   * Most decisions that wait for a script call, and most reads and refunds at a time; 4,096 unless
   * given.
   */
  readonly maxWaiting?: number;
  /** Told in a sentence when Redis is lost or found again. */
  readonly log?: (message: string) => void;
  /**
   * Tests only: stands for the server's clock, in ms since the epoch. Every client of a key must
   * then use it.
   */
  readonly nowMs?: () => number;
}

/** Loopback answers in a tenth of this; a network within one zone in a fifth. */
const DEADLINE_MS = 10;
/** A script call of 64 decisions takes Redis about 2 ms, in which it serves nobody else. */
const MAX_BATCH = 64;
/** Far more than can be decided within the deadline: what comes on top would be late anyway. */
const MAX_WAITING = 4_096;
/** How long opening waits for the first connection; then it goes on in the background. */
const FIRST_CONNECT_MS = 1_000;

/**
 * Opens the RateLimiter on Redis 6 or later. Does not fail when Redis is away: it answers
 * `unavailable` until Redis is there, and finds it by itself.
 *
 * Redis's clock counts, and one script decides, so all processes that share a Redis share exact
 * windows. After `unavailable` a take may have been done or not, because its answer may be what was
 * lost: a repeat under the same request id tells, and takes nothing twice.
 * @throws RangeError for a key prefix that is none, or a bound that is not a whole number ≥ 1.
 */
export async function openRedisRateLimiter(options: RedisRateLimiterOptions): Promise<RateLimiter> {
  const limiter = new RedisRateLimiter(options);
  await limiter.start();
  return limiter;
}

class RedisRateLimiter implements RateLimiter {
  readonly #deadlineMs: number;
  readonly #keys: RedisKeys;
  readonly #nowMs: (() => number) | undefined;
  readonly #scripts: Scripts = loadScripts();
  readonly #link: RedisLink;
  readonly #breaker: CircuitBreaker;
  readonly #queue: TakeQueue;
  readonly #maxAsking: number;
  /** Refunds and peeks that are not answered yet. */
  #asking = 0;

  constructor(options: RedisRateLimiterOptions) {
    const { url, keepAlive = true, log = () => undefined } = options;
    this.#deadlineMs = bound('deadlineMs', options.deadlineMs ?? DEADLINE_MS);
    this.#keys = new RedisKeys(options.keyPrefix ?? 'tollgate');
    this.#nowMs = options.nowMs;
    this.#maxAsking = bound('maxWaiting', options.maxWaiting ?? MAX_WAITING);
    this.#queue = new TakeQueue({
      deadlineMs: this.#deadlineMs,
      maxBatch: bound('maxBatch', options.maxBatch ?? MAX_BATCH),
      maxWaiting: this.#maxAsking,
      send: (batch) => this.#link.run(this.#scripts.take, batch.keys(), batch.args(this.#clock())),
      onAnswered: () => this.#breaker.succeeded(),
      onLost: (problem) => this.#breaker.failed(problem),
    });
    this.#link = new RedisLink({ url, keepAlive, log, onReady: () => this.#breaker.probeNow() });
    this.#breaker = new CircuitBreaker({
      probe: async () => (await this.#ask('PING')).kind === 'reply',
      onStuck: () => this.#link.reset(),
      log,
    });
  }

  start(): Promise<void> {
    return this.#link.start(FIRST_CONNECT_MS);
  }

  async take(request: TakeRequest): Promise<TakeOutcome> {
    checkCounters(request.counters);
    const closed = this.#refusal();
    if (closed !== undefined) return closed;
    const { tenant, requestId, fingerprint, callId, counters } = request;
    const verdictKey = this.#keys.verdict(tenant, requestId);
    const plan = planOf(this.#keys, tenant, counters);
    const call = plannedCall(this.#keys, tenant, callId, counters);
    return this.#queue.add(request, { verdictKey, fingerprint, plan, call });
  }

  async refund(request: TakeRequest): Promise<'refunded' | 'nothing' | Unavailable> {
    checkCounters(request.counters);
    const { tenant, requestId, fingerprint, callId, counters } = request;
    const plan = planOf(this.#keys, tenant, counters);
    const own = [this.#keys.verdict(tenant, requestId), this.#keys.call(tenant, callId)];
    const keys = [...own, ...keysOf(plan)];
    const args = [this.#clock(), fingerprint, String(plan.mark), callId, ...countersIn(plan)];
    const answer = await this.#run(this.#scripts.refund, keys, args);
    if (answer.kind !== 'reply') return unavailable(answer.problem);
    if (answer.value === 1) return 'refunded';
    return answer.value === 0 ? 'nothing' : unavailable(FOREIGN);
  }

  async settle({
    tenant,
    callId,
    tokens,
  }: SettleCallRequest): Promise<'settled' | 'nothing' | Unavailable> {
    const key = this.#keys.call(tenant, callId);
    const stored = await this.#during(() => this.#link.send('GET', [key]));
    if (stored.kind !== 'reply') return unavailable(stored.problem);
    if (!Buffer.isBuffer(stored.value)) return 'nothing';
    const takes = readOpenCall(stored.value);
    if (takes === undefined) return unavailable(FOREIGN);
    const shapes = new ShapeTable();
    const corrections = takes.flatMap(({ spec, takenAtMs }) => {
      const used = spec.unit === 'tokens' ? tokens : 0;
      const shape = shapes.numberOf(shapeOf(spec.algorithm, spec.windows));
      return [shape, String(takenAtMs), String(used - spec.cost)];
    });
    const keys = [key, ...takes.map(({ spec }) => this.#keys.entity(tenant, spec))];
    const args = [this.#clock(), stored.value, callId, ...shapes.args(), ...corrections];
    const answer = await this.#run(this.#scripts.settle, keys, args);
    if (answer.kind !== 'reply') return unavailable(answer.problem);
    return answer.value === 1 ? 'settled' : 'nothing';
  }

  async peek(
    tenant: string,
    counters: readonly CounterSpec[],
  ): Promise<readonly WindowReading[] | Unavailable> {
    checkCounters(counters);
    if (counters.length === 0) return [];
    const plan = planOf(this.#keys, tenant, counters);
    const args = [this.#clock(), ...countersIn(plan)];
    const answer = await this.#run(this.#scripts.peek, keysOf(plan), args);
    if (answer.kind !== 'reply') return unavailable(answer.problem);
    const bytes = answer.value;
    const readings = Buffer.isBuffer(bytes) ? readingsOf(bytes, counters, true) : undefined;
    return readings ?? unavailable(FOREIGN);
  }

  health(): Promise<Health> {
    return redisHealth((command, args) => this.#ask(command, args));
  }

  close(): Promise<void> {
    this.#breaker.dispose();
    this.#queue.abandon('the rate limiter was closed');
    this.#link.close();
    return Promise.resolve();
  }

  /** Why nothing is sent at all. */
  #refusal(): Unavailable | undefined {
    if (this.#link.ready && !this.#breaker.open) return undefined;
    const problem = this.#link.ready ? 'Redis does not answer' : this.#link.problem;
    this.#breaker.failed(problem);
    return unavailable(problem);
  }

  #run(
    script: Script,
    keys: readonly string[],
    args: readonly (string | Buffer)[],
  ): Promise<Answer | Unavailable> {
    return this.#during(() => this.#link.run(script, keys, args));
  }

  /** One of the reads, refunds and settlements, of which there is a bounded number at a time. */
  async #during(send: () => Promise<Answer>): Promise<Answer | Unavailable> {
    const closed = this.#refusal();
    if (closed !== undefined) return closed;
    if (this.#asking >= this.#maxAsking) return unavailable('too many reads and refunds wait');
    this.#asking += 1;
    const answer = await this.#inTime(send());
    this.#asking -= 1;
    if (answer.kind === 'lost') this.#breaker.failed(answer.problem);
    else this.#breaker.succeeded();
    return answer;
  }

  #ask(command: string, args?: string[]): Promise<Answer> {
    return this.#inTime(this.#link.send(command, args));
  }

  #inTime(answer: Promise<Answer>): Promise<Answer> {
    const problem = `Redis did not answer within ${this.#deadlineMs} ms`;
    return answerWithin(answer, this.#deadlineMs, { kind: 'lost', problem });
  }

  #clock(): string {
    return this.#nowMs === undefined ? '' : String(this.#nowMs());
  }
}

function keysOf({ counters }: Plan): readonly string[] {
  return counters.map((counter) => counter.key);
}

/** The shapes, then shape and cost of each counter. */
function countersIn({ counters }: Plan): readonly string[] {
  const shapes = new ShapeTable();
  const args: string[] = [];
  for (const { shape, cost } of counters) args.push(shapes.numberOf(shape), cost);
  return [...shapes.args(), ...args];
}

function unavailable(problem: string): Unavailable {
  return { kind: 'unavailable', problem };
}

function bound(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`${name} is not a whole number ≥ 1: ${value}`);
}
