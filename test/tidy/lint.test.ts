import { join } from 'node:path';

import { ESLint } from 'eslint';
import { expect, test } from 'vitest';

import { type Files, projectRoot, ScratchProject } from './scratch-project.ts';

const compiler = JSON.stringify({
  extends: join(projectRoot, 'tsconfig.json'),
  include: ['src', 'test'],
});

/** Rule, where the file lies, and the smallest text that breaks the rule there and no other. */
const offenders: readonly (readonly [rule: string, path: string, text: string])[] = [
  [
    '@typescript-eslint/no-floating-promises',
    'src/server/service.ts',
    'export function send(answer: () => Promise<void>): void {\n  answer();\n}\n',
  ],
  [
    '@typescript-eslint/no-floating-promises',
    'test/sent.test.ts',
    'export function send(answer: () => Promise<void>): void {\n  void answer();\n}\n',
  ],
  [
    '@typescript-eslint/no-misused-promises',
    'src/server/service.ts',
    'export function each(calls: number[], send: (call: number) => Promise<void>): void {\n' +
      '  calls.forEach(send);\n}\n',
  ],
  [
    '@typescript-eslint/no-explicit-any',
    'src/server/service.ts',
    'export const size = (call: { text: unknown }): number => String(call.text as any).length;\n',
  ],
  [
    '@typescript-eslint/switch-exhaustiveness-check',
    'src/server/service.ts',
    "export function text(effect: 'allow' | 'deny'): string {\n" +
      "  switch (effect) {\n    case 'allow':\n      return '';\n  }\n  return '';\n}\n",
  ],
  [
    '@typescript-eslint/consistent-type-imports',
    'src/server/service.ts',
    "import { Stats } from 'node:fs';\nexport type File = Stats;\n",
  ],
  ['@typescript-eslint/no-unused-vars', 'src/server/service.ts', 'const limit = 1;\nexport {};\n'],
  ['no-restricted-properties', 'src/server/service.ts', 'export const port = process.env;\n'],
  [
    'no-restricted-imports',
    'src/server/service.ts',
    "import { env } from 'node:process';\nexport const port = env;\n",
  ],
  ...['lib', 'scope', 'policy', 'limits', 'budgets', 'pricing', 'decision'].flatMap((folder) =>
    ['Date.now()', 'new Date()', 'performance.now()', 'Math.random()', 'setTimeout(String)'].map(
      (call) =>
        [
          'no-restricted-syntax',
          `src/${folder}/now.ts`,
          `export const now = (): unknown => ${call};\n`,
        ] as const,
    ),
  ),
];

/** @returns for each file, the rules that it breaks. */
async function brokenRules(files: Files): Promise<Record<string, (string | null)[]>> {
  using project = new ScratchProject({ ...files, 'tsconfig.json': compiler });
  const eslint = new ESLint({
    cwd: project.root,
    overrideConfigFile: join(projectRoot, 'eslint.config.js'),
  });
  const results = await eslint.lintFiles(['**/*.ts']);
  return Object.fromEntries(
    results.map((result) => [
      result.filePath.slice(project.root.length + 1),
      result.messages.map((message) => message.ruleId),
    ]),
  );
}

test('every rule this project leans on fails on what it forbids', async () => {
  const numbered = offenders.map(
    ([rule, path, text], index) => ({ rule, text, path: numberedPath(path, index) }) as const,
  );
  const found = await brokenRules(
    Object.fromEntries(numbered.map(({ path, text }) => [path, text])),
  );
  expect(found).toEqual(Object.fromEntries(numbered.map(({ path, rule }) => [path, [rule]])));
});

test('the configuration, the clock, and dates that are given are allowed', async () => {
  const files = {
    'src/config.ts': 'export const port = process.env;\n',
    'src/lib/clock.ts': 'export const now = (): number => Date.now();\n',
    'src/limits/window.ts': 'export const at = (ms: number): Date => new Date(ms);\n',
  };
  expect(Object.values(await brokenRules(files)).flat()).toEqual([]);
});

/**
 * Several offenders may ask for the same path; their folder and ending decide which rules apply.
 */
function numberedPath(path: string, index: number): string {
  return path.replace(/(\/)([^/]+)$/, `$1n${index}-$2`);
}
