import { TollgateError } from '../../clients/typescript/index.ts';
import { spanText } from './text/units.ts';

/** What grpc-js says when there is no connection, as opposed to a sidecar whose store is away. */
const NOBODY_LISTENS = /No connection established|Name resolution failed/;
const START_ONE = `Is a sidecar listening there? Start one with: tollgate serve
Or name another: --address unix:/path or host:port`;

/** What a sidecar's error means for a person at a terminal; undefined when it is not one. */
export function sidecarErrorText(error: unknown): string | undefined {
  if (!(error instanceof TollgateError)) return undefined;
  switch (error.code) {
    case 'UNAVAILABLE':
      return NOBODY_LISTENS.test(error.message) ? `${error.message}\n${START_ONE}` : error.message;
    case 'DEADLINE_EXCEEDED':
      return `${error.message}\nThe sidecar did not answer in time; --timeout waits longer.`;
    case 'ALREADY_EXISTS':
      return `${error.message}\nThe request id was used for another request: leave out --request-id, or choose another.`;
    case 'RESOURCE_EXHAUSTED':
      return error.retryDelayMs === undefined
        ? error.message
        : `${error.message}\nThe sidecar is overloaded; try again in ${spanText(error.retryDelayMs)}.`;
    default:
      return error.message;
  }
}
