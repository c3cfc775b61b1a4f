import { GetStatusResponse } from '../../gen/tollgate/v1/query_service.ts';
import { BudgetStatus } from '../../gen/tollgate/v1/verdict.ts';
import { accountLines, factLines, section } from '../check/verdict-text.ts';
import { type ExitCode, printJson, printLines, type Streams } from '../context.ts';
import { type SidecarOptions, withClient } from '../sidecar.ts';
import { type Paint, paintFor } from '../text/paint.ts';
import { tableLines } from '../text/table.ts';
import { grouped, timeText } from '../text/units.ts';

export interface StatusOptions extends SidecarOptions {
  readonly json?: true;
  readonly tenant?: string;
}

/** Prints how a sidecar is. 1 when something in it is not well. */
export async function runStatus(options: StatusOptions, streams: Streams): Promise<ExitCode> {
  return withClient(options, async (client) => {
    const status = await client.getStatus();
    const accounts = options.tenant === undefined ? [] : await client.budgetStatus(options.tenant);
    const well =
      status.configurationError === '' && status.components.every(({ healthy }) => healthy);
    if (options.json) {
      printJson(streams.stdout, {
        ...(GetStatusResponse.toJSON(status) as object),
        ...(options.tenant !== undefined && {
          budgetStatus: accounts.map((one) => BudgetStatus.toJSON(one)),
        }),
      });
    } else {
      printLines(streams.stdout, statusLines(status, accounts, paintFor(streams.stdout)));
    }
    return well ? 0 : 1;
  });
}

function statusLines(
  status: GetStatusResponse,
  accounts: readonly BudgetStatus[],
  paint: Paint,
): string[] {
  const { configurationRevision, configurationLoadedAt, configurationError } = status;
  const loaded =
    configurationLoadedAt === undefined
      ? ''
      : `, in force since ${timeText(configurationLoadedAt)}`;
  return [
    ...factLines([
      ['version', status.version],
      ['serving since', status.startedAt === undefined ? '' : timeText(status.startedAt)],
      ['configuration', `${configurationRevision}${loaded}`],
      ['records waiting', grouped(status.recordsWaiting)],
    ]),
    ...section('Parts', componentLines(status), paint),
    ...section('A newer configuration was refused', refusalLines(configurationError), paint),
    ...section('Accounts', accountLines(accounts), paint),
  ];
}

function componentLines({ components }: GetStatusResponse): string[] {
  if (components.length === 0) return [];
  return tableLines(
    [{ title: 'part' }, { title: 'adapter' }, { title: 'state' }, { title: '' }],
    components.map(({ name, adapter, healthy, problem }) => [
      name.replaceAll('_', ' '),
      adapter,
      healthy ? 'answers' : 'DOWN',
      problem,
    ]),
  );
}

function refusalLines(error: string): string[] {
  return error === '' ? [] : error.trimEnd().split('\n');
}
