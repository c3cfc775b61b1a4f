import type { LevelWithSilent, Logger } from 'pino';
import { createLogger, type ProcessLog } from '../../src/telemetry/logger.ts';

export interface Lines extends ProcessLog {
  readonly logger: Logger;
  /** Everything written. */
  readonly text: string;
  /** The same, line by line. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

/** The log of the program, kept in memory. */
export function keptLog(level: LevelWithSilent): Lines {
  let text = '';
  const logger = createLogger(level, { write: (line) => (text += line) });
  return {
    logger,
    get text() {
      return text;
    },
    get lines() {
      const lines = text.split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    dropped: () => 0,
    flush: () => undefined,
  };
}
