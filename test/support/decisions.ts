import { Decision, Effect } from '../../src/gen/tollgate/v1/verdict.ts';
import { Reservation, ReservationState } from '../../src/gen/tollgate/v1/decision_service.ts';

/** A decision on the wire; what the test does not say is empty. */
export function decision(partial: Parameters<typeof Decision.fromPartial>[0]): Decision {
  return Decision.fromPartial({
    decisionId: 'dec_test',
    effect: Effect.ALLOW,
    configurationRevision: '1-0badcafe',
    ...partial,
  });
}

/** An open hold of $0.05. */
export function reservation(
  partial: Parameters<typeof Reservation.fromPartial>[0] = {},
): Reservation {
  return Reservation.fromPartial({
    reservationId: 'res_test',
    state: ReservationState.OPEN,
    heldMicroUsd: 50_000n,
    ...partial,
  });
}
