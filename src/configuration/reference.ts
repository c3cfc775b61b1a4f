import { z } from 'zod';
import { documentSchema } from './document.ts';
import { AGENT_DEFAULT_IDS } from './agent-defaults.ts';
import { variablePages, WITHOUT_EFFECT } from './variables.ts';

type Schema = z.core.$ZodType;

/**
 * docs/configuration.md: every key of tollgate.yaml and every environment variable, as Markdown.
 */
export function configurationReference(): string {
  return [INTRODUCTION, ...sections(), ENVIRONMENT, variableTable(), ''].join('\n\n');
}

const INTRODUCTION = `# Configuration

<!-- Generated from src/configuration; \`npx vitest run test/configuration -u\` writes it anew. -->

Tollgate decides by one file, \`tollgate.yaml\` (or what \`TOLLGATE_CONFIG\` names), and is told where it listens and
where its stores are by environment variables. [examples/quickstart.yaml](../examples/quickstart.yaml) shows every
section in use. Begin your own with this line, and editors complete and check it:

\`\`\`yaml
# yaml-language-server: $schema=./tollgate.schema.json
\`\`\`

\`tollgate lint tollgate.yaml\` lists everything that is wrong with a file, each with its line, its column and what was
expected, without putting it in force.

## How a change comes into force

The file is looked at five times a second. A change is taken up when two looks agree, within half a second of its end,
so that a file that is still being written is never used; one above 32 KB is read beside the decisions, which takes a
moment longer. Writing in place, renaming over it, and the links of a Kubernetes ConfigMap all work. The new revision
comes into force at once and as a whole. A file with a problem is refused: the log says why, and the last good revision
stays in force. At a start there is no last good revision, so the start fails.

A revision is \`<number>-<digest>\`. The number is \`revision:\` of the file when it has one, else the time of the
file's last change in milliseconds, and always above the number before. The digest is the first 8 hex digits of
\`sha256sum tollgate.yaml\` (of the file and the \`EXTERNAL_AGENT_\` defaults, when any differ from those listed
below). Callers that take the revision from one sidecar and demand it from another need \`revision:\`, because file times
differ between machines; Helm's \`{{ .Release.Revision }}\` grows with every upgrade and with every rollback.

## Notation

- Unknown keys are problems: a misspelt \`on_outage\` must not be a default.
- Money is US dollars with at most 6 decimal places, best as text: \`"0.30"\`. A number without quotes is read from its
  digits, never as floating point. Tollgate counts in millionths of a dollar.
- \`0\` blocks. \`null\` or \`-1\` is unlimited. What is absent has its default.
- Time zones are IANA names; one that is not known is refused.
- Names in \`match\` are compared as they are written.

## Which limit or budget counts

Every limit and every budget that matches a call is charged, all or none of them. Of several with the same \`scope\`
(and, for budgets, the same \`period\`) that differ only in where they stand, the nearest replaces the others: one that
names a user before one that names a team, before one that names an organization, before one that names none; with
\`agent\` in the scope, one that names the agent stands nearest. Those that are equally near all count.

So it is with the defaults for agents. When the file has a section \`defaults\`, or one of the
\`EXTERNAL_AGENT_DEFAULT_\` variables is set, every agent of every tenant has the limit
\`${AGENT_DEFAULT_IDS.limit}\` and the budgets \`${AGENT_DEFAULT_IDS.monthly}\` and \`${AGENT_DEFAULT_IDS.daily}\`. A limit
or budget of scope \`agent\` that names agents replaces them for those agents.`;

const ENVIRONMENT = `## Environment variables

A variable that is set to nothing counts as not set. A name that begins with \`TOLLGATE_\` or \`EXTERNAL_AGENT_\` and is
not listed here is a problem, so that a slip does not pass in silence; what Kubernetes sets for a Service of that name is
passed over. The file wins over a variable that gives a default.`;

function sections(): readonly string[] {
  const top = Object.entries(documentSchema.shape);
  const scalars = top.filter(([, schema]) => kindOf(schema) === 'scalar');
  const rest = top.filter(([, schema]) => kindOf(schema) !== 'scalar');
  return [
    `## The file\n\n${documentSchema.description ?? ''}\n\n${table(scalars.flatMap(([key, schema]) => rowsOf(key, schema)))}`,
    ...rest.map(([key, schema]) => section(key, schema)),
  ];
}

function section(key: string, schema: Schema): string {
  const [first, ...rows] = rowsOf(key, schema);
  return `### ${key}\n\n${first?.meaning ?? ''}\n\n${table(rows)}`;
}

interface Row {
  readonly key: string;
  readonly expected: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** A row for a schema and for everything inside it. */
function rowsOf(key: string, schema: Schema): readonly Row[] {
  const inner = unwrapped(schema);
  const row = {
    key,
    expected: expectedOf(schema),
    fallback: fallbackOf(schema),
    meaning: meaningOf(schema),
  };
  return [row, ...childrenOf(key, inner)];
}

function childrenOf(key: string, schema: Schema): readonly Row[] {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape as Record<string, Schema>).flatMap(([name, child]) =>
      rowsOf(`${key}.${name}`, child),
    );
  }
  if (schema instanceof z.ZodArray) return childrenOf(`${key}[]`, unwrapped(schema.element));
  if (schema instanceof z.ZodRecord)
    return childrenOf(`${key}.<name>`, unwrapped(schema.valueType));
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return [];
  const rows = schema.options.flatMap((option) => childrenOf(key, option));
  // The same key of several options is one row; of "type", every option's word.
  return [...Map.groupBy(rows, (row) => row.key).values()].map((same) => ({
    ...same[0]!,
    expected: [...new Set(same.map(({ expected }) => expected))].join(', '),
  }));
}

function unwrapped(schema: Schema): Schema {
  const wraps = schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault;
  return wraps ? unwrapped(schema.unwrap()) : schema;
}

function kindOf(schema: Schema): 'scalar' | 'list' | 'mapping' {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodArray) return 'list';
  return inner instanceof z.ZodObject || inner instanceof z.ZodRecord ? 'mapping' : 'scalar';
}

function expectedOf(schema: Schema): string {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodLiteral) return [...inner.values].join(', ');
  const { expected } = (inner as z.ZodType).meta() ?? {};
  if (typeof expected === 'string') return expected;
  if (inner instanceof z.ZodArray) {
    const of = expectedOf(inner.element);
    return of === 'a mapping' ? 'a list of mappings' : `a list, each ${of}`;
  }
  return 'a mapping';
}

function fallbackOf(schema: Schema): string {
  if (schema instanceof z.ZodPrefault) return `\`${JSON.stringify(schema.def.defaultValue)}\``;
  return schema instanceof z.ZodOptional ? '' : 'required';
}

function meaningOf(schema: Schema): string {
  return (schema as z.ZodType).description ?? (unwrapped(schema) as z.ZodType).description ?? '';
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ key, expected, fallback, meaning }) =>
    tableLine([`\`${key}\``, expected, fallback, meaning]),
  );
  return [tableLine(['key', 'expected', 'default', 'meaning']), RULE, ...lines].join('\n');
}

const RULE = '| --- | --- | --- | --- |';

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function variableTable(): string {
  const lines = variablePages().map(({ name, expected, default: fallback, description }) => {
    const idle = WITHOUT_EFFECT.has(name) ? ' Accepted and without effect in this version.' : '';
    const shown = fallback === undefined ? '' : `\`${fallback}\``;
    return tableLine([`\`${name}\``, expected, shown, description + idle]);
  });
  return [tableLine(['variable', 'expected', 'default', 'meaning']), RULE, ...lines].join('\n');
}
