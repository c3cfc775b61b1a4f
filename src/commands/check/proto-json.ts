import { CommandFailed } from '../context.ts';

/**
 * The JSON form of the contract (https://protobuf.dev/programming-guides/json), which writes a Duration as "3.5s"; the
 * generated code writes it as an object of its two fields. Nowhere else do they differ.
 */
const DURATION_FIELDS: ReadonlySet<string> = new Set([
  'window',
  'retryAfter',
  'resetAfter',
  'holdFor',
  'duration',
]);

/** Fields that hold whatever the caller put there. */
const FREE_FIELDS: ReadonlySet<string> = new Set(['attributes', 'parameters']);

/** @param json what a generated `toJSON` answers */
export function toProtoJson(json: unknown): unknown {
  return mapFields(json, (value) => {
    const { seconds = '0', nanos = 0 } = value as { seconds?: string; nanos?: number };
    const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
    return `${seconds}${fraction}s`;
  });
}

const DURATION = /^(\d{1,12})(?:\.(\d{1,9}))?s$/;

/** @returns what a generated `fromJSON` reads */
export function fromProtoJson(json: unknown): unknown {
  return mapFields(json, (value) => {
    if (typeof value !== 'string') return value;
    const [, seconds, fraction = ''] = DURATION.exec(value) ?? [];
    if (seconds === undefined) {
      throw new CommandFailed(`"${value}" is not a duration; write it as "90s" or "0.5s".`);
    }
    return { seconds, nanos: Number(fraction.padEnd(9, '0')) };
  });
}

function mapFields(json: unknown, duration: (value: unknown) => unknown): unknown {
  if (Array.isArray(json)) return json.map((item) => mapFields(item, duration));
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([name, value]: [string, unknown]) => {
      if (FREE_FIELDS.has(name)) return [name, value];
      const mapped = DURATION_FIELDS.has(camelCase(name))
        ? duration(value)
        : mapFields(value, duration);
      return [name, mapped];
    }),
  );
}

/** Both names of a field are allowed in JSON. */
function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

/**
 * Reads a request from proto JSON, and refuses what the contract does not know: a misspelt field
 * would otherwise be left out silently.
 */
export function parseRequest<T>(
  message: { fromJSON(json: unknown): T; toJSON(request: T): unknown },
  text: string,
): T {
  const json = fromProtoJson(parseJson(text));
  let request: T;
  try {
    request = message.fromJSON(json);
  } catch (error) {
    throw new CommandFailed(`The request is malformed: ${(error as Error).message}`);
  }
  const lost = lostFields(json, message.toJSON(request), '');
  if (lost.length === 0) return request;
  throw new CommandFailed(`The contract has no field ${lost.join(', ')}.`);
}

function parseJson(text: string): object {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new CommandFailed(`The request is not JSON: ${(error as Error).message}`);
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  throw new CommandFailed('The request must be a JSON object.');
}

/**
 * Paths of fields that were given a value and are not in what was read. A default value reads as
 * absent.
 */
function lostFields(given: unknown, read: unknown, path: string): string[] {
  if (typeof given !== 'object' || given === null) return [];
  const known = (typeof read === 'object' && read !== null ? read : {}) as Record<string, unknown>;
  return Object.entries(given).flatMap(([name, value]: [string, unknown]) => {
    const field = Array.isArray(given) ? name : camelCase(name);
    const here = path === '' ? name : `${path}.${name}`;
    if (FREE_FIELDS.has(field)) return [];
    if (Object.hasOwn(known, field)) return lostFields(value, known[field], here);
    return isDefault(value) ? [] : [here];
  });
}

function isDefault(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return [0, '0', '', false, null].includes(value as string) || isUnspecified(value);
}

function isUnspecified(value: unknown): boolean {
  return typeof value === 'string' && value.endsWith('_UNSPECIFIED');
}
