import { readSettings, type Settings, SettingsError } from '../config.ts';
import { ListenError, parseAddress } from '../server/address.ts';
import { CommandFailed } from './context.ts';

/** Options of the command line that win over the environment. */
export interface SettingOverrides {
  readonly config?: string;
  readonly listen?: string;
  readonly dataDir?: string;
}

/** The settings in force for a command. Whatever is wrong with them is said at once. */
export function settingsFor({ config, listen, dataDir }: SettingOverrides = {}): Settings {
  const settings = readEnvironment();
  return {
    ...settings,
    ...(config !== undefined && { configPath: config, configPathGiven: true }),
    ...(listen !== undefined && { listen: addressOf(listen, settings.allowInsecureListen) }),
    ...(dataDir !== undefined && { dataDir }),
  };
}

function readEnvironment(): Settings {
  try {
    return readSettings();
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    throw new CommandFailed(`The environment cannot be used:\n${indented(error.message)}`);
  }
}

function addressOf(text: string, allowInsecure: boolean): Settings['listen'] {
  try {
    return parseAddress(text, { allowInsecure });
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    throw new CommandFailed(`--listen: ${error.message}`);
  }
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ');
}
