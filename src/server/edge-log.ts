/** Where the edge tells operators what callers must not see. A pino logger is one. */
export interface EdgeLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

const E_MAIL = /[\w.%+-]+@[\w-]+(?:\.[\w-]+)+/g;
const URL_CREDENTIALS = /:\/\/[^\s/@]+@/g;
/** Enough for the frames that matter. */
const MAX_CAUSE_CHARS = 4_000;

/**
 * What is logged of an unexpected throw: its stack, without e-mail addresses and credentials of
 * URLs.
 */
export function causeOf(thrown: unknown): string {
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return text
    .slice(0, MAX_CAUSE_CHARS)
    .replace(URL_CREDENTIALS, '://<credentials>@')
    .replace(E_MAIL, '<e-mail>');
}
