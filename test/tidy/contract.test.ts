import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

import { projectRoot, ScratchProject } from './scratch-project.ts';

const run = promisify(execFile);

const landed = `syntax = "proto3";
package tollgate.v1;
message Call {
  string agent_id = 1;
  string tenant = 2;
}
`;

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

/** Records `landed` as the landed contract, then asks the guard about what it has become. */
async function guard(command: string, now: string, settings = {}): Promise<Outcome> {
  using project = new ScratchProject({ 'landed/call.proto': landed, 'now/call.proto': now });
  const image = join(project.root, 'landed.binpb');
  const contract = (folder: string, step: string, more = {}) =>
    run(join(projectRoot, 'scripts/contract.sh'), [step], {
      env: {
        ...process.env,
        CONTRACT_PROTO: join(project.root, folder),
        CONTRACT_LANDED: image,
        ...more,
      },
    });
  await contract('landed', 'record');
  return await contract('now', command, settings).then(
    ({ stdout, stderr }) => ({ exitCode: 0, output: stdout + stderr }),
    (error: unknown) => {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { exitCode: code, output: stdout + stderr };
    },
  );
}

const withoutTenant = landed.replace('  string tenant = 2;\n', '');
const withRegion = landed.replace('}', '  string region = 3;\n}');

test('an unchanged contract passes', async () => {
  expect(await guard('check', landed)).toEqual({ exitCode: 0, output: '' });
});

test('a field taken away from the landed contract is refused by its number and name', async () => {
  const { exitCode, output } = await guard('check', withoutTenant);
  expect(exitCode).toBe(1);
  expect(output).toContain('Previously present field "2" with name "tenant"');
});

test('a breaking contract is not recorded as landed unless it is said to be accepted', async () => {
  expect((await guard('record', withoutTenant)).exitCode).toBe(1);
  expect((await guard('record', withoutTenant, { ACCEPT_BREAKING: '1' })).exitCode).toBe(0);
});

test('a contract that has grown has to be recorded, so that the new field is guarded too', async () => {
  const { exitCode, output } = await guard('check', withRegion);
  expect(exitCode).toBe(1);
  expect(output).toContain('make contract-landed');
  expect((await guard('record', withRegion)).exitCode).toBe(0);
});
