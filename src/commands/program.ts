import { Command, CommanderError } from 'commander';
import { registerBilling } from './billing.ts';
import { registerCheck } from './check.ts';
import { registerCheckpoints } from './checkpoints.ts';
import { type CommandContext, CommandFailed, type ExitCode, type Streams } from './context.ts';
import { registerDecisions } from './decisions.ts';
import { registerDrive } from './drive.ts';
import { registerErase } from './erase.ts';
import { registerLint } from './lint.ts';
import { registerMigrate } from './migrate.ts';
import { registerPerson } from './person.ts';
import { registerPolicy } from './policy.ts';
import { registerReplay } from './replay.ts';
import { registerServe } from './serve.ts';
import { registerStatus } from './status.ts';
import { registerExplain } from './explain.ts';
import { registerExport } from './export.ts';
import { registerReport } from './report.ts';
import { registerUsage } from './usage.ts';
import { registerVerify } from './verify.ts';
import { programVersion } from '../installation.ts';

const AFTER = `
Example:
  $ tollgate serve --try

Exit codes: 0 done; 1 done, and there is something to look at (a denial, a finding, a discrepancy);
2 not done: usage, configuration, or a part that does not answer.`;

/**
 * Runs one command line. Each command loads what it needs when it runs, so that --help stays quick.
 * @param args without the names of Node and of the program
 */
export async function runProgram(args: readonly string[], streams: Streams): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  for (const stream of [streams.stdout, streams.stderr]) stream.on('error', ignoreClosedPipe);
  const context: CommandContext = { ...streams, exit: (code) => void (exitCode = code) };
  try {
    await buildProgram(context).parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has said what is wrong, or printed the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    streams.stderr.write(`${await failureText(error)}\n`);
    return 2;
  }
}

export function buildProgram(context: CommandContext): Command {
  const program = new Command('tollgate')
    .description('Decides whether a call to an external AI agent may go ahead.')
    .version(programVersion())
    .addHelpText('after', AFTER)
    .exitOverride()
    .showHelpAfterError('(--help shows what there is)')
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: (text) => void context.stderr.write(text),
    });
  registerServe(program, context);
  registerCheck(program, context);
  registerStatus(program, context);
  registerExplain(program, context);
  registerDecisions(program, context);
  registerExport(program, context);
  registerUsage(program, context);
  registerReport(program, context);
  registerBilling(program, context);
  registerPerson(program, context);
  registerErase(program, context);
  registerLint(program, context);
  registerPolicy(program, context);
  registerMigrate(program, context);
  registerVerify(program, context);
  registerCheckpoints(program, context);
  registerDrive(program, context);
  registerReplay(program, context);
  return program;
}

/** Whoever reads the output may stop reading, as `head` does. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** What to tell a person about an error. A defect keeps its stack: it is for whoever mends it. */
async function failureText(error: unknown): Promise<string> {
  if (error instanceof CommandFailed) return `tollgate: ${error.message}`;
  const { sidecarErrorText } = await import('./sidecar-error.ts');
  const text = sidecarErrorText(error);
  if (text !== undefined) return `tollgate: ${text}`;
  return `tollgate: this is a defect, please report it.\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
