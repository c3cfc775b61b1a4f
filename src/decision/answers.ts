import type { AccountStatus, Decision } from './decision.ts';
import type {
  CommitCommand,
  AuthorizeCommand,
  ExtendCommand,
  ReleaseCommand,
  ReserveCommand,
} from './call.ts';
import type { Conflict, Overloaded, Reservation, ReservationState, Unavailable } from './ports.ts';

/** A request that cannot be decided. A denial is not one of these: it is a decision. */
export type Refusal =
  | Conflict
  | Overloaded
  /** The configuration does not know the tenant. */
  | { readonly kind: 'unknown_tenant' }
  /** The configuration in force is older than the caller demands. */
  | { readonly kind: 'stale_configuration'; readonly revision: string };

/** A settlement that cannot be made. */
export type SettlementRefusal =
  | Refusal
  | { readonly kind: 'reservation_not_found' }
  /** The reservation is already settled or given back by another request. */
  | { readonly kind: 'wrong_state'; readonly state: ReservationState }
  /**
   * The ledger does not answer: nobody knows whether it was done; repeat with the same request id.
   */
  | Unavailable;

export interface Decided {
  readonly kind: 'decided';
  readonly decision: Decision;
  /** Undefined on a denial and on Authorize. */
  readonly reservation: Reservation | undefined;
}

export interface Settled {
  readonly kind: 'settled';
  readonly reservation: Reservation;
  readonly accounts: readonly AccountStatus[];
  readonly overrunMicroUsd: bigint;
  readonly late: boolean;
}

/** The decision point: what the edges call. Every method is safe to repeat under its request id. */
export interface DecisionPoint {
  authorize(command: AuthorizeCommand): Promise<Decided | Refusal>;
  reserve(command: ReserveCommand): Promise<Decided | Refusal>;
  commit(command: CommitCommand): Promise<Settled | SettlementRefusal>;
  release(command: ReleaseCommand): Promise<Settled | SettlementRefusal>;
  extend(command: ExtendCommand): Promise<Decided | SettlementRefusal>;
}
