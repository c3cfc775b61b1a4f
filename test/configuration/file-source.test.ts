import { hash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import {
  appendFile,
  mkdir,
  mkdtemp,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BUILT_IN_DEFAULTS } from '../../src/configuration/environment-defaults.ts';
import { openFileSource } from '../../src/configuration/file-source.ts';
import { ConfigurationError, problemText } from '../../src/configuration/problem.ts';
import type { ConfigSource } from '../../src/decision/ports.ts';
import type { Snapshot } from '../../src/decision/snapshot.ts';
import { ManualClock } from '../../src/lib/clock.ts';

/** A change is in force within a second (R18). */
const IN_FORCE_MS = 1000;
const NOW_MS = Date.parse('2026-11-21T12:00:00Z');

const right = (tenant: string, more = ''): string =>
  `version: 1\ntenants: [{ id: ${tenant} }]\n${more}`;
const BROKEN = 'version: 1\ntenants: [{ id: acme, nmae: Acme }]\n';

let folder: string;
let path: string;
let source: ConfigSource | undefined;
let loads: Snapshot[];
let refusals: ConfigurationError[];
let clock: ManualClock;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-configuration-'));
  path = join(folder, 'tollgate.yaml');
  loads = [];
  refusals = [];
  clock = new ManualClock(NOW_MS);
});

afterEach(async () => {
  await source?.close();
  source = undefined;
  await rm(folder, { recursive: true });
});

async function open(text: string): Promise<ConfigSource> {
  await writeFile(path, text);
  return opened();
}

async function opened(): Promise<ConfigSource> {
  source = await openFileSource({
    path,
    environmentDefaults: BUILT_IN_DEFAULTS,
    clock,
    onLoad: (snapshot) => loads.push(snapshot),
    onRefusal: (error) => refusals.push(error),
  });
  return source;
}

const tenantsOf = (from: ConfigSource): readonly string[] => [...from.current().tenants.keys()];

async function inForceWithinASecond(from: ConfigSource, tenant: string): Promise<void> {
  await vi.waitFor(() => expect(tenantsOf(from)).toEqual([tenant]), {
    timeout: IN_FORCE_MS,
    interval: 10,
  });
}

async function refusedWithinASecond(times = 1): Promise<void> {
  await vi.waitFor(() => expect(refusals).toHaveLength(times), {
    timeout: IN_FORCE_MS,
    interval: 10,
  });
}

describe('a configuration file', () => {
  it('is in force when it is opened, with a revision that names its content', async () => {
    const from = await open(right('acme'));
    expect(loads).toEqual([from.current()]);
    const digest = hash('sha256', right('acme')).slice(0, 8);
    expect(from.current().revision).toBe(`${from.current().revisionNumber}-${digest}`);
    expect(from.current().loadedAtMs).toBe(NOW_MS);
    expect(from.refusal()).toBe('');
  });

  it('must be right when it is opened, because there is nothing to fall back to', async () => {
    const error: unknown = await open(BROKEN).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems.map(problemText)).toEqual([
      `${path}:2:23: tenants[0].nmae: unknown key "nmae"; did you mean "name"?`,
    ]);
    expect((error as ConfigurationError).message).toContain('did you mean "name"?');
  });

  it.each([
    ['is not there', async () => {}, 'there is no such file'],
    ['is a folder', () => mkdir(path), 'expected a file'],
    [
      'is no text',
      () => writeFile(path, Buffer.from([0xff, 0xfe, 0xfd])),
      'the file is not UTF-8 text',
    ],
  ])('is refused when it %s', async (_what, prepare, said) => {
    await prepare();
    await expect(opened()).rejects.toThrow(`${path}:1:1: ${said}`);
  });
});

describe('a change of the configuration file is in force within a second (R18)', () => {
  it('when it is written in place', async () => {
    const from = await open(right('before'));
    await writeFile(path, right('after'));
    await inForceWithinASecond(from, 'after');
    expect(loads).toHaveLength(2);
    expect(loads[1]!.revisionNumber).toBeGreaterThan(loads[0]!.revisionNumber);
  });

  it('when another file is renamed over it, also one with an older time', async () => {
    const from = await open(right('before'));
    const next = join(folder, 'next.yaml');
    await writeFile(next, right('after'));
    await utimes(next, 1, 1);
    await rename(next, path);
    await inForceWithinASecond(from, 'after');
    expect(loads[1]!.revisionNumber).toBe(loads[0]!.revisionNumber + 1n);
  });

  it('when a link on the way to it moves, as Kubernetes does with a ConfigMap', async () => {
    for (const name of ['before', 'after']) {
      await mkdir(join(folder, `..${name}`));
      await writeFile(join(folder, `..${name}`, 'tollgate.yaml'), right(name));
    }
    await symlink('..before', join(folder, '..data'));
    await symlink('..data/tollgate.yaml', path);
    const from = await opened();
    expect(tenantsOf(from)).toEqual(['before']);

    await symlink('..after', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    await rm(join(folder, '..before'), { recursive: true });
    await inForceWithinASecond(from, 'after');
    expect(refusals).toEqual([]);
  });
});

describe('a configuration file too large to be read between two decisions', () => {
  const LARGE = `# ${'-'.repeat(90)}\n`.repeat(500);
  /** A thread has to start first, on a machine that may be busy. */
  const LARGE_MS = 10_000;

  it('is taken up and refused like any other', async () => {
    const from = await open(right('before'));
    await writeFile(path, right('after', LARGE));
    await vi.waitFor(() => expect(tenantsOf(from)).toEqual(['after']), { timeout: LARGE_MS });
    await writeFile(path, `${LARGE}${BROKEN}`);
    await vi.waitFor(() => expect(refusals).toHaveLength(1), { timeout: LARGE_MS });
    expect(from.refusal()).toBe(
      `${path}:502:23: tenants[0].nmae: unknown key "nmae"; did you mean "name"?`,
    );
  });

  /** A source that has begun to read the large file, and has not got far. */
  async function reading(): Promise<ConfigSource> {
    const from = await open(right('before'));
    const asked = vi.spyOn(clock, 'nowMs');
    await writeFile(path, right('large', LARGE));
    await vi.waitFor(() => expect(asked).toHaveBeenCalled(), { timeout: LARGE_MS, interval: 1 });
    return from;
  }

  it('is never in force when the file changes meanwhile', async () => {
    const from = await reading();
    await writeFile(path, right('after'));
    await vi.waitFor(() => expect(tenantsOf(from)).toEqual(['after']), { timeout: LARGE_MS });
    expect(loads.map(({ tenants }) => [...tenants.keys()])).toEqual([['before'], ['after']]);
    expect(refusals).toEqual([]);
  });

  it('is given up when the source is closed meanwhile, and nobody is told', async () => {
    const from = await reading();
    await from.close();
    expect(tenantsOf(from)).toEqual(['before']);
    expect(loads).toHaveLength(1);
    expect(refusals).toEqual([]);
    expect(from.refusal()).toBe('');
  });
});

describe('a broken change of the configuration file', () => {
  it('is refused loudly, with every problem, and the last good revision stays', async () => {
    const from = await open(right('good'));
    const before = from.current();
    await writeFile(path, `${BROKEN}limits: {}\n`);
    await refusedWithinASecond();
    expect(from.current()).toBe(before);
    expect(refusals[0]!.problems).toHaveLength(2);
    expect(from.refusal()).toBe(refusals[0]!.message);
  });

  it('is over when the file is right again, also as it was', async () => {
    const from = await open(right('good'));
    const before = from.current();
    await writeFile(path, BROKEN);
    await refusedWithinASecond();
    await writeFile(path, right('good'));
    await vi.waitFor(() => expect(from.refusal()).toBe(''), { timeout: IN_FORCE_MS });
    expect(from.current()).toBe(before);
    expect(loads).toHaveLength(1);
  });

  it('is refused when the file is gone', async () => {
    const from = await open(right('good'));
    await rm(path);
    await refusedWithinASecond();
    expect(from.refusal()).toBe(`${path}:1:1: there is no such file`);
    expect(tenantsOf(from)).toEqual(['good']);
  });

  it('is refused when its revision does not grow', async () => {
    const from = await open(right('good', 'revision: 7\n'));
    expect(from.current().revisionNumber).toBe(7n);
    await writeFile(path, right('older', 'revision: 6\n'));
    await refusedWithinASecond();
    expect(from.refusal()).toBe(
      `${path}:3:11: revision: must grow with every change: expected more than 7, which is in force`,
    );
    await writeFile(path, right('newer', 'revision: 8\n'));
    await inForceWithinASecond(from, 'newer');
    expect(from.current().revisionNumber).toBe(8n);
  });
});

describe('a configuration file that is still being written', () => {
  it('is never used in part, although each part would be a right file', async () => {
    const from = await open(right('before'));
    await writeFile(path, 'version: 1\ntenants:\n');
    const written: string[] = [];
    // Slower than one look after the other would be, faster than two looks that agree.
    await new Promise<void>((resolve, reject) => {
      const timer = setInterval(() => {
        written.push(`t${written.length}`);
        appendFile(path, `  - { id: ${written.at(-1)!} }\n`).catch(reject);
        if (written.length < 10) return;
        clearInterval(timer);
        resolve();
      }, 100);
    });
    await vi.waitFor(() => expect(tenantsOf(from)).toEqual(written), { timeout: IN_FORCE_MS });
    expect(loads).toHaveLength(2);
    expect(refusals).toEqual([]);
  });

  it('is refused loudly when it does not stop changing', async () => {
    const from = await open(right('good'));
    const timer = setInterval(() => {
      appendFileSync(path, '# and on\n');
    }, 100);
    try {
      await vi.waitFor(() => expect(refusals).toHaveLength(1), { timeout: 6000 });
    } finally {
      clearInterval(timer);
    }
    expect(from.refusal()).toContain('the file does not stop changing');
    await writeFile(path, right('settled'));
    await inForceWithinASecond(from, 'settled');
    expect(from.refusal()).toBe('');
  });
});

describe('closing', () => {
  it('ends the watch, and nothing changes any more', async () => {
    const from = await open(right('before'));
    await from.close();
    await writeFile(path, right('after'));
    const second = await openFileSource({
      path,
      environmentDefaults: BUILT_IN_DEFAULTS,
      clock: new ManualClock(NOW_MS),
      onLoad: () => {},
      onRefusal: () => {},
    });
    // Another source that takes up a change shows that the first had the time to.
    await writeFile(path, right('later'));
    await inForceWithinASecond(second, 'later');
    await second.close();
    expect(tenantsOf(from)).toEqual(['before']);
  });
});
