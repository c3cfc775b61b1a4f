import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Call } from '../../gen/tollgate/v1/call.ts';
import { collect, collectAttribute, usd, wholeNumber } from '../options.ts';

/** Every field of a Call, as options of the command line. */
export interface CallOptions {
  readonly tenant?: string;
  readonly agent?: string;
  readonly agentVersion?: string;
  readonly user?: string;
  readonly team?: string;
  readonly role?: readonly string[];
  readonly system?: string;
  readonly externalUserId?: string;
  readonly email?: string;
  readonly name?: string;
  readonly session?: string;
  readonly consent?: string;
  readonly environment?: string;
  readonly country?: string;
  readonly sourceIp?: string;
  readonly classification?: readonly string[];
  readonly attribute?: Readonly<Record<string, unknown>>;
  readonly parentTraceId?: string;
  readonly estimateUsd?: bigint;
  readonly inputTokens?: bigint;
  readonly outputTokens?: bigint;
  readonly complexity?: Complexity;
  readonly model?: string;
}

/**
 * Numbers of the contract, written out so that `--help` need not load it; a test holds them equal.
 */
export const COMPLEXITY_NUMBERS = { simple: 1, standard: 2, complex: 3 } as const;
type Complexity = keyof typeof COMPLEXITY_NUMBERS;

export function addCallOptions(command: Command): Command {
  return command
    .optionsGroup('The call:')
    .option('--tenant <id>', 'organization that pays')
    .option('--agent <id>', 'external agent that is called')
    .option('--agent-version <text>', 'version of the agent')
    .option('--user <id>', 'user that calls')
    .option('--team <id>', 'team that is charged')
    .option('--role <name>', 'role of the user; may be repeated', collect)
    .option('--environment <name>', 'for example production')
    .option('--country <code>', 'two-letter country that the call comes from')
    .option('--source-ip <address>', 'address that the call comes from')
    .option('--classification <tag>', 'tag of the data sent; may be repeated', collect)
    .option('--attribute <name=value>', 'any further fact; may be repeated', collectAttribute)
    .option('--system <name>', 'external system that the user works in')
    .option('--external-user-id <id>', 'id of the user in that system')
    .option('--email <address>', 'of the user')
    .option('--name <text>', 'of the user')
    .option('--session <id>', 'session in the external system')
    .option('--consent <text>', 'what the user agreed to, such as "privacy 3, 2026-11-21"')
    .option('--parent-trace-id <hex>', 'trace that this one continues')
    .optionsGroup('Its estimate:')
    .option('--estimate-usd <amount>', 'cost in US dollars, held exactly as given', usd)
    .option('--input-tokens <count>', 'input tokens', wholeNumber)
    .option('--output-tokens <count>', 'most output tokens', wholeNumber)
    .addOption(new Option('--complexity <word>', 'how demanding the call is').argParser(complexity))
    .option('--model <name>', 'model that prices the tokens');
}

function complexity(text: string): Complexity {
  if (Object.hasOwn(COMPLEXITY_NUMBERS, text)) return text as Complexity;
  throw new InvalidArgumentError('Expected simple, standard or complex.');
}

export function callOf(options: CallOptions): Call {
  return {
    tenant: options.tenant ?? '',
    agent: options.agent ?? '',
    agentVersion: options.agentVersion ?? '',
    principal: {
      user: options.user ?? '',
      team: options.team ?? '',
      roles: [...(options.role ?? [])],
      system: options.system ?? '',
      externalUserId: options.externalUserId ?? '',
      email: options.email ?? '',
      name: options.name ?? '',
      session: options.session ?? '',
      consent: options.consent ?? '',
    },
    environment: options.environment ?? '',
    origin: { country: options.country ?? '', sourceIp: options.sourceIp ?? '' },
    dataClassification: [...(options.classification ?? [])],
    attributes: options.attribute,
    parentTraceId: options.parentTraceId ?? '',
    estimate: {
      costMicroUsd: options.estimateUsd,
      inputTokens: options.inputTokens,
      outputTokens: options.outputTokens,
      complexity: options.complexity === undefined ? 0 : COMPLEXITY_NUMBERS[options.complexity],
      model: options.model ?? '',
    },
  };
}
