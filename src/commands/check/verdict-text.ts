import type { Call } from '../../gen/tollgate/v1/call.ts';
import type { Reservation } from '../../gen/tollgate/v1/decision_service.ts';
import {
  type BudgetStatus,
  type Decision,
  Effect,
  type Price,
  type RateStatus,
  type Reason,
  RuleKind,
} from '../../gen/tollgate/v1/verdict.ts';
import { formatUsd } from '../../lib/money.ts';
import type { Paint } from '../text/paint.ts';
import { tableLines } from '../text/table.ts';
import {
  amountText,
  durationText,
  figureText,
  grouped,
  perMilleText,
  timeText,
  unitText,
} from '../text/units.ts';
import { explanationLines } from './explanation-text.ts';

export interface VerdictText {
  readonly call: Call | undefined;
  readonly requestId: string;
  readonly decision: Decision;
  readonly reservation?: Reservation | undefined;
}

/** A verdict as a person wants to read it: what, why, what is left, what it costs. */
export function verdictLines(verdict: VerdictText, paint: Paint): string[] {
  const { call, requestId, decision, reservation } = verdict;
  return [
    headline(decision, call, paint),
    ...section('Why', reasonLines(decision.reasons, paint), paint),
    ...section('Windows', windowLines(decision.rateStatus), paint),
    ...section('Accounts', accountLines(decision.budgetStatus), paint),
    '',
    ...factLines([
      ['price', priceText(decision.price)],
      ['hold', holdText(reservation)],
      ['grant', grantText(decision)],
      ...decision.obligations.map(obligationFact),
      ['exempted', decision.exemptions.map((id) => `by ${id}`).join(', ')],
      ['request', requestId],
      ['decision', `${decision.decisionId}, configuration ${decision.configurationRevision}`],
    ]),
    ...section('How it came about', explanationLines(decision.explanation), paint),
  ];
}

function headline({ effect, degraded }: Decision, call: Call | undefined, paint: Paint): string {
  const word =
    effect === Effect.ALLOW ? paint(['bold', 'green'], 'ALLOW') : paint(['bold', 'red'], 'DENY');
  const who =
    call === undefined ? '' : `  ${call.tenant} calls ${call.agent}${principalText(call)}`;
  return `${word}${who}${degraded ? paint('yellow', '  degraded: use less') : ''}`;
}

function principalText({ principal }: Call): string {
  const parts = [
    principal?.user ? `user ${principal.user}` : '',
    principal?.team ? `team ${principal.team}` : '',
  ].filter(Boolean);
  return parts.length === 0 ? '' : ` for ${parts.join(', ')}`;
}

/** A titled block, or nothing when it is empty. */
export function section(title: string, lines: readonly string[], paint: Paint): string[] {
  if (lines.length === 0) return [];
  return ['', paint('bold', title), ...lines.map((line) => `  ${line}`)];
}

function reasonLines(reasons: readonly Reason[], paint: Paint): string[] {
  return reasons.flatMap((reason) => {
    const code = paint(reason.advisory ? 'dim' : 'red', reason.code);
    const place = placeOf(reason);
    const repeats =
      place.length === 0 || (place.length === 1 && reason.message.includes(reason.rule));
    return [`${code}  ${reason.message}`, ...(repeats ? [] : [`    ${place.join(' · ')}`])];
  });
}

const RULE_KIND_TEXT: Readonly<Record<RuleKind, string>> = {
  [RuleKind.UNSPECIFIED]: 'rule',
  [RuleKind.POLICY]: 'policy',
  [RuleKind.LIMIT]: 'limit',
  [RuleKind.BUDGET]: 'budget',
  [RuleKind.AGENT]: 'agent',
};

/**
 * Which rule, scope, window or account spoke, how much is left and when to come back (requirement
 * X7).
 */
function placeOf(reason: Reason): string[] {
  const parts = [
    reason.rule && `${RULE_KIND_TEXT[reason.ruleKind]} ${reason.rule}`,
    reason.scope && `scope ${reason.scope}`,
    reason.account && `account ${reason.account}`,
    reason.window && `window ${durationText(reason.window)}`,
    leftText(reason),
    reason.retryAfter && `retry in ${durationText(reason.retryAfter)}`,
  ];
  return parts.filter((part): part is string => part !== undefined && part !== '');
}

function leftText({ remaining, limit, requested, unit }: Reason): string {
  if (remaining === undefined) return '';
  const of = limit === undefined ? '' : ` of ${figureText(limit, unit)}`;
  const word = unit === 'micro_usd' ? '' : ` ${unitText(unit)}`;
  const asked = requested === undefined ? '' : `, ${figureText(requested, unit)} asked`;
  return `${figureText(remaining, unit)}${of}${word} left${asked}`;
}

function windowLines(windows: readonly RateStatus[]): string[] {
  if (windows.length === 0) return [];
  return tableLines(
    [
      { title: 'limit' },
      { title: 'scope' },
      { title: 'window', right: true },
      { title: 'at most', right: true },
      { title: 'left', right: true },
      { title: 'gives back in' },
    ],
    windows.map(({ limitId, scope, window, limit, remaining, resetAfter, outage }) => [
      limitId,
      scope,
      window === undefined ? '' : durationText(window),
      grouped(limit),
      outage ? 'unknown' : grouped(remaining),
      outage ? 'not counted: no answer' : resetAfter === undefined ? '' : durationText(resetAfter),
    ]),
  );
}

/** Accounts as a table, a row for each capped metric. */
export function accountLines(accounts: readonly BudgetStatus[]): string[] {
  if (accounts.length === 0) return [];
  return tableLines(
    [
      { title: 'account' },
      { title: 'unit' },
      { title: 'cap', right: true },
      { title: 'committed', right: true },
      { title: 'held', right: true },
      { title: 'left', right: true },
      { title: 'used', right: true },
      { title: '' },
    ],
    accounts.flatMap(accountRows),
  );
}

function accountRows(status: BudgetStatus): string[][] {
  const { account, metrics, usedPerMille } = status;
  if (status.outage) return [[account, '', '', '', '', 'unknown', '', 'no answer']];
  if (metrics.length === 0) return [[account, '', 'none', '', '', '', '', marks(status)]];
  return metrics.map(({ unit, cap, committed, held, remaining, carried }, index) => [
    index === 0 ? account : '',
    unitText(unit),
    ...[cap, committed, held, remaining].map((amount) => figureText(amount, unit)),
    index === 0 ? perMilleText(usedPerMille) : '',
    [
      ...(index === 0 && marks(status) !== '' ? [marks(status)] : []),
      ...(carried > 0n ? [`${figureText(carried, unit)} carried over`] : []),
    ].join(', '),
  ]);
}

function marks({ soft, warning, degraded }: BudgetStatus): string {
  const mark = degraded ? 'degraded' : warning ? 'warning' : '';
  return [soft ? 'soft' : '', mark].filter(Boolean).join(', ');
}

export function priceText(price: Price | undefined): string {
  if (price === undefined) return '';
  const { baseMicroUsd, bufferMicroUsd, totalMicroUsd, tableVersion, calibrationPerMille } = price;
  if (tableVersion === '') return `${formatUsd(totalMicroUsd)}, as given`;
  const factor = calibrationPerMille === undefined ? '' : ` × ${calibrationPerMille / 1_000}`;
  const parts = `${formatUsd(baseMicroUsd)}${factor} + ${formatUsd(bufferMicroUsd)} buffer`;
  return `${formatUsd(totalMicroUsd)} = ${parts}, price table ${tableVersion}`;
}

function holdText(reservation: Reservation | undefined): string {
  if (reservation === undefined) return '';
  const { reservationId, expiresAt } = reservation;
  const tokens = [
    [reservation.heldInputTokens, 'input_tokens'],
    [reservation.heldOutputTokens, 'output_tokens'],
  ] as const;
  return [
    `${reservationId}: ${formatUsd(reservation.heldMicroUsd)}`,
    ...tokens.filter(([held]) => held > 0n).map(([held, unit]) => amountText(held, unit)),
    expiresAt === undefined ? '' : `until ${timeText(expiresAt)}`,
  ]
    .filter(Boolean)
    .join(', ');
}

function grantText({ grant }: Decision): string {
  if (grant === undefined) return '';
  const { maxCostMicroUsd, maxOutputTokens, expiresAt } = grant;
  return [
    maxCostMicroUsd === undefined ? 'any cost' : `at most ${formatUsd(maxCostMicroUsd)}`,
    maxOutputTokens === undefined ? '' : `at most ${amountText(maxOutputTokens, 'output_tokens')}`,
    expiresAt === undefined ? '' : `until ${timeText(expiresAt)}`,
  ]
    .filter(Boolean)
    .join(', ');
}

function obligationFact({ name, source, parameters }: Decision['obligations'][number]): Fact {
  const detail = parameters === undefined ? '' : ` ${JSON.stringify(parameters)}`;
  return ['must', `${name}${detail}, for ${source}`];
}

type Fact = readonly [name: string, text: string];

/** Facts that are known, their names lined up. */
export function factLines(facts: readonly Fact[]): string[] {
  const known = facts.filter(([, text]) => text !== '');
  const width = Math.max(0, ...known.map(([name]) => name.length));
  return known.map(([name, text]) => `${name.padEnd(width)}  ${text}`);
}
