import type {
  ReserveInput,
  ReserveVerdict,
  TollgateClient,
} from '../../../clients/typescript/index.ts';
import { Call, Outcome } from '../../gen/tollgate/v1/call.ts';
import { formatUsd } from '../../lib/money.ts';
import { verdictLines } from '../check/verdict-text.ts';
import type { Paint } from '../text/paint.ts';
import { amountText } from '../text/units.ts';

// Real calls that fit examples/quickstart.yaml; they show what a caller sees.

const RESEARCH = {
  tenant: 'acme',
  agent: 'research-llm',
  principal: { user: 'bob', team: 'research' },
  environment: 'production',
  dataClassification: ['public'],
};

const QUESTION: ReserveInput['call'] = {
  tenant: 'acme',
  agent: 'copilot-hr',
  principal: { user: 'alice', team: 'hr' },
  environment: 'production',
};

const PROMPT: ReserveInput['call'] = {
  ...RESEARCH,
  estimate: { inputTokens: 2_000n, outputTokens: 500n },
};

/** What the prompt turned out to use. */
const USED = { inputTokens: 2_000n, outputTokens: 180n };

/** The team's 50 dollars a day, of which the prompt has used some. */
const TOO_EXPENSIVE: ReserveInput['call'] = {
  ...RESEARCH,
  estimate: { costMicroUsd: 50_000_000n },
};

type Print = (lines: readonly string[]) => void;

/**
 * Sends an allow, a hold with its settlement and a denial through a sidecar, and prints what came
 * back.
 */
export async function showTrial(client: TollgateClient, print: Print, paint: Paint): Promise<void> {
  print(titled('1. May alice ask the HR assistant?', paint));
  const asked = await client.authorize({ call: QUESTION });
  print(verdictLines({ ...asked, call: wholeCall(QUESTION) }, paint));

  print(
    titled('2. Bob sends a prompt: its estimate is held, then its actual cost is settled.', paint),
  );
  const held = await client.reserve({ call: PROMPT });
  print(verdictLines({ ...withoutWindows(held), call: wholeCall(PROMPT) }, paint));
  if (held.reservation !== undefined) {
    print(['', ...(await settle(client, held.reservation.reservationId))]);
  }

  print(
    titled('3. Bob asks for all that his team may spend in a day, some of which is gone.', paint),
  );
  const denied = await client.reserve({ call: TOO_EXPENSIVE });
  print(verdictLines({ ...withoutWindows(denied), call: wholeCall(TOO_EXPENSIVE) }, paint));
}

/** They were shown with the first call. */
function withoutWindows(verdict: ReserveVerdict): ReserveVerdict {
  return { ...verdict, decision: { ...verdict.decision, rateStatus: [] } };
}

async function settle(client: TollgateClient, reservationId: string): Promise<string[]> {
  const { reservation } = await client.commit({
    tenant: RESEARCH.tenant,
    reservationId,
    usage: USED,
    outcome: Outcome.SUCCESS,
  });
  const cost = formatUsd(reservation?.committedMicroUsd ?? 0n);
  const tokens = amountText(USED.outputTokens, 'output_tokens');
  return [`settled   ${reservationId}: it used ${tokens} and cost ${cost}; the rest is free again`];
}

function titled(title: string, paint: Paint): string[] {
  return ['', paint('bold', title), ''];
}

function wholeCall(call: ReserveInput['call']): Call {
  return Call.fromPartial(call ?? {});
}

/** Commands to copy; `where` is empty when the sidecar listens where commands look for it. */
export function nextCommands(where: string): string[] {
  const commands = [
    'check --tenant acme --agent copilot-hr --user alice --environment production --explain',
    'check --tenant acme --agent research-llm --environment staging',
    'check --tenant acme --agent research-llm --team research --environment production \\\n' +
      '      --classification public --input-tokens 2000 --reserve --release',
    'status --tenant acme',
  ];
  return commands.map((command) => `  bin/tollgate ${command}${where}`);
}
