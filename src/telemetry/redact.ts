/**
 * The belt to the braces: nothing secret or personal is handed to the log in the first place, and
 * what slips through is taken out here.
 */
export const FORBIDDEN_KEYS = [
  'email',
  'name',
  'externalUserId',
  'session',
  'sourceIp',
  'personal',
  'token',
  'authorization',
  'password',
  'secret',
  'apiKey',
  'tokenKey',
  'personalKey',
  'privateKey',
  'credentials',
  'cookie',
] as const;

const FORBIDDEN = new Set(FORBIDDEN_KEYS.map(plain));

export const REDACTED = '[redacted]';

/** Deeper than anything we log; what lies below is left out. */
const MAX_DEPTH = 6;

const E_MAIL = /[\w.%+-]+@[\w-]+(?:\.[\w-]+)+/g;
const URL_CREDENTIALS = /:\/\/[^\s/@"\\]+@/g;

/** The fields of a log line without values whose key says that they are secret or personal. */
export function redactFields(fields: Record<string, unknown>): Record<string, unknown> {
  return redactObject(fields, 0);
}

/** The text of a log line without e-mail addresses and without credentials in URLs. */
export function redactText(line: string): string {
  if (!line.includes('@')) return line;
  return line.replace(URL_CREDENTIALS, `://${REDACTED}@`).replace(E_MAIL, REDACTED);
}

function redactObject(fields: object, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    out[key] = FORBIDDEN.has(plain(key)) ? REDACTED : redactValue(value, depth + 1);
  }
  return out;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (value instanceof Error) return errorFields(value, depth);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  return redactObject(value, depth);
}

/**
 * Nothing else of an error is logged: libraries hang requests, and whole connections, on theirs.
 */
function errorFields({ name, message, stack, cause }: Error, depth: number): object {
  return {
    type: name,
    message,
    stack,
    ...(cause !== undefined && { cause: redactValue(cause, depth + 1) }),
  };
}

/** api_key, API-Key and apiKey are one key. */
function plain(key: string): string {
  return key.replace(/[_-]/g, '').toLowerCase();
}
