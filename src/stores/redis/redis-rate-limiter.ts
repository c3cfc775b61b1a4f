import type {
  Health,
  RateLimiter,
  SettleCallRequest,
  TakeOutcome,
  TakeRequest,
  Unavailable,
} from '../../decision/ports.ts';
import { randomBytes } from 'node:crypto';
import { parseRedisAddress } from '../../lib/redis-address.ts';
import type { CounterSpec, WindowReading } from '../../limits/counter.ts';
import { checkCounters } from '../../limits/check-counters.ts';
import {
  KEEP_VIOLATIONS_MS,
  MAX_VIOLATIONS,
  type Violation,
  type ViolationCount,
} from '../../limits/violation.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { answerWithin } from './deadline.ts';
import { Epochs } from './epochs.ts';
import { RedisKeys, type KeysPart } from './keys.ts';
import { readOpenCall } from './open-call.ts';
import type { Plan } from './plan.ts';
import { plannedCall, planOf, shapeOf, ShapeTable } from './plan.ts';
import { redisHealth } from './redis-health.ts';
import type { RedisTls } from './redis-client.ts';
import type { Answer } from './redis-link.ts';
import { RedisLink } from './redis-link.ts';
import { RedisWatch } from './redis-watch.ts';
import type { Script, Scripts } from './scripts.ts';
import { loadScripts } from './scripts.ts';
import type { TakeBatch } from './take-batch.ts';
import { TakeQueue } from './take-queue.ts';
import { FOREIGN, readingsOf } from './verdict.ts';
import { fieldOf, violationOf } from './violation-text.ts';

export interface RedisRateLimiterOptions {
  /** As parseRedisAddress reads it. */
  readonly url: string;
  readonly tls?: RedisTls;
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
  /** Told in a sentence when Redis is lost or found again, and when counts were lost. */
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
/** Script calls in flight: to one server, and to all of a cluster. */
const MAX_FLIGHTS = { one: 2, many: 32 } as const;
/** How long opening waits for the first connection; then it goes on in the background. */
const FIRST_CONNECT_MS = 1_000;

/** The rate limiter of one Redis, or of one part of the keys of a cluster. */
export class RedisRateLimiter implements RateLimiter {
  readonly #deadlineMs: number;
  readonly #keys: RedisKeys;
  readonly #nowMs: (() => number) | undefined;
  readonly #scripts: Scripts = loadScripts();
  readonly #link: RedisLink;
  readonly #breaker: CircuitBreaker;
  readonly #queue: TakeQueue;
  readonly #maxAsking: number;
  readonly #clustered: boolean;
  readonly #epochs: Epochs;
  readonly #watch: RedisWatch;
  /** Begins the names of epochs. */
  readonly #name = randomBytes(6).toString('hex');
  /** Refunds and peeks that are not answered yet. */
  #asking = 0;

  /** @param part of the keys; `shared` for the counters that all tenants of a cluster share. */
  constructor(options: RedisRateLimiterOptions, part: KeysPart = 'tenant') {
    const { url, tls, keepAlive = true, log = () => undefined } = options;
    const address = parseRedisAddress(url);
    if (address === undefined) throw new RangeError('not an address of Redis');
    this.#clustered = address.kind === 'cluster';
    this.#deadlineMs = bound('deadlineMs', options.deadlineMs ?? DEADLINE_MS);
    this.#keys = new RedisKeys(options.keyPrefix ?? 'tollgate', part);
    this.#nowMs = options.nowMs;
    this.#maxAsking = bound('maxWaiting', options.maxWaiting ?? MAX_WAITING);
    this.#queue = new TakeQueue({
      deadlineMs: this.#deadlineMs,
      maxBatch: bound('maxBatch', options.maxBatch ?? MAX_BATCH),
      maxWaiting: this.#maxAsking,
      maxFlights: this.#clustered ? MAX_FLIGHTS.many : MAX_FLIGHTS.one,
      send: (batch) => this.#send(batch),
      onAnswered: () => this.#breaker.succeeded(),
      onLost: (problem) => this.#breaker.failed(problem),
    });
    this.#epochs = new Epochs(
      () => performance.now(),
      () => log(COUNTS_LOST),
    );
    this.#link = new RedisLink({
      address,
      tls,
      keepAlive,
      log,
      onReady: () => this.#breaker.probeNow(),
    });
    this.#breaker = new CircuitBreaker({
      probe: async () => (await this.#ask('PING')).kind === 'reply',
      onStuck: () => this.#link.reset(),
      log,
    });
    this.#watch = new RedisWatch({
      servers: () => (this.#link.ready ? this.#link.servers() : []),
      withinMs: WATCH_DEADLINE_MS,
      look: (lost) => this.#look(lost),
      log,
    });
  }

  async start(): Promise<void> {
    await this.#link.start(FIRST_CONNECT_MS);
    this.#watch.start();
  }

  uncounted(tenant: string, counters: readonly CounterSpec[]): readonly CounterSpec[] {
    const sinceMs = this.#epochs.sinceLossMs(this.#slotOf(tenant));
    if (sinceMs === Infinity) return [];
    return counters.filter(({ windows }) => windows.some(({ lengthMs }) => lengthMs > sinceMs));
  }

  async take(request: TakeRequest): Promise<TakeOutcome> {
    checkCounters(request.counters);
    const closed = this.#refusal();
    if (closed !== undefined) return closed;
    const { tenant, requestId, fingerprint, callId, counters } = request;
    const verdictKey = this.#keys.verdict(tenant, requestId);
    const plan = planOf(this.#keys, tenant, counters);
    const call = plannedCall(this.#keys, tenant, callId, counters);
    const slot = this.#slotOf(tenant);
    const longestMs = Math.max(0, ...counters.map(({ windows }) => windows.at(-1)?.lengthMs ?? 0));
    return this.#queue.add(request, { verdictKey, fingerprint, plan, call, slot, longestMs });
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

  async addViolations(
    tenant: string,
    counts: readonly ViolationCount[],
  ): Promise<readonly Violation[] | Unavailable> {
    const key = this.#keys.violations(tenant);
    const bounds = [String(KEEP_VIOLATIONS_MS), String(MAX_VIOLATIONS)];
    const added = counts.flatMap((one) => [fieldOf(one), String(one.count), String(one.windowMs)]);
    const args = [this.#clock(), ...bounds, ...added];
    const answer = await this.#run(this.#scripts.violate, [key], args);
    if (answer.kind !== 'reply') return unavailable(answer.problem);
    const values = textsIn(answer.value);
    return counts.flatMap((one, index) => violationOf(fieldOf(one), values[index] ?? '') ?? []);
  }

  async violations(tenant: string): Promise<readonly Violation[] | Unavailable> {
    const key = this.#keys.violations(tenant);
    const answer = await this.#during(() => this.#link.send('HGETALL', [key]));
    if (answer.kind !== 'reply') return unavailable(answer.problem);
    const texts = textsIn(answer.value);
    return texts.flatMap((field, index) =>
      index % 2 === 0 ? (violationOf(field, texts[index + 1] ?? '') ?? []) : [],
    );
  }

  async health(): Promise<Health> {
    const answers = this.#link
      .servers()
      .map((server) => redisHealth((command, args) => this.#inTime(server.send(command, args))));
    if (!this.#link.ready || answers.length === 0) return unhealthy(this.#link.problem);
    const known = await Promise.all(answers);
    const ill = known.find((one) => !one.healthy || one.problem !== '') ?? known[0];
    const noticed = this.#watch.problem();
    if (noticed !== '' && ill?.healthy !== false) return unhealthy(noticed);
    return ill ?? unhealthy(this.#link.problem);
  }

  close(): Promise<void> {
    this.#watch.stop();
    this.#breaker.dispose();
    this.#queue.abandon('the rate limiter was closed');
    this.#link.close();
    return Promise.resolve();
  }

  #slotOf(tenant: string): string {
    return this.#clustered ? this.#keys.slotOf(tenant) : '';
  }

  /**
   * One script call. When it finds an epoch that is not known, it is made once more with the epoch
   * that it found, unless its windows have lost counts: then it is not decided by what is left.
   */
  async #send(batch: TakeBatch): Promise<Answer> {
    const { slot } = batch;
    const epochKey = this.#keys.epoch(slot);
    const run = (): Promise<Answer> =>
      this.#link.run(
        this.#scripts.take,
        batch.keys(epochKey),
        batch.args([this.#clock(), this.#epochs.epochOf(slot), this.#freshName()]),
      );
    const answer = await run();
    const found = epochIn(answer, 1);
    if (found === undefined) return answer;
    this.#epochs.learn(slot, found.epoch, found.serverMs);
    const affected = this.#epochs.sinceLossMs(slot) < batch.longestMs;
    if (affected) return { kind: 'refused', problem: COUNTS_LOST };
    const again = await run();
    const moved = epochIn(again, 1) !== undefined;
    return moved ? { kind: 'refused', problem: 'the epoch changes all the time' } : again;
  }

  /** Looks at the epochs of the slots in use, so that a loss is noticed also when nobody calls. */
  async #look(lost: boolean): Promise<void> {
    const slots = this.#clustered ? this.#epochs.latest(WATCHED_SLOTS) : [''];
    await Promise.all(
      slots.map(async (slot) => {
        const args = [this.#clock(), this.#epochs.epochOf(slot), this.#freshName()];
        const keys = [this.#keys.epoch(slot)];
        const sent = this.#link.run(this.#scripts.watch, keys, [...args, lost ? '1' : '0']);
        const found = epochIn(await answerWithin(sent, WATCH_DEADLINE_MS, LATE), 0);
        if (found) this.#epochs.learn(slot, found.epoch, found.serverMs);
      }),
    );
  }

  #freshName(): string {
    return `${this.#name}-${Date.now().toString(36)}`;
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

function textsIn(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  return list.map((one) => (Buffer.isBuffer(one) ? one.toString() : ''));
}

/** The epoch and the server's time in an answer of take.lua (behind a word) or watch.lua. */
function epochIn(
  answer: Answer,
  at: 0 | 1,
): { readonly epoch: string; readonly serverMs: number } | undefined {
  const reply: readonly unknown[] =
    answer.kind === 'reply' && Array.isArray(answer.value) ? answer.value : [];
  if (at === 1 && !(Buffer.isBuffer(reply[0]) && reply[0].toString() === 'epoch')) return undefined;
  const [epoch, serverMs] = [reply[at], reply[at + 1]];
  if (!Buffer.isBuffer(epoch) || !Buffer.isBuffer(serverMs)) return undefined;
  return { epoch: epoch.toString(), serverMs: Number(serverMs.toString()) };
}

const COUNTS_LOST =
  'Redis has lost counts: until they have passed, windows that were running follow their outage policy';
/** Looks in the background have time; nobody waits for them. */
const WATCH_DEADLINE_MS = 300;
const LATE: Answer = { kind: 'lost', problem: 'Redis did not answer a look at it' };
/** Slots of a cluster whose epochs are looked at in one go. */
const WATCHED_SLOTS = 32;

function unhealthy(problem: string): Health {
  return { adapter: 'redis', healthy: false, problem };
}

function unavailable(problem: string): Unavailable {
  return { kind: 'unavailable', problem };
}

function bound(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`${name} is not a whole number ≥ 1: ${value}`);
}
