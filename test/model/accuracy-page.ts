import { WAYS } from './window-limits.ts';
import type { Way } from './window-limits.ts';
import { earliestPercent, MINUTE, overshootPercent, shareAtSaturation } from './window-measures.ts';
import type { Measure } from './window-measures.ts';
import { SATURATING, TRAFFIC_NAMES } from './window-traffic.ts';

/** The page docs/limits-accuracy.md with what was measured. */
export function accuracyPage(measures: readonly Measure[]): string {
  const several = measures.filter(({ setup }) => setup.windows.length > 1);
  const alone = measures.filter(({ setup }) => setup.windows.length === 1);
  const rows = (cell: (among: readonly Measure[]) => string): string[] => [
    ...TRAFFIC_NAMES.map((name) => rowOf(name, ofTraffic(alone, name), cell)),
    rowOf('1 s, 1 min and 1 h at once, any of these', several, cell),
  ];
  return `# How exact rate limits are

A window of a limit says: at most so many units in any stretch of that length. Each way to count (\`algorithm\`) keeps to
it in its own manner. Two things can go wrong:

- **Overshoot**: somewhere a trailing window, both its ends included, held more units than the limit. It is given in percent
  of the limit: 100 % means that twice the limit passed within one length of the window.
- **Early denial**: a call was denied although the trailing window had room for it. It is given in percent of the length: 2 %
  means that a window longer by a fiftieth was full.

What holds whatever the traffic is:

| | overshoot | early denial |
| --- | --- | --- |
| \`strict\` | none | at most 2 % |
| \`weighted\` | below 100 % | up to 100 %, when calls came early in the window before |
| \`calendar\` | at most 100 %, around the edge between two windows | none |
| \`token_bucket\` | at most the burst: burst + limit in any trailing window | none where burst = limit; a smaller burst is there to deny bursts |

The figures below come from \`test/model/window-accuracy.test.ts\`, which writes this page: simulated time, the same calls each
time, and a referee that keeps the time of every admitted call and looks at the trailing window after each. Limits of 50 in
1 s, 13 in 777 ms and 100 in 1 min, and three windows at once (10 in 1 s, 100 in 1 min, 2,000 in 1 h), each for 200 lengths of
the window at which the traffic is aimed. The memory of one process and Redis give the same verdicts, call for call, in a
part of these runs.

<!-- accuracy -->
Worst overshoot of all windows, in percent of the limit:

${table(rows(worstOvershoot))}

Earliest denial, in percent of the length of the window ("any": a burst was denied in an empty window, as configured):

${table(rows(earliestDenial))}

Admitted, in percent of what an exact log of all calls admits of the same traffic:

${table(rows(shareOfLog))}

Admitted, in percent of the limit, when one caller hammers for 1,000 windows of a minute:

${table([rowOf(SATURATING, measures, saturation)])}
<!-- /accuracy -->
`;
}

function rowOf(
  name: string,
  among: readonly Measure[],
  cell: (ofWay: readonly Measure[], way: Way) => string,
): string {
  const cells = WAYS.map((way) => cell(ofWay(among, way), way));
  return `| ${[name, ...cells].join(' | ')} |`;
}

function table(rows: readonly string[]): string {
  const head = `| traffic | ${WAYS.map(({ name }) => name).join(' | ')} |`;
  const rule = `| --- |${' ---: |'.repeat(WAYS.length)}`;
  return [head, rule, ...rows].join('\n');
}

function worstOvershoot(among: readonly Measure[]): string {
  return Math.max(...among.map(overshootPercent)).toFixed(1);
}

function earliestDenial(among: readonly Measure[]): string {
  const earliest = Math.max(...among.map(earliestPercent));
  return Number.isFinite(earliest) ? earliest.toFixed(1) : 'any';
}

function shareOfLog(among: readonly Measure[]): string {
  const admitted = sum(among.map((measure) => measure.admitted));
  const byLog = sum(among.map((measure) => measure.admittedByLog));
  return ((100 * admitted) / byLog).toFixed(1);
}

function saturation(_among: readonly Measure[], way: Way): string {
  return (100 * shareAtSaturation(way, MINUTE)).toFixed(1);
}

function ofTraffic(measures: readonly Measure[], name: string): readonly Measure[] {
  return measures.filter(({ traffic }) => traffic === name);
}

function ofWay(measures: readonly Measure[], way: Way): readonly Measure[] {
  return measures.filter((measure) => measure.way === way);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
