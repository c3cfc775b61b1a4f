import { z } from 'zod';
import { documentSchema } from './document.ts';

/**
 * The JSON Schema (draft 2020-12) of tollgate.yaml, by which editors complete and check it, as
 * text. It is shipped as tollgate.schema.json. Looser than the program: references and what depends
 * on several fields are checked by `tollgate lint` alone.
 */
export function configurationJsonSchema(): string {
  const schema = z.toJSONSchema(documentSchema, {
    target: 'draft-2020-12',
    io: 'input',
    override: ({ jsonSchema }) => {
      // Words for our own messages; no keyword of JSON Schema.
      delete jsonSchema.expected;
    },
  });
  return `${JSON.stringify({ title: 'tollgate.yaml', ...schema }, null, 2)}\n`;
}
