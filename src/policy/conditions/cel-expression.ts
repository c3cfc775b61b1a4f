import { Environment } from '@marcbachmann/cel-js';

/** What expressions may use, by CEL type. A fact that is not known is not there. */
const VARIABLES = {
  tenant: 'string',
  agent: 'string',
  provider: 'string',
  environment: 'string',
  user: 'string',
  team: 'string',
  roles: 'list<string>',
  country: 'string',
  source_ip: 'string',
  data_classification: 'list<string>',
  attributes: 'map<string, dyn>',
  cost_usd: 'double',
  input_tokens: 'int',
  output_tokens: 'int',
  now: 'google.protobuf.Timestamp',
} as const;

export type CelVariable = keyof typeof VARIABLES;
export type CelContext = Partial<Readonly<Record<CelVariable, unknown>>>;

/** Characters: more is a program, and not read at all. */
const MAX_LENGTH = 2_000;
const LIMITS = {
  maxAstNodes: 256,
  maxDepth: 32,
  maxListElements: 100,
  maxMapEntries: 32,
  maxCallArguments: 8,
};
/** They go through lists; one inside another would cost the product of their lengths. */
const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** An expression that was read, checked and found to be a yes or no. */
export interface CelExpression {
  /** Variables that it uses, in the order in which they are met. */
  readonly variables: readonly CelVariable[];
  /** Names of the attributes that it reads; undefined when they are known only by running it. */
  readonly attributes: readonly string[] | undefined;
  /** @throws when it cannot be evaluated: a fact is missing, of another type, or too large. */
  readonly evaluate: (context: CelContext) => unknown;
}

const environment = new Environment({ limits: LIMITS });
for (const [name, type] of Object.entries(VARIABLES)) environment.registerVariable(name, type);

/**
 * Reads a CEL expression (https://cel.dev) and checks its types.
 * @returns the expression, or what is wrong with it.
 */
export function parseCel(
  text: string,
): { readonly ok: CelExpression } | { readonly problem: string } {
  if (text.length > MAX_LENGTH) return { problem: `is longer than ${MAX_LENGTH} characters` };
  const checked = environment.check(text);
  if (!checked.valid) return { problem: firstLine(checked.error?.message ?? 'is not CEL') };
  if (checked.type !== 'bool') return { problem: `is a ${checked.type ?? 'value'}, not a bool` };
  const program = environment.parse(text);
  const seen: Seen = {
    variables: new Set(),
    attributes: new Set(),
    anyAttribute: false,
    problem: undefined,
  };
  walk(program.ast, 0, seen);
  if (seen.problem !== undefined) return { problem: seen.problem };
  return {
    ok: {
      variables: [...seen.variables],
      attributes: seen.anyAttribute ? undefined : [...seen.attributes],
      evaluate: (context): unknown => program(context),
    },
  };
}

interface Seen {
  readonly variables: Set<CelVariable>;
  readonly attributes: Set<string>;
  /** The map of attributes itself is used, or a key that is worked out. */
  anyAttribute: boolean;
  problem: string | undefined;
}

/** Goes through a tree of the library: objects with `op` and `args`, and lists of them. */
function walk(node: unknown, loops: number, seen: Seen): void {
  if (Array.isArray(node)) {
    for (const inner of node) walk(inner, loops, seen);
    return;
  }
  if (!isNode(node)) return;
  const { op, args } = node;
  const named = attributeNamed(op, args);
  if (named !== undefined) {
    seen.variables.add('attributes');
    seen.attributes.add(named);
    return;
  }
  if (op === 'id' && isVariable(args)) seen.variables.add(args);
  if (op === 'id' && args === 'attributes') seen.anyAttribute = true;
  const name: unknown = op === 'rcall' && Array.isArray(args) ? args[0] : undefined;
  if (name === 'matches') {
    seen.problem ??=
      'uses matches; offered are startsWith, endsWith, contains and in, not regular expressions';
  }
  if (name === 'bind') seen.problem ??= 'uses bind; names in a row could double a list each';
  const loop = typeof name === 'string' && LOOPS.has(name);
  if (loop && loops > 0) seen.problem ??= `has ${name} inside another loop over a list`;
  walk(args, loops + (loop ? 1 : 0), seen);
}

/** The name in `attributes.name`, `attributes["name"]` and `"name" in attributes`. */
function attributeNamed(op: unknown, args: unknown): string | undefined {
  if (!Array.isArray(args)) return undefined;
  const [left, right] = args as readonly unknown[];
  if (op === '.' && isAttributes(left)) return typeof right === 'string' ? right : undefined;
  if (op === '[]' && isAttributes(left)) return textIn(right);
  if (op === 'in' && isAttributes(right)) return textIn(left);
  return undefined;
}

function isAttributes(node: unknown): boolean {
  return isNode(node) && node.op === 'id' && node.args === 'attributes';
}

function textIn(node: unknown): string | undefined {
  return isNode(node) && node.op === 'value' && typeof node.args === 'string'
    ? node.args
    : undefined;
}

interface Node {
  readonly op: unknown;
  readonly args: unknown;
}

function isNode(node: unknown): node is Node {
  return typeof node === 'object' && node !== null && 'op' in node && 'args' in node;
}

function isVariable(name: unknown): name is CelVariable {
  return typeof name === 'string' && Object.hasOwn(VARIABLES, name);
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? message;
}
