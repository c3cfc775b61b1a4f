import type { RecordedEnd } from '../decision/recorded-event.ts';
import type { AskedEvent, ExtendedEvent } from './replay-event.ts';
import { sideAnswer, type Side, type SideAnswer } from './side.ts';

/** What was recorded. */
export const recordSide: Side = {
  async asked({ before, reservationId }: AskedEvent): Promise<SideAnswer> {
    const { effect, reasons } = before ?? WAS_CALLED;
    return sideAnswer(effect, reasons, { open: reservationId !== '' });
  },
  async extended({ before: { effect, reasons } }: ExtendedEvent): Promise<SideAnswer> {
    return sideAnswer(effect, reasons);
  },
  async ended({ actual }: RecordedEnd): Promise<bigint> {
    return actual.costMicroUsd;
  },
};

/** Nobody decided about the calls of a trace: they were made. */
const WAS_CALLED = { effect: 'allow', reasons: [] } as const;
