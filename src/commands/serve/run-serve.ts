import { TollgateClient } from '../../../clients/typescript/index.ts';
import type { Settings } from '../../config.ts';
import type { RunningServer } from '../../serve.ts';
import { CommandFailed, type ExitCode, isDefect, printLines, type Streams } from '../context.ts';
import { shipped } from '../../installation.ts';
import { settingsFor } from '../settings.ts';
import { paintFor } from '../text/paint.ts';
import { stopSignal } from './stop-signal.ts';
import { nextCommands, showTrial } from './trial.ts';

export interface ServeOptions {
  readonly config?: string;
  readonly listen?: string;
  readonly dataDir?: string;
  readonly try?: true;
}

const QUICKSTART = 'examples/quickstart.yaml';

/** Serves until it is told to stop; everything that was answered is kept. */
export async function runServe(options: ServeOptions, streams: Streams): Promise<ExitCode> {
  const settings = settingsOf(options);
  const stopping = stopSignal();
  const server = await start(settings);
  try {
    printLines(streams.stderr, [greeting(server)]);
    if (options.try === true) await tryOut(server, settings, streams);
    await stopping.received;
  } finally {
    await server.stop();
    stopping.forget();
  }
  return 0;
}

function settingsOf(options: ServeOptions): Settings {
  const settings = settingsFor(options);
  if (options.try !== true) return settings;
  // What people read must not drown in log lines about the same decisions.
  const logLevel = settings.logLevel === 'info' ? 'warn' : settings.logLevel;
  if (settings.configPathGiven) return { ...settings, logLevel };
  return { ...settings, logLevel, configPath: shipped(QUICKSTART), configPathGiven: true };
}

async function start(settings: Settings): Promise<RunningServer> {
  const { serve } = await import('../../serve.ts');
  try {
    return await serve(settings);
  } catch (error) {
    if (isDefect(error)) throw error;
    throw new CommandFailed(`Not started.\n${(error as Error).message}`, { cause: error });
  }
}

function greeting({ address, metricsAddress }: RunningServer): string {
  const metrics = metricsAddress === undefined ? '' : `, metrics on ${metricsAddress}`;
  return `Tollgate serves on ${address}${metrics}. Ctrl-C stops it.`;
}

async function tryOut(server: RunningServer, settings: Settings, streams: Streams): Promise<void> {
  const print = (lines: readonly string[]) => printLines(streams.stdout, lines);
  const paint = paintFor(streams.stdout);
  if (settings.configPath !== shipped(QUICKSTART)) {
    print([
      '',
      `The calls to try belong to ${QUICKSTART}; with ${settings.configPath} there are none.`,
    ]);
    return;
  }
  const client = TollgateClient.connect(server.address, { knownObligations: [] });
  try {
    await showTrial(client, print, paint);
  } finally {
    client.close();
  }
  print([
    '',
    paint('bold', 'Try next, in another terminal:'),
    ...nextCommands(server.address === DEFAULT_ADDRESS ? '' : ` --address ${server.address}`),
    '',
    `The rules are in ${settings.configPath}; a change is in force within a second.`,
  ]);
}

/** Where commands look for a sidecar when nothing is set. */
const DEFAULT_ADDRESS = '127.0.0.1:7600';
