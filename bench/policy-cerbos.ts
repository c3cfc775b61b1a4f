import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres } from '../test/support/postgres-server.ts';
import { checkRequest, PATH as CERBOS_PATH } from './cerbos-messages.ts';
import { startCerbos, VERSION } from './cerbos-server.ts';
import { figure, type Figure } from './figures.ts';
import { load, median, startPinned, type BenchServer, type LoadResult } from './load.ts';
import { expectAllowAndDeny } from './policy-answers.ts';
import type { PolicyBench } from './policy-bench.ts';
import { authorizeRequest, cerbosPolicy, CALL, tollgateFile } from './policy-peers.ts';

const PATH = '/tollgate.v1.DecisionService/Authorize';
const TARGET_RATIO = 4;
type Name = 'tollgate' | 'cerbos';
const NAMES: readonly Name[] = ['tollgate', 'cerbos'];

/**
 * Authorize with policies only and the record off against Cerbos's CheckResources: the same hundred
 * policies, the same call, each server on one core, by turns. Cerbos has one thread for its program
 * (GOMAXPROCS=1); both may use others for what is beside it, on the same core.
 */
export async function benchCerbos(bench: PolicyBench): Promise<readonly Figure[]> {
  const { scratch } = bench;
  const config = join(scratch, 'tollgate.yaml');
  writeFileSync(config, tollgateFile());
  const policies = join(scratch, 'cerbos');
  mkdirSync(policies, { recursive: true });
  writeFileSync(join(policies, 'calls.json'), JSON.stringify(cerbosPolicy()));

  await using postgres = await startPostgres();
  const databaseUrl = await postgres.createDatabase();
  await using cerbos = await startCerbos(policies);
  await using tollgate = await startPinned(join(import.meta.dirname, 'policy-server.ts'), [
    ...['--config', config, '--record', 'off', '--data-dir', join(scratch, 'peer')],
    ...['--database-url', databaseUrl],
  ]);
  await expectAllowAndDeny(tollgate.port, cerbos.port);
  return await compare(bench, { tollgate, cerbos });
}

async function compare(
  { scratch, effort }: PolicyBench,
  servers: Readonly<Record<Name, BenchServer>>,
): Promise<readonly Figure[]> {
  const asked = {
    tollgate: { path: PATH, message: authorizeRequest(CALL) },
    cerbos: { path: CERBOS_PATH, message: checkRequest(CALL) },
  };
  const drive = (name: Name, calls: number): Promise<LoadResult> =>
    load({ server: servers[name], ...asked[name], calls, scratch });
  for (const name of NAMES) await drive(name, effort.warmCalls);
  const runs: Record<Name, LoadResult[]> = { tollgate: [], cerbos: [] };
  for (let round = 0; round < effort.rounds; round++) {
    for (const name of NAMES) runs[name].push(await drive(name, effort.calls));
  }
  const perSecond = (name: Name): number => median(runs[name].map((run) => run.perSecond));
  const cpu = (name: Name): number => median(runs[name].map((run) => run.cpuUsPerCall));
  const ratios = runs.tollgate.map((run, round) => {
    return run.perSecond / (runs.cerbos[round]?.perSecond ?? NaN);
  });
  return [
    figure('policy.cerbos', median(ratios), '×', TARGET_RATIO),
    figure('authorize, 100 policies', perSecond('tollgate'), 'calls/s'),
    figure(`Cerbos ${VERSION}, 100 policies`, perSecond('cerbos'), 'calls/s'),
    figure('authorize, 100 policies, CPU', cpu('tollgate'), 'µs/call'),
    figure(`Cerbos ${VERSION}, 100 policies, CPU`, cpu('cerbos'), 'µs/call'),
  ];
}
