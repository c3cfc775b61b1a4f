import type { FieldPath } from './problem.ts';

/** Something that is allowed and probably not meant, before it is placed in a file. */
export interface Warning {
  readonly path: FieldPath;
  readonly message: string;
}
