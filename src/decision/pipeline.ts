import { NO_CALIBRATIONS } from '../pricing/calibration.ts';
import { admit, type Admission } from './admission.ts';
import {
  AnswerMemory,
  EachAnew,
  type Moment,
  type Once,
  type Remembered,
} from './answer-memory.ts';
import type { Decided, DecisionPoint, Refusal, Settled, SettlementRefusal } from './answers.ts';
import { authorize } from './authorize.ts';
import type { AuthorizeCommand, RequestIdentity } from './call.ts';
import { extend } from './extend.ts';
import type { PipelineParts } from './parts.ts';
import { reserve } from './reserve.ts';
import { commit, release } from './settlement.ts';

/**
 * The decision point. One decision flows one way:
 *
 *   admission  what is asked, beside the configuration that decides it   admission.ts
 *   policy     registration and policies, pure                           policy-stage.ts
 *   windows    every rate window or none                                 window-stage.ts
 *   money      headroom or hold, every account or none                   authorize.ts, reserve.ts
 *   record     in the hold's transaction, or through the recorder        recording.ts
 *
 * and settlement.ts and extend.ts carry on from a hold. Everything is remembered by request id.
 */
export function openPipeline(parts: PipelineParts): DecisionPoint {
  const memory = <T>(): Once<T> =>
    parts.repeats === false ? new EachAnew<T>() : new AnswerMemory<T>(parts.clock);
  const decisions = memory<Decided | Refusal>();
  const settlements = memory<Settled | SettlementRefusal>();
  const extensions = memory<Decided | SettlementRefusal>();
  const now = (): Moment => ({
    snapshot: parts.config.current(),
    nowMs: parts.clock.nowMs(),
    calibrations: parts.calibrations?.current() ?? NO_CALIBRATIONS,
  });
  return {
    authorize: (command) =>
      decisions.once(keyOf(command), `authorize ${command.fingerprint}`, now, (moment, repeat) =>
        admitted(command, moment, repeat, (admission) => authorize(parts, admission)),
      ),
    reserve: (command) =>
      decisions.once(keyOf(command), `reserve ${command.fingerprint}`, now, (moment, repeat) =>
        admitted(command, moment, repeat, (admission) => reserve(parts, admission, command)),
      ),
    commit: (command) =>
      settlements.once(keyOf(command), `commit ${command.fingerprint}`, now, (moment) =>
        forTenant(command, moment, () => commit(parts, command)),
      ),
    release: (command) =>
      settlements.once(keyOf(command), `release ${command.fingerprint}`, now, (moment) =>
        forTenant(command, moment, () => release(parts, command)),
      ),
    extend: (command) =>
      extensions.once(keyOf(command), `extend ${command.fingerprint}`, now, (moment) =>
        forTenant(command, moment, () => extend(parts, command)),
      ),
  };
}

function keyOf({ tenant, requestId }: RequestIdentity): string {
  return `${tenant}\n${requestId}`;
}

async function admitted<T extends Decided | Refusal>(
  command: AuthorizeCommand,
  moment: Moment,
  repeat: boolean,
  decide: (admission: Admission) => Promise<Remembered<T>>,
): Promise<Remembered<T | Refusal>> {
  const { snapshot } = moment;
  const tenant = snapshot.tenants.get(command.tenant);
  if (!tenant) return { answer: { kind: 'unknown_tenant' }, keep: 'nothing' };
  if (snapshot.revisionNumber < command.minRevision) {
    const { revision } = snapshot;
    return { answer: { kind: 'stale_configuration', revision }, keep: 'nothing' };
  }
  const remembered = await decide(admit(command, tenant, moment, repeat));
  return command.explain ? remembered : withoutExplanation(remembered);
}

/** The record has every explanation; an answer only when it was asked for. */
function withoutExplanation<T extends Decided | Refusal>(remembered: Remembered<T>): Remembered<T> {
  const { answer } = remembered;
  if (answer.kind !== 'decided') return remembered;
  const decision = { ...answer.decision, explanation: undefined };
  return { ...remembered, answer: { ...answer, decision } };
}

async function forTenant<T>(
  { tenant }: RequestIdentity,
  { snapshot }: Moment,
  settle: () => Promise<Remembered<T>>,
): Promise<Remembered<T | { readonly kind: 'unknown_tenant' }>> {
  if (snapshot.tenants.has(tenant)) return settle();
  return { answer: { kind: 'unknown_tenant' }, keep: 'nothing' };
}
