import type { z } from 'zod';
import { findingsOf, type Finding } from './issue-words.ts';
import type { FieldPath } from './problem.ts';
import { keysAt } from './schema-keys.ts';

/**
 * Everything that a schema finds wrong with the plain value of a file, in our words.
 * @param root the value that was checked.
 */
export function schemaFindings(
  schema: z.core.$ZodType,
  issues: readonly z.core.$ZodIssue[],
  root: unknown,
): readonly Finding[] {
  const valueAt = (path: FieldPath): unknown =>
    path.reduce<unknown>((value, step) => (value as Record<string, unknown> | null)?.[step], root);
  return issues.flatMap((issue) =>
    findingsOf(issue, valueAt, (path) => keysAt(schema, path, root)),
  );
}
