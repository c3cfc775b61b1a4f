import type { ExportInput } from '../../../clients/typescript/index.ts';
import { Effect } from '../../gen/tollgate/v1/verdict.ts';
import type { DecisionFilters } from '../decision-filters.ts';

const EFFECTS = { allow: Effect.ALLOW, deny: Effect.DENY } as const;

/** Filters of a command line as the contract says them. */
export function filterInput(filters: DecisionFilters): ExportInput {
  const { tenant, agent, user, email, effect, reason, event, trace, request, decision } = filters;
  return {
    tenant,
    ...(agent !== undefined && { agent }),
    ...(user !== undefined && { user }),
    ...(email !== undefined && { email }),
    ...(effect !== undefined && { effect: EFFECTS[effect] }),
    ...(reason !== undefined && { reasonCode: reason }),
    ...(event !== undefined && { event }),
    ...(trace !== undefined && { traceId: trace }),
    ...(request !== undefined && { requestId: request }),
    ...(decision !== undefined && { decisionId: decision }),
    ...(filters.from !== undefined && { from: new Date(filters.from) }),
    ...(filters.to !== undefined && { to: new Date(filters.to) }),
  };
}
