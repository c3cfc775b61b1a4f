import { setLogger } from '@grpc/grpc-js';
import type { EdgeLog } from './edge-log.ts';

/**
 * Enough for every message of grpc-js; header names are the caller's choice and must not fill the
 * log.
 */
const MAX_DISTINCT = 32;

/**
 * Takes over what grpc-js writes to stderr by itself, for the whole process. It quotes the values
 * of headers, which may be credentials, so only the part before the value is kept, and each only
 * once.
 */
export function takeOverLibraryLog(log: EdgeLog): void {
  const told = new Set<string>();
  const error = (...texts: readonly unknown[]): void => {
    const [problem = ''] = texts.map(String).join(' ').split(':', 1);
    if (told.has(problem) || told.size >= MAX_DISTINCT) return;
    told.add(problem);
    log.warn({ problem }, 'grpc-js reports a problem');
  };
  setLogger({ error, info: () => undefined, debug: () => undefined });
}
