/** One thing that is wrong with a configuration file, or that deserves a second look. */
export interface Problem {
  /** Path of the file as it was given. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** For example "limits[2].windows[0].per"; empty means the whole file. */
  readonly field: string;
  /** What is wrong and what was expected. */
  readonly message: string;
}

/** Keys and indexes from the root of the file. */
export type FieldPath = readonly (string | number)[];

/** One problem on one line, in the form that editors and terminals turn into a link. */
export function problemText({ file, line, column, field, message }: Problem): string {
  const where = `${file}:${line}:${column}`;
  return field === '' ? `${where}: ${message}` : `${where}: ${field}: ${message}`;
}

/** Top to bottom, as the file is read. */
export function inFileOrder(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Writes a path as people do: "budgets[0].caps.cost_usd". */
export function fieldText(path: FieldPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

/** A configuration that cannot be used. Its message lists every problem, one on a line. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(problemText).join('\n'));
    this.problems = problems;
  }
}
