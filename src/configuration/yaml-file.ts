import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Alias,
  type Document,
  type Node,
  type Pair,
  type Scalar,
} from 'yaml';
import { MAX_DEPTH, MAX_NODES, MAX_PROBLEMS } from './bounds.ts';
import { fieldText, type FieldPath, type Problem } from './problem.ts';
import { NumberText } from './scalar.ts';

/** A YAML file as plain values, with the way back to where each of them is written. */
export interface YamlFile {
  /**
   * Plain values; numbers other than small whole ones are a NumberText. Undefined when the file is
   * no YAML.
   */
  readonly value: unknown;
  /** What is wrong with the YAML itself. */
  readonly problems: readonly Problem[];
  /** A problem at a path: at its value, at its key, or at the nearest parent that is there. */
  readonly problemAt: (path: FieldPath, at: 'value' | 'key', message: string) => Problem;
  /** Line of a path's value; 1 when it is not there. */
  readonly lineOf: (path: FieldPath) => number;
}

/** Reads YAML 1.2 (core schema). Bounded in depth and in what aliases unfold to. */
export function readYaml(text: string, file: string): YamlFile {
  const lines = new LineCounter();
  const place = (offset: number): Pick<Problem, 'line' | 'column'> => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problemOf = (offset: number, path: FieldPath, message: string): Problem => ({
    file,
    ...place(offset),
    field: fieldText(path),
    message,
  });

  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    lineCounter: lines,
    prettyErrors: false,
    // Found by the walk, which says where the first one is and does not compare every pair of keys.
    uniqueKeys: false,
  });
  const offsetOf = (path: FieldPath, at: 'value' | 'key'): number => locate(document, path, at);
  const faults = [...document.errors, ...document.warnings]
    .slice(0, MAX_PROBLEMS)
    .map((fault) => problemOf(fault.pos[0], [], `not valid YAML: ${fault.message}`));
  const walk = new Walk((node, path, message) =>
    faults.push(problemOf(startOf(node), path, message)),
  );
  const broken = faults.length > 0;
  return {
    value: broken ? undefined : walk.plain(document.contents, [], 0),
    problems: faults,
    problemAt: (path, at, message) => problemOf(offsetOf(path, at), path, message),
    lineOf: (path) => place(offsetOf(path, 'value')).line,
  };
}

type AnchoredNode = Exclude<Node, Alias>;
type Report = (node: unknown, path: FieldPath, message: string) => void;

/** Turns nodes into plain values, counting as it goes. */
class Walk {
  readonly #report: Report;
  readonly #anchors = new Map<string, AnchoredNode>();
  #nodes = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  plain(node: unknown, path: FieldPath, depth: number): unknown {
    this.#nodes += 1;
    if (this.#nodes === MAX_NODES + 1) {
      this.#report(node, path, `more than ${MAX_NODES} values, aliases unfolded`);
    }
    if (this.#nodes > MAX_NODES) return null;
    if (depth > MAX_DEPTH) {
      this.#report(node, path, `nested deeper than ${MAX_DEPTH} levels`);
      return null;
    }
    if (isAlias(node)) return this.#aliased(node, path, depth);
    if (isNode(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isSeq(node)) {
      return node.items.map((item, index) => this.plain(item, [...path, index], depth + 1));
    }
    if (isMap(node)) return this.#mapping(node.items, path, depth);
    return isScalar(node) ? scalarOf(node) : null;
  }

  /** What the nearest anchor before it stands on; one inside itself ends at the bound on depth. */
  #aliased(alias: Alias, path: FieldPath, depth: number): unknown {
    const target = this.#anchors.get(alias.source);
    if (target !== undefined) return this.plain(target, path, depth + 1);
    this.#report(alias, path, `there is no anchor "&${alias.source}" before this alias`);
    return null;
  }

  #mapping(items: readonly Pair[], path: FieldPath, depth: number): Record<string, unknown> {
    const plain: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const name = nameOf(key);
      const inner = [...path, name ?? '?'];
      if (name === undefined || name === '__proto__') {
        this.#report(key, inner, 'this cannot be a key: expected plain text');
      } else if (Object.hasOwn(plain, name)) {
        this.#report(key, inner, `"${name}" is written twice in this mapping`);
      } else {
        plain[name] = this.plain(value, inner, depth + 1);
      }
    }
    return plain;
  }
}

function nameOf(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  return typeof key.value === 'string' ? key.value : key.source;
}

function scalarOf(scalar: Scalar): unknown {
  const { value, source } = scalar;
  if (typeof value !== 'number') return value;
  const small = Number.isSafeInteger(value) && /^[-+]?\d+$/.test(source ?? '');
  return small ? value : new NumberText(source ?? String(value), value);
}

/** Offset of what a path leads to; where it is missing, of the last part that is there. */
function locate(document: Document, path: FieldPath, at: 'value' | 'key'): number {
  let node: unknown = document.contents;
  let offset = startOf(node);
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    const last = index === path.length - 1;
    if (isSeq(node)) {
      node = node.items[Number(step)];
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => nameOf(key) === step);
      if (pair === undefined) return offset;
      offset = startOf(pair.key);
      node = last && at === 'key' ? pair.key : pair.value;
    } else return offset;
    offset = startOf(node) || offset;
  }
  return offset;
}

function startOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}
