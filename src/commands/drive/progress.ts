import type { Writable } from 'node:stream';
import { grouped, spanText } from '../text/units.ts';
import type { Tally } from './tally.ts';

/** Often enough to look alive, seldom enough to cost nothing. */
const REDRAW_MS = 100;
const BAR_CELLS = 24;
const CLEAR_LINE = '\r\u001B[K';

/** Draws a bar on a terminal until it is stopped; draws nothing anywhere else. */
export function showProgress(stream: Writable, tally: Tally, total: number): () => void {
  if (!('isTTY' in stream && stream.isTTY === true)) return () => undefined;
  const startedMs = performance.now();
  const timer = setInterval(() => {
    stream.write(CLEAR_LINE + progressText(tally, total, performance.now() - startedMs));
  }, REDRAW_MS);
  return () => {
    clearInterval(timer);
    stream.write(CLEAR_LINE);
  };
}

export function progressText(
  { calls, denied }: Pick<Tally, 'calls' | 'denied'>,
  total: number,
  elapsedMs: number,
): string {
  const share = total === 0 ? 1 : calls / total;
  const filled = Math.round(share * BAR_CELLS);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled);
  const perSecond = elapsedMs === 0 ? 0 : (calls / elapsedMs) * 1_000;
  const restMs = calls === 0 ? 0 : (elapsedMs / calls) * (total - calls);
  return [
    bar,
    `${grouped(calls)} of ${grouped(total)}`,
    `${grouped(Math.round(perSecond))}/s`,
    ...(denied > 0 ? [`${grouped(denied)} denied`] : []),
    ...(restMs >= 1_000 ? [`${spanText(restMs)} to go`] : []),
  ].join('  ');
}
