import type { Amounts } from '../budgets/amounts.ts';
import type { Decided } from '../decision/answers.ts';
import type { CallUsage } from '../decision/call.ts';
import type { Decision, Effect } from '../decision/decision.ts';
import type { Reservation } from '../decision/ports.ts';
import type { Reason } from '../decision/reasons.ts';
import type { Snapshot } from '../decision/snapshot.ts';
import { Generations } from '../lib/generations.ts';
import { missingFacts } from './missing-facts.ts';
import type { RecordedEnd } from '../decision/recorded-event.ts';
import type { AskedEvent, ExtendedEvent } from './replay-event.ts';
import { callKey, sideAnswer, type Side, type SideAnswer } from './side.ts';
import { World, type Settling } from './world.ts';

/** What an Authorize gave, for the Reserve that comes with its token. */
interface Authorized {
  readonly effect: Effect;
  readonly reasons: readonly Reason[];
  readonly token: string;
}

interface OpenCall {
  readonly reservationId: string;
  readonly repriced: boolean;
}

/** Tokens are good for a minute: more than any replayed minute has. */
const AUTHORIZED_KEPT = 262_144;

/** What a configuration decides, in a world of its own. */
export class WorldSide implements Side {
  readonly #world: World;
  readonly #authorized = new Generations<Authorized>(AUTHORIZED_KEPT);
  readonly #open = new Map<string, OpenCall>();

  constructor(snapshot: Snapshot) {
    this.#world = new World(snapshot);
  }

  async asked(event: AskedEvent): Promise<SideAnswer> {
    const authorized = this.#authorizedFor(event);
    // Nobody reserves what was not authorized.
    if (authorized?.effect === 'deny') return sideAnswer('deny', authorized.reasons);
    const answer = await this.#world.decide(event, authorized?.token ?? '');
    if (answer.kind !== 'decided') return sideAnswer('deny', [], { refused: answer.kind });
    if (event.operation === 'authorize') this.#remember(event, answer);
    const lacks = missingFacts(this.#world.record);
    const { decision, reservation } = answer;
    if (reservation) return this.#held(event, decision, reservation, lacks);
    const estimatedMicroUsd = decision.price?.totalMicroUsd;
    return sideAnswer(decision.effect, decision.reasons, { estimatedMicroUsd, lacks });
  }

  async extended(event: ExtendedEvent): Promise<SideAnswer | undefined> {
    const call = this.#open.get(callKey(event.tenant, event.reservationId));
    if (!call) return undefined;
    const answer = await this.#world.extend(event, call.reservationId);
    if (answer.kind !== 'decided') return undefined;
    const { effect, reasons } = answer.decision;
    return sideAnswer(effect, reasons);
  }

  async ended(event: RecordedEnd): Promise<bigint | undefined> {
    const key = callKey(event.tenant, event.reservationId);
    const call = this.#open.get(key);
    if (!call) return undefined;
    // An expired hold may be committed late.
    if (event.kind !== 'expiry') this.#open.delete(key);
    const { reservationId } = call;
    const settling = { tenant: event.tenant, reservationId, atMs: event.atMs };
    switch (event.kind) {
      case 'expiry':
        return this.#world.expire(settling).costMicroUsd;
      case 'release':
        await this.#world.release(settling);
        return 0n;
      case 'commit':
        return this.#commit(settling, usageOf(event.actual, call.repriced));
    }
  }

  async #held(
    event: AskedEvent,
    { effect, reasons, price }: Decision,
    { reservationId, held }: Reservation,
    lacks: readonly string[],
  ): Promise<SideAnswer> {
    const { tenant } = event.call;
    const estimatedMicroUsd = price?.totalMicroUsd;
    if (event.usage === undefined && event.reservationId !== '') {
      const base = event.before?.baseMicroUsd;
      const repriced = base !== undefined && base !== price?.baseMicroUsd;
      this.#open.set(callKey(tenant, event.reservationId), { reservationId, repriced });
      return sideAnswer(effect, reasons, { estimatedMicroUsd, lacks, open: true, repriced });
    }
    const settling = { tenant, reservationId, atMs: event.heldAtMs };
    const usage = event.usage ?? usageOf(held, false);
    const committedMicroUsd = await this.#commit(settling, usage);
    const assumed = event.usage === undefined;
    return sideAnswer(effect, reasons, { estimatedMicroUsd, lacks, committedMicroUsd, assumed });
  }

  async #commit(settling: Settling, usage: CallUsage): Promise<bigint> {
    const answer = await this.#world.commit(settling, usage);
    if (answer.kind === 'settled') return answer.reservation.committed.costMicroUsd;
    throw new Error(`a replayed commit was answered ${answer.kind}`);
  }

  #authorizedFor({ authorizedBy, call }: AskedEvent): Authorized | undefined {
    if (authorizedBy === '') return undefined;
    return this.#authorized.get(callKey(call.tenant, authorizedBy));
  }

  #remember({ id, call }: AskedEvent, { decision }: Decided): void {
    const { effect, reasons, grant } = decision;
    const token = grant?.token ?? '';
    this.#authorized.set(callKey(call.tenant, id), { effect, reasons, token });
  }
}

/** @param repriced charge by the tokens */
function usageOf(
  { costMicroUsd, inputTokens, outputTokens }: Amounts,
  repriced: boolean,
): CallUsage {
  return {
    costMicroUsd: repriced ? undefined : costMicroUsd,
    inputTokens,
    outputTokens,
    model: '',
  };
}
