import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reasonPages } from '../../scripts/reason-pages.ts';
import { REASONS } from '../../src/decision/reasons.ts';
import { ReasonCode } from '../../src/gen/tollgate/v1/reason_code.ts';

const root = join(import.meta.dirname, '..', '..');
const codes = Object.keys(REASONS);

function sourcesOf(folder: string): string {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts') && name !== 'reasons.ts')
    .map((name) => readFileSync(join(root, folder, name), 'utf8'))
    .join('\n');
}

describe('X7 reason codes are one list', () => {
  it('the contract has a constant for every code and no other', () => {
    const constants = codes.map((code) => code.toUpperCase().replace('.', '_'));
    expect(Object.keys(ReasonCode).sort()).toEqual(['UNSPECIFIED', ...constants].sort());
  });

  it('docs/reasons is what the table says', () => {
    const folder = join(root, 'docs', 'reasons');
    const pages = reasonPages();
    expect(readdirSync(folder).sort()).toEqual([...pages.keys()].sort());
    for (const [name, text] of pages) {
      expect(readFileSync(join(folder, name), 'utf8'), name).toBe(text);
    }
  });

  it('every code is given somewhere', () => {
    const sources = sourcesOf('src/decision');
    expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  });

  it('every code that denies has a decision case', () => {
    const cases = readdirSync(join(root, 'test', 'cases'))
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => readFileSync(join(root, 'test', 'cases', name), 'utf8'))
      .join('\n');
    expect(codes.filter((code) => !cases.includes(code))).toEqual([]);
  });
});
