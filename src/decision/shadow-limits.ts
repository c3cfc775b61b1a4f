import type { CounterSpec } from '../limits/counter.ts';
import type { RateLimiter, TakeRequest } from './ports.ts';
import type { Reason } from './reasons.ts';
import type { Taken } from './window-stage.ts';

export interface ShadowTakes {
  readonly reasons: readonly Reason[];
  readonly taken: Taken;
}

/**
 * Takes from limits in shadow mode what the call would have taken, each by itself: one that has no
 * room says so and keeps nobody from anything, and a store that does not answer is no matter.
 * @param request of the call, which the enforced limits have let pass.
 */
export async function takeInShadow(
  limiter: RateLimiter,
  request: TakeRequest,
  counters: readonly CounterSpec[],
): Promise<ShadowTakes> {
  const reasons: Reason[] = [];
  const taken: Taken[number][] = [];
  await Promise.all(
    counters.map(async (counter) => {
      const own: TakeRequest = {
        ...request,
        requestId: `${request.requestId}/${counter.limitId}`,
        callId: shadowCallId(request.callId, counter.limitId),
        counters: [counter],
      };
      const outcome = await limiter.take(own);
      if (outcome.kind === 'denied') reasons.push(shadowReason(counter));
      if (outcome.kind === 'taken') taken.push({ limiter, request: own });
    }),
  );
  return { reasons: reasons.toSorted((a, b) => ((a.rule ?? '') < (b.rule ?? '') ? -1 : 1)), taken };
}

/** Under which a limit in shadow mode settles a call. */
export function shadowCallId(callId: string, limitId: string): string {
  return `${callId}/${limitId}`;
}

function shadowReason({ limitId, scope, unit }: CounterSpec): Reason {
  const message = `Limit ${limitId} is in shadow mode; enforced, it would deny ${scope} this call.`;
  return { code: 'limit.shadow', message, ruleKind: 'limit', rule: limitId, scope, unit };
}
