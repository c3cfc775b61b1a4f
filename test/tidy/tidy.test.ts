import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { projectRoot } from './scratch-project.ts';

const maxLinesInSourceFile = 400;
const maxColumns = 100;

interface TidyFile {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

const written = new Set(
  '.ts .js .cjs .mjs .sql .lua .proto .sh .yaml .yml .json .md .py .go .java .toml .tpl'.split(' '),
);
/** Written by programs, or by others, or (this folder) naming what it forbids. */
const foreign =
  /^(src\/gen|proto\/(google|envoy)|examples\/.*\.csv|package-lock\.json|test\/tidy)\b/;

/** Everything that is or would be committed and that people of this project wrote. */
const files: readonly TidyFile[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard'],
  { cwd: projectRoot, encoding: 'utf8' },
)
  .split('\n')
  .filter((path) => written.has(extname(path)) || /^(Makefile|Dockerfile|bin\/|\.ci\/)/.test(path))
  .filter((path) => !foreign.test(path))
  .flatMap(readTidyFile);

/** A file that git still lists and that was just deleted is no file. */
function readTidyFile(path: string): TidyFile[] {
  try {
    const text = readFileSync(join(projectRoot, path), 'utf8');
    return [{ path, text, lines: text.split('\n') }];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function inFolder(folder: string, ...endings: string[]): readonly TidyFile[] {
  return files.filter(
    ({ path }) => path.startsWith(folder) && endings.some((ending) => path.endsWith(ending)),
  );
}

/** @returns `path:line: text` for each line that the rule objects to. */
function offendingLines(among: readonly TidyFile[], objects: (line: string) => boolean): string[] {
  return among.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => (objects(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

const code = inFolder('', '.ts', '.js', '.cjs', '.sql', '.lua', '.proto', '.sh');
const tests = files.filter(({ path }) => /^test\/.*\.ts$|\.test\.ts$/.test(path));

/** Each rule as a test of one line, so that a canary can show that it objects. */
const unfinished = (line: string) => /\b(TODO|FIXME|XXX)\b/.test(line);
const narrowedTest = (line: string) =>
  /\b(describe|test|it|suite)(\.\w+)*\.(skip|only|todo|fails|skipIf|runIf)\b/.test(line);
const machinePath = (line: string) => /(^|[^\w.-])\/(root|home|work)\//.test(line);
/** A text is not broken to please a column: its quotes count, what is between them does not. */
const withoutTexts = (line: string) => line.replace(/'[^']*'|"[^"]*"|`[^`]*`/g, "''");
const bareRegExp = (line: string) => /^\s*\/[^/*]/.test(line);
const tooLong = (line: string) =>
  withoutTexts(line).length > maxColumns && !/https?:\/\//.test(line) && !bareRegExp(line);
/** Text that goes elsewhere, for example into a page of docs/, is as wide as it has to be there. */
const withoutTemplates = (file: TidyFile): TidyFile => {
  const text = file.text.replace(/`(?:\\.|[^`\\])*`/gs, (template) => template.replace(/./g, ''));
  return { ...file, text, lines: text.split('\n') };
};
const vagueName = (name: string) => /(Manager|Helper|Util)s?(?![a-z])/.test(name);
const vagueDeclaration = (line: string) =>
  vagueName(/\b(?:class|interface|type|function|const)\s+(\w+)/.exec(line)?.[1] ?? '');
const vagueFile = (path: string) => /(^|-)(manager|helper|util)s?\./i.test(basename(path));

describe('each rule objects to what it forbids and to nothing near it', () => {
  test.each([
    ['unfinished work', unfinished, '// TODO later', 'const todoList = [];'],
    ['a narrowed test', narrowedTest, "test.only('x', () => {});", "test('only', () => {});"],
    ['a narrowed group', narrowedTest, 'describe.concurrent.skip(', 'reader.skip(3);'],
    ['a machine path', machinePath, "open('/home/me/file')", 'src/home/file.ts'],
    ['a long line', tooLong, 'x'.repeat(101), `// https://example.org/${'x'.repeat(100)}`],
    ['a vague name', vagueDeclaration, 'export class BudgetManager {', 'const utilization = 1;'],
    ['a vague file', vagueFile, 'src/lib/string-utils.ts', 'src/budgets/utilization.ts'],
  ])('%s', (_name, objects, bad, good) => {
    expect(objects(bad)).toBe(true);
    expect(objects(good)).toBe(false);
  });
});

test('there are files to look at', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(code.length).toBeGreaterThan(30);
});

test('nothing is left unfinished', () => {
  expect(offendingLines(files, unfinished)).toEqual([]);
});

test('no test is skipped, singled out, or waiting to be written', () => {
  expect(offendingLines(tests, narrowedTest)).toEqual([]);
});

test('no file knows a path of the machine it was written on', () => {
  expect(offendingLines(files, machinePath)).toEqual([]);
});

test(`no source file is longer than ${maxLinesInSourceFile} lines`, () => {
  const long = inFolder('src/', '.ts', '.sql', '.lua').filter(
    ({ lines }) => lines.length > maxLinesInSourceFile,
  );
  expect(long.map(({ path, lines }) => `${path}: ${lines.length}`)).toEqual([]);
});

test(`no line of TypeScript is wider than ${maxColumns} columns`, () => {
  expect(offendingLines(inFolder('', '.ts').map(withoutTemplates), tooLong)).toEqual([]);
});

test('no file, type or function hides behind a vague name', () => {
  expect(offendingLines(inFolder('', '.ts'), vagueDeclaration)).toEqual([]);
  expect(files.map(({ path }) => path).filter(vagueFile)).toEqual([]);
});

test('every Lua script has a header, and says in it which KEYS and ARGV it takes', () => {
  const bare = inFolder('src/', '.lua').filter(({ text }) => {
    const header = /^(--.*\n)+/.exec(text)?.[0] ?? '';
    const body = text.slice(header.length);
    const used = ['KEYS', 'ARGV'].filter((name) => body.includes(`${name}[`));
    return header === '' || used.some((name) => !header.includes(name));
  });
  expect(bare.map(({ path }) => path)).toEqual([]);
});

test('every SQL file begins with a comment that says what it does', () => {
  const bare = inFolder('src/', '.sql').filter(({ text }) => !/^(--|\/\*)/.test(text));
  expect(bare.map(({ path }) => path)).toEqual([]);
});

test('the lock file and npm’s settings name no registry', () => {
  const lock = readFileSync(join(projectRoot, 'package-lock.json'), 'utf8');
  const npmrc = readFileSync(join(projectRoot, '.npmrc'), 'utf8');
  expect(lock).not.toContain('"resolved"');
  expect(npmrc).not.toMatch(/registry\s*=\s*http|:\/\//);
});

test('the lock file knows the packages of every platform, without which npm ci refuses it', () => {
  const lock = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const known = new Set(
    Object.keys(lock.packages).map((path) => path.split('node_modules/').at(-1)),
  );
  const missing = Object.values(lock.packages)
    .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
    .filter((name) => !known.has(name));
  expect(missing).toEqual([]);
});

test('every package is pinned to one version', () => {
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    devDependencies: Record<string, string>;
  };
  const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  expect(loose).toEqual([]);
});
