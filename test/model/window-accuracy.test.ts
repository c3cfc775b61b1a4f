import { beforeAll, describe, expect, it } from 'vitest';

import { accuracyPage } from './accuracy-page.ts';
import { WAYS } from './window-limits.ts';
import {
  earliestPercent,
  measureAll,
  MINUTE,
  ODD,
  overshootPercent,
  SECOND,
  shareAtSaturation,
} from './window-measures.ts';
import type { Measure } from './window-measures.ts';
import type { WindowReport } from './window-referee.ts';

const [STRICT] = WAYS;
/** Of the limit that hammering gets through strict windows, whatever the lengths. */
const LEAST_SHARE = 0.98;

describe('accuracy of rate windows against the exact log of what they admitted', () => {
  let measures: readonly Measure[];
  beforeAll(() => {
    measures = measureAll();
  });

  /** Those of one way, as "traffic, setup" of each run for which something is true. */
  const runsWhere = (algorithm: string, wrong: (measure: Measure) => boolean): string[] =>
    measures
      .filter(({ way }) => way.algorithm === algorithm)
      .filter(wrong)
      .map(({ traffic, setup }) => `${traffic}, ${setup.name}`);
  const someWindow = (wrong: (window: WindowReport) => boolean) => {
    return ({ windows }: Measure): boolean => windows.some(wrong);
  };

  it('R20 every run has admissions, and the traffic above the limit has denials', () => {
    const idle = measures.filter(({ admitted }) => admitted === 0);
    expect(idle).toEqual([]);
    for (const { name } of WAYS) {
      const own = measures.filter(({ way }) => way.name === name);
      const crowded = own.filter(({ calls, admitted }) => calls > 1.05 * admitted);
      expect(crowded.length).toBeGreaterThan(own.length / 2);
    }
  });

  it('R20 X2 strict never overshoots, in no trailing window of any traffic', () => {
    const over = someWindow(({ worstUnits, window }) => worstUnits > window.limit);
    expect(runsWhere('strict', over)).toEqual([]);
    const full = someWindow(({ worstUnits, window }) => worstUnits === window.limit);
    expect(runsWhere('strict', full).length).toBeGreaterThan(10);
  });

  it('R20 strict denies only while a trailing window longer by 2 % is full', () => {
    expect(runsWhere('strict', (measure) => earliestPercent(measure) > 2)).toEqual([]);
  });

  it.each([SECOND, MINUTE, ODD])(
    'R20 strict lets hammering through at 98 % of the limit or more: $name',
    (setup) => {
      const share = shareAtSaturation(STRICT, setup);
      expect(share).toBeGreaterThanOrEqual(LEAST_SHARE);
      expect(share).toBeLessThanOrEqual(1);
    },
  );

  it('R20 weighted admits less than twice its limit in any trailing window, and not much less', () => {
    expect(runsWhere('weighted', (measure) => overshootPercent(measure) >= 100)).toEqual([]);
    expect(runsWhere('weighted', (measure) => earliestPercent(measure) >= 100)).toEqual([]);
    expect(runsWhere('weighted', (measure) => overshootPercent(measure) > 95)).not.toEqual([]);
  });

  it('R20 calendar admits at most twice its limit in any trailing window, and denies none early', () => {
    expect(runsWhere('calendar', (measure) => overshootPercent(measure) > 100)).toEqual([]);
    expect(runsWhere('calendar', (measure) => earliestPercent(measure) > 0)).toEqual([]);
    expect(runsWhere('calendar', (measure) => overshootPercent(measure) === 100)).not.toEqual([]);
  });

  it('R20 R24 a token bucket admits at most burst and limit together in any trailing window', () => {
    const over = someWindow(({ worstUnits, window: { limit, burst = limit } }) => {
      return worstUnits > burst + limit;
    });
    expect(runsWhere('token_bucket', over)).toEqual([]);
  });

  it('R20 a token bucket that holds its limit denies none early', () => {
    const early = someWindow(({ window: { limit, burst }, earliest }) => {
      return burst === limit && earliest > 0;
    });
    expect(runsWhere('token_bucket', early)).toEqual([]);
  });

  it('R20 docs/limits-accuracy.md says what is measured', async () => {
    await expect(accuracyPage(measures)).toMatchFileSnapshot('../../docs/limits-accuracy.md');
  });
});
