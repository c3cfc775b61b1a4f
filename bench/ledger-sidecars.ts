import { figure, type Figure } from './figures.ts';
import {
  CALLERS,
  mean,
  measure,
  medianOf,
  type LedgerBench,
  type Measured,
} from './ledger-bench.ts';
import { Sidecar } from './ledger-sidecar.ts';
import { quantile } from './load.ts';

const SIDECARS = [1, 2, 4];

/** Several processes on one database and one hot account, with as many callers together as one. */
export async function benchSidecars(bench: LedgerBench): Promise<readonly Figure[]> {
  const { server, url, effort } = bench;
  await using all = new AsyncDisposableStack();
  const sidecars = Array.from({ length: Math.max(...SIDECARS) }, () => all.use(new Sidecar()));
  for (const sidecar of sidecars) await sidecar.open({ url });
  const rounds = SIDECARS.map((): Measured[] => []);
  for (let round = 0; round < effort.sidecarRounds; round++) {
    for (const [index, number] of SIDECARS.entries()) {
      const callers = CALLERS / number;
      const some = sidecars.slice(0, number);
      rounds[index]?.push(await measure(server, some, { ...effort.round, callers }));
    }
  }
  for (const { cycles } of rounds.flat()) bench.spent(cycles);
  return SIDECARS.flatMap((number, index) => figuresOf(number, rounds[index] ?? []));
}

function figuresOf(sidecars: number, rounds: readonly Measured[]): readonly Figure[] {
  const name = `${sidecars} sidecar${sidecars === 1 ? '' : 's'}, ${CALLERS} callers together`;
  const of = (value: (round: Measured) => number): number => medianOf(rounds, value);
  return [
    figure(
      name,
      of(({ perSecond }) => perSecond),
      'cycles/s',
    ),
    figure(
      `${name}, hold p99`,
      of(({ holdMs }) => quantile(holdMs, 0.99)),
      'ms',
    ),
    figure(
      `${name}, batch, mean`,
      of(({ batches }) => mean(batches)),
      'operations',
    ),
    figure(
      `${name}, Node CPU`,
      of(({ nodeUs }) => nodeUs),
      'µs/cycle',
    ),
    figure(
      `${name}, Postgres CPU`,
      of(({ postgresUs }) => postgresUs),
      'µs/cycle',
    ),
  ];
}
