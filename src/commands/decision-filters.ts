import { InvalidArgumentError, Option, type Command } from 'commander';
import { EVENTS } from '../decision/events.ts';
import { momentMs } from './options.ts';

/** Which decisions of the record a command is about; what is absent narrows nothing. */
export interface DecisionFilters {
  readonly tenant: string;
  readonly agent?: string;
  readonly user?: string;
  readonly email?: string;
  readonly effect?: 'allow' | 'deny';
  readonly reason?: string;
  readonly event?: string;
  readonly trace?: string;
  readonly request?: string;
  readonly decision?: string;
  /** Milliseconds since the epoch. */
  readonly from?: number;
  readonly to?: number;
}

export function addFilterOptions(command: Command): Command {
  return command
    .option('--tenant <id>', 'the organization; required')
    .option('--agent <id>', 'only this agent')
    .option('--user <id>', 'only this user id')
    .option('--email <address>', 'only calls by the person with this e-mail address')
    .addOption(new Option('--effect <effect>', 'only this effect').choices(['allow', 'deny']))
    .option('--reason <code>', 'only decisions with this reason code, for example limit.exceeded')
    .option('--event <name>', `only this event: ${EVENTS.map(shortEvent).join(', ')}`, eventName)
    .option('--trace <id>', 'only this W3C trace')
    .option('--request <id>', 'only decisions about this request')
    .option('--decision <id>', 'only this decision')
    .option('--from <moment>', 'in ISO 8601', momentMs)
    .option('--to <moment>', 'exclusive', momentMs);
}

const PREFIX = 'external_agent.';

/** An event name without what all of them begin with. */
export function shortEvent(name: string): string {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
}

function eventName(text: string): string {
  const event = EVENTS.find((name) => name === text || shortEvent(name) === text);
  if (event !== undefined) return event;
  throw new InvalidArgumentError(`Expected one of ${EVENTS.map(shortEvent).join(', ')}.`);
}
