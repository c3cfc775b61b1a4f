import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const LAUNCHER = new URL('../../bin/tollgate', import.meta.url).pathname;
const THIS_MAJOR = Number(process.versions.node.split('.')[0]);

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tollgate-launcher-'));
  await mkdir(join(root, 'bin'));
  await copyFile(LAUNCHER, join(root, 'bin', 'tollgate'));
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

const pin = (major: number) =>
  writeFile(
    join(root, 'package.json'),
    JSON.stringify({ type: 'module', dependencies: { node: `${major}.1.2` } }),
  );

async function build(): Promise<void> {
  await mkdir(join(root, 'dist', 'src'), { recursive: true });
  const program = `console.log('program', ...process.argv.slice(2)); process.exitCode = 3;`;
  await writeFile(join(root, 'dist', 'src', 'main.js'), program);
}

/** Puts a script in the place of the pinned Node. */
async function install(script: string): Promise<void> {
  const folder = join(root, 'node_modules', 'node', 'bin');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, '..', 'package.json'), '{"name":"node"}');
  await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}');
  await writeFile(join(folder, 'node'), `#!${process.execPath}\n${script}`);
  await chmod(join(folder, 'node'), 0o755);
}

const run = (args: readonly string[], nodeOptions: readonly string[] = []) =>
  spawnSync(process.execPath, [...nodeOptions, join(root, 'bin', 'tollgate'), ...args], {
    encoding: 'utf8',
  });

test('On the pinned Node it runs the program, with its arguments and exit code', async () => {
  await Promise.all([pin(THIS_MAJOR), build()]);
  const result = run(['check', 'a b', '--json']);
  expect(result).toMatchObject({ status: 3, stdout: 'program check a b --json\n', stderr: '' });
});

test('It finds the program through links', async () => {
  await Promise.all([pin(THIS_MAJOR), build()]);
  await mkdir(join(root, 'elsewhere'));
  await symlink(join(root, 'bin', 'tollgate'), join(root, 'elsewhere', 'first'));
  await symlink('first', join(root, 'elsewhere', 'second'));
  const result = spawnSync(join(root, 'elsewhere', 'second'), ['status'], { encoding: 'utf8' });
  expect(result).toMatchObject({ status: 3, stdout: 'program status\n' });
});

describe.each([
  ['that can replace itself', []],
  ['that cannot', ['--import', 'data:text/javascript,delete process.execve']],
])('On another Node %s', (_name, nodeOptions) => {
  beforeEach(() => Promise.all([pin(THIS_MAJOR + 1), build()]));

  test('it runs again on the pinned one, with its arguments and exit code', async () => {
    await install(`console.log('pinned', ...process.argv.slice(3)); process.exitCode = 7;`);
    const result = run(['serve', '--try'], nodeOptions);
    expect(result).toMatchObject({ status: 7, stdout: 'pinned serve --try\n' });
  });

  test('a signal reaches the program, and its exit code comes back', async () => {
    await install(`
      process.on('SIGTERM', () => { console.log('stopped'); process.exit(9); });
      setInterval(() => {}, 1_000);
      console.log('ready');`);
    const child = spawn(process.execPath, [...nodeOptions, join(root, 'bin', 'tollgate')]);
    const [ready] = (await once(child.stdout, 'data')) as [Buffer];
    expect(ready.toString()).toBe('ready\n');
    const rest = text(child.stdout);
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exit).toEqual([9, null]);
    expect(await rest).toBe('stopped\n');
  });

  test('and the pinned one missing: it says how to install it', () => {
    const result = run([], nodeOptions);
    expect(result).toMatchObject({ status: 2, stdout: '' });
    expect(result.stderr).toContain(`make -C ${root} install`);
  });
});

test('Not built: it says how to build', async () => {
  await pin(THIS_MAJOR);
  const result = run([]);
  expect(result).toMatchObject({ status: 2, stdout: '' });
  expect(result.stderr).toContain(`make -C ${root} build`);
});
