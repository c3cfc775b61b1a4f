import type { Command } from 'commander';
import { CommandFailed, type CommandContext } from './context.ts';
import { addressOption, calendarDay, jsonOption, spanMs } from './options.ts';
import type { ReportKind, ReportOptions } from './report/run-report.ts';

const GROUP_AFTER = `
Examples:
  $ tollgate report daily --tenant demo
  $ tollgate report weekly --tenant demo --zone Europe/Paris --markdown
  $ tollgate report monthly --tenant demo --date 2026-10-01 --json`;

const REPORTS: Readonly<Record<ReportKind, readonly [summary: string, description: string]>> = {
  daily: [
    'spending against daily budgets, calls, and what a call costs',
    'Shows a day: what was spent and how often was called, beside the daily budgets, and what a call\n' +
      'cost in the seven days before.',
  ],
  weekly: [
    'where the month is going, use by agent, and days that cost more than usual',
    'Shows the seven days that end with a day: where the spending of the month is going, what each\n' +
      'agent used, and its days that cost more than twice as much as usual.',
  ],
  monthly: [
    'the total against budgets, agents, estimates, and budgets for next month',
    'Shows a month: the total beside the monthly budgets, what each agent cost and how often it\n' +
      'succeeded, how far its estimates were off, and what to budget next month.',
  ],
};

export function registerReport(program: Command, context: CommandContext): void {
  const group = program
    .command('report')
    .summary('review spending: daily, weekly, monthly')
    .description('The daily, weekly and monthly review of what an organization spends.')
    .addHelpText('after', GROUP_AFTER);
  for (const kind of Object.keys(REPORTS) as ReportKind[]) registerOne(group, kind, context);
}

function registerOne(group: Command, kind: ReportKind, context: CommandContext): void {
  const [summary, description] = REPORTS[kind];
  group
    .command(kind)
    .summary(summary)
    .description(description)
    .option('--tenant <id>', 'the organization; required')
    .option(
      '--date <day>',
      'a day of the review, for example 2026-11-21 (default: today)',
      calendarDay,
    )
    .option('--zone <zone>', 'IANA zone in which days and months begin', 'UTC')
    .option('--markdown', 'print Markdown')
    .addOption(addressOption())
    .addOption(jsonOption())
    .option('--timeout <time>', 'longest wait for one try, for example 2s', spanMs)
    .addHelpText('after', `\nExample:\n  $ tollgate report ${kind} --tenant demo`)
    .action(async (options: Omit<ReportOptions, 'tenant'> & { readonly tenant?: string }) => {
      if (options.tenant === undefined) {
        throw new CommandFailed('Whose spending? Name an organization: --tenant <id>');
      }
      const { runReport } = await import('./report/run-report.ts');
      context.exit(await runReport(kind, { ...options, tenant: options.tenant }, context));
    });
}
