import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One measured figure; `target` and `holds` are null where nothing is promised. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number | null;
  readonly holds: boolean | null;
}

export function figure(name: string, value: number, unit: string, atLeast?: number): Figure {
  const rounded = Number(value.toPrecision(4));
  return {
    name,
    value: rounded,
    unit,
    target: atLeast ?? null,
    holds: atLeast === undefined ? null : value >= atLeast,
  };
}

/** A figure that is better the smaller it is. */
export function figureBelow(name: string, value: number, unit: string, atMost: number): Figure {
  return { ...figure(name, value, unit), target: atMost, holds: value <= atMost };
}

/** Prints a table and writes bench/out/<part>.json. */
export function publish(part: string, figures: readonly Figure[]): void {
  const folder = join(import.meta.dirname, 'out');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${part}.json`), `${JSON.stringify({ figures }, null, 2)}\n`);
  const width = Math.max(...figures.map(({ name }) => name.length));
  for (const { name, value, unit, target, holds } of figures) {
    const promise = target === null ? '' : `  target ${target}: ${holds ? 'holds' : 'MISSED'}`;
    process.stdout.write(
      `${name.padEnd(width)}  ${String(value).padStart(10)} ${unit}${promise}\n`,
    );
  }
}
