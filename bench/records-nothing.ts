import type { Recorder } from '../src/decision/ports.ts';

/** Stands in for the journal where the record is not what is measured. */
export const recordsNothing: Recorder = {
  record: () => Promise.resolve('recorded'),
  waiting: () => 0,
  status: () => ({ adapter: 'none', healthy: true, problem: '' }),
  close: () => Promise.resolve(),
};
