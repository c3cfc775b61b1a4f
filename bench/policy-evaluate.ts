import { join } from 'node:path';
import { figure, figureBelow, type Figure } from './figures.ts';
import { median, SERVER_CORE } from './load.ts';
import type { PolicyBench } from './policy-bench.ts';
import type { EvaluateOrder, EvaluateResult } from './policy-evaluator.ts';
import { Worker } from './worker.ts';

interface Case {
  readonly name: string;
  readonly count: number;
  readonly trace: EvaluateOrder['trace'];
  /** Of one evaluation in a hundred, in microseconds. */
  readonly atMost?: number;
}

const CASES: readonly Case[] = [
  { name: 'evaluate 10 policies', count: 10, trace: 'none' },
  { name: 'evaluate 100 policies', count: 100, trace: 'none' },
  { name: 'evaluate 1000 policies', count: 1_000, trace: 'none', atMost: 50 },
  { name: 'evaluate 10000 policies', count: 10_000, trace: 'none' },
  // As the record of every decision wants it.
  { name: 'evaluate 1000 policies, likely traced', count: 1_000, trace: 'likely' },
];
/** More policies take so much longer that a tenth of the evaluations will do. */
const MANY = 1_000;

/** One evaluation over the number of policies, in a process of its own; medians of the rounds. */
export async function benchEvaluate({ effort }: PolicyBench): Promise<readonly Figure[]> {
  const script = join(import.meta.dirname, 'policy-evaluator.ts');
  await using evaluator = new Worker<EvaluateOrder, EvaluateResult>(script, SERVER_CORE);
  const rounds = CASES.map((one) => ({ one, results: [] as EvaluateResult[] }));
  for (let round = 0; round < effort.rounds; round++) {
    for (const { one, results } of rounds) {
      const { count, trace } = one;
      const evaluations = effort.evaluations / (count > MANY || trace !== 'none' ? 10 : 1);
      results.push(await evaluator.obey({ count, trace, evaluations }));
    }
  }
  return rounds.flatMap(({ one, results }) => figuresOf(one, results));
}

function figuresOf({ name, atMost }: Case, results: readonly EvaluateResult[]): readonly Figure[] {
  const of = (value: (result: EvaluateResult) => number): number => median(results.map(value));
  const p50 = of(({ p50Us }) => p50Us);
  const p99 = of(({ p99Us }) => p99Us);
  const allowed = of((result) => result.allowed);
  return [
    figure(`${name}, p50`, p50, 'µs'),
    atMost === undefined
      ? figure(`${name}, p99`, p99, 'µs')
      : figureBelow(`${name}, p99`, p99, 'µs', atMost),
    figure(`${name}, allowed`, allowed * 100, '%'),
  ];
}
