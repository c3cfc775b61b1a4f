import { pino, type DestinationStream, type LevelWithSilent, type Logger } from 'pino';
import { FORBIDDEN_KEYS, REDACTED, redactFields, redactText } from './redact.ts';

/**
 * Text held while whoever reads standard output is slow. Past it lines are dropped and counted: a
 * log must not take the memory of the process, and every decision is in the record anyway.
 */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

const STANDARD_OUTPUT = 1;

export interface ProcessLog {
  readonly logger: Logger;
  /** Lines dropped because nobody read them. */
  dropped(): number;
  /** Writes what is buffered; only for the end of the process, it waits for the reader. */
  flush(): void;
}

/** The log of this process: JSON lines on standard output, which containers collect. */
export function openLog(level: LevelWithSilent): ProcessLog {
  let dropped = 0;
  const destination = pino.destination({
    dest: STANDARD_OUTPUT,
    sync: false,
    maxLength: MAX_BUFFERED_BYTES,
  });
  destination.on('drop', () => (dropped += 1));
  // A reader that went away is no reason to stop deciding.
  destination.on('error', () => (dropped += 1));
  return {
    logger: createLogger(level, destination),
    dropped: () => dropped,
    flush: () => {
      try {
        destination.flushSync();
      } catch {
        dropped += 1;
      }
    },
  };
}

/** @param destination takes whole lines. */
export function createLogger(level: LevelWithSilent, destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: redactFields },
      // What a child logger is bound to does not pass through the formatter.
      redact: { paths: [...FORBIDDEN_KEYS], censor: REDACTED },
      // Errors are written by redactFields, which knows what of them may be said.
      serializers: { err: (error: unknown) => error },
      hooks: { streamWrite: redactText },
    },
    destination,
  );
}
