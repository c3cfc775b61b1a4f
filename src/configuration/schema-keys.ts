import { z } from 'zod';
import type { FieldPath } from './problem.ts';

/**
 * Keys that a mapping at a path of the document may have, for suggestions; empty when any key may
 * be there.
 */
export function keysAt(
  schema: z.core.$ZodType,
  path: FieldPath,
  value: unknown,
): readonly string[] {
  const inner = unwrapped(schema, value);
  if (path.length === 0) return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
  const [step, ...rest] = path;
  const below = (value as Record<string | number, unknown> | undefined)?.[step!];
  if (inner instanceof z.ZodObject) {
    const shape = inner.shape as Readonly<Record<string, z.core.$ZodType>>;
    const next = shape[String(step)];
    return next === undefined ? [] : keysAt(next, rest, below);
  }
  if (inner instanceof z.ZodArray) return keysAt(inner.element, rest, below);
  return inner instanceof z.ZodRecord ? keysAt(inner.valueType, rest, below) : [];
}

/**
 * Looks through defaults and optionality, and picks the option of a union that the value's type
 * names, or else has most of its keys.
 */
function unwrapped(schema: z.core.$ZodType, value: unknown): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) {
    return unwrapped(schema.unwrap(), value);
  }
  if (!(schema instanceof z.ZodUnion)) return schema;
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return nearestOption(schema, value);
  const named = (value as Record<string, unknown> | undefined)?.[schema.def.discriminator];
  const option = schema.options.find(
    (one) =>
      one instanceof z.ZodObject &&
      (one.shape as Record<string, z.core.$ZodType>)[schema.def.discriminator]?._zod.values?.has(
        named as string,
      ),
  );
  return option ?? schema;
}

function nearestOption(union: z.ZodUnion, value: unknown): z.core.$ZodType {
  const written = Object.keys(value ?? {});
  const known = (option: z.core.$ZodType): number =>
    option instanceof z.ZodObject ? written.filter((key) => key in option.shape).length : 0;
  return union.options.toSorted((a, b) => known(b) - known(a))[0] ?? union;
}
