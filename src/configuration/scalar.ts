import { z } from 'zod';

/**
 * A number of a YAML file that is not a small whole number, kept as it is written: money and shares
 * are read from the text and never go through floating point.
 */
export class NumberText {
  readonly source: string;
  readonly value: number;

  constructor(source: string, value: number) {
    this.source = source;
    this.value = value;
  }
}

/**
 * What a reader made of a value: the value itself, or why not (empty when "expected" says it all).
 */
export type Read<T> = { readonly ok: T } | { readonly no: string };

export const REFUSED = { no: '' } as const;

export interface ScalarShape<T> {
  /** Completes "expected …". */
  readonly expected: string;
  /** What editors check: JSON Schema keywords. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly read: (value: unknown) => Read<T>;
}

/** A field whose reader decides; everything that it refuses is reported in one form of words. */
export function scalar<T>({ expected, json, read }: ScalarShape<T>): z.ZodType<T> {
  return z
    .unknown()
    .transform((value, context): T => {
      const answer = value === undefined ? REFUSED : read(value);
      if ('ok' in answer) return answer.ok;
      context.issues.push({
        code: 'custom',
        message: expectation(expected, value) + answer.no,
        input: value,
      });
      return z.NEVER;
    })
    .meta({ ...json, expected });
}

/** "is required: expected a name", or "expected a name, found 7". */
export function expectation(expected: string, found: unknown): string {
  if (found === undefined) return `is required: expected ${expected}`;
  return `expected ${expected}, found ${foundWords(found)}`;
}

/** Long values say no more than their beginning, and a file may be given by mistake. */
const MAX_SHOWN = 60;

function foundWords(value: unknown): string {
  if (value === null) return 'nothing';
  if (value instanceof NumberText) return value.source.slice(0, MAX_SHOWN);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, MAX_SHOWN));
  return typeof value === 'object' ? 'a mapping' : JSON.stringify(value);
}
