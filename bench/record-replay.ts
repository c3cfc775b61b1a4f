import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { figure, type Figure } from './figures.ts';
import { median, SERVER_CORE } from './load.ts';
import type { ReplayOrder, ReplayResult } from './replay-worker.ts';
import { Worker } from './worker.ts';

const TARGET_PER_SECOND = 100_000;
const EXAMPLES = join(import.meta.dirname, '..', 'examples');
const TRACE = join(EXAMPLES, 'azure-llm-code-2023.csv');
const CONFIGURATIONS = ['demo-unlimited.yaml', 'demo-100-usd.yaml'];
const MS_PER_HOUR = 3_600_000;

/** How many calls a core decides again in a second: the trace, hour after hour, on one core. */
export async function benchReplay(
  scratch: string,
  { hours, rounds }: { readonly hours: number; readonly rounds: number },
): Promise<readonly Figure[]> {
  const trace = join(scratch, 'trace.csv');
  writeFileSync(trace, manyHours(readFileSync(TRACE, 'utf8'), hours));
  const figures: Figure[] = [];
  for (const name of CONFIGURATIONS) {
    const runs: ReplayResult[] = [];
    for (let round = 0; round < rounds; round++) {
      await using worker = new Worker<ReplayOrder, ReplayResult>(
        join(import.meta.dirname, 'replay-worker.ts'),
        SERVER_CORE,
      );
      runs.push(await worker.obey({ trace, config: join(EXAMPLES, name) }));
    }
    const perSecond = median(runs.map(({ decisions, tookMs }) => (decisions / tookMs) * 1_000));
    const perCpu = median(runs.map(({ decisions, cpuMs }) => (decisions / cpuMs) * 1_000));
    figures.push(
      figure(`replay, ${name}`, perSecond, 'decisions/s', TARGET_PER_SECOND),
      figure(`replay, ${name}, of CPU`, perCpu, 'decisions/s'),
    );
  }
  return figures;
}

/** The same hour again and again, each after the other. */
function manyHours(text: string, hours: number): string {
  const [header = '', ...rows] = text.trim().split('\n');
  const parts = [header];
  for (let hour = 0; hour < hours; hour++) {
    for (const row of rows) {
      const comma = row.indexOf(',');
      const atMs = Date.parse(`${row.slice(0, comma).replace(' ', 'T').slice(0, 23)}Z`);
      const at = new Date(atMs + hour * MS_PER_HOUR).toISOString();
      parts.push(`${at.slice(0, 10)} ${at.slice(11, 23)}0000${row.slice(comma)}`);
    }
  }
  return `${parts.join('\n')}\n`;
}
