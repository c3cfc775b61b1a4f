import { afterEach, describe, expect, test } from 'vitest';

import type { AccessQuery, ErasureCommand, PersonRecord } from '../../src/decision/person-desk.ts';
import { recordOf, START_MS } from '../conformance/ledger/requests.ts';
import { keeping, scripted, startEdge, type RunningEdge } from '../server/support.ts';
import { runCommand } from '../support/command.ts';

let edge: RunningEdge | undefined;

afterEach(async () => {
  await edge?.stop();
  edge = undefined;
});

const ANN: PersonRecord = {
  decisionId: 'dec_1',
  decidedAtMs: START_MS,
  operation: 'reserve',
  effect: 'allow',
  reasonCodes: ['policy.allowed', 'budget.warning'],
  facts: recordOf('acme', { facts: { consent: 'privacy 3' } }).facts,
  settlement: {
    end: 'success',
    amounts: { costMicroUsd: 120_000n, inputTokens: 5n, outputTokens: 7n, invocations: 1n },
    settledAtMs: START_MS + 2_000,
    durationMs: 1_800,
    errorMessage: '',
  },
  person: {
    email: 'ann@example.org',
    externalUserId: '29:ann',
    name: 'Ann',
    session: 's-1',
    sourceIp: '203.0.113.9',
  },
};
const BARE: PersonRecord = {
  ...ANN,
  ...{ decisionId: 'dec_2', effect: 'deny', reasonCodes: ['policy.denied'] },
  settlement: undefined,
  person: { ...ANN.person, externalUserId: '', name: '', session: '', sourceIp: '' },
};

describe('tollgate erase', () => {
  const serving = async (recordsWithUser: number): Promise<readonly ErasureCommand[]> => {
    const asked: ErasureCommand[] = [];
    const personDesk = keeping({
      erase: (command) => {
        asked.push(command);
        const { tenant, actor, by } = command;
        return Promise.resolve({
          event: 'external_agent.personal_data_erased',
          ...{ eventId: 'aud_1', tenant, atMs: START_MS, actor, subject: 'person:x' },
          outcome: 'success',
          details: { by, records: 1_204, keys: 9, records_with_user: recordsWithUser },
        });
      },
    });
    edge = await startEdge(scripted().point, { personDesk });
    return asked;
  };
  const erase = (...args: readonly string[]) =>
    runCommand(['erase', '--address', edge?.server.address ?? '', '--tenant', 'acme', ...args]);

  test('R85 prints how many records were affected', async () => {
    const asked = await serving(3);
    const text = await erase('--email', 'ann@example.org', '--actor', 'op-7', '--yes');
    expect(text).toMatchObject({ exitCode: 0, stderr: '' });
    await expect(text.stdout).toMatchFileSnapshot('golden/erase.txt');
    expect(asked).toMatchObject([
      { tenant: 'acme', by: 'email', value: 'ann@example.org', actor: 'op-7' },
    ]);
    const json = await erase('--external-user-id', '29:ann', '--yes', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ records: '1204', eventId: 'aud_1' });
    expect(asked[1]).toMatchObject({ by: 'external_user_id', value: '29:ann' });
    expect(asked[1]?.requestId).not.toBe(asked[0]?.requestId);
  });

  test('does nothing without --yes, and asks who and where', async () => {
    const asked = await serving(0);
    const hesitant = await erase('--email', 'ann@example.org');
    expect(hesitant).toMatchObject({ exitCode: 2, stdout: '' });
    expect(hesitant.stderr).toContain('--yes');
    expect((await erase('--yes')).stderr).toContain('--email');
    const twice = await erase('--email', 'a@b.c', '--external-user-id', 'x', '--yes');
    expect(twice.stderr).toContain('one of');
    expect((await runCommand(['erase', '--email', 'a@b.c', '--yes'])).stderr).toContain('--tenant');
    expect(asked).toEqual([]);
  });
});

describe('tollgate person', () => {
  test('R86 shows what is kept, page by page', async () => {
    const asked: AccessQuery[] = [];
    const personDesk = keeping({
      records: (query) => {
        asked.push(query);
        const first = query.pageToken === undefined;
        const items = first ? [ANN] : [BARE];
        const nextPageToken = first ? 'next' : undefined;
        return Promise.resolve({ items, nextPageToken, recordsWithUser: 2 });
      },
    });
    edge = await startEdge(scripted().point, { personDesk });
    const words = ['person', '--address', edge.server.address, '--tenant', 'acme'];
    const text = await runCommand([...words, '--email', 'ann@example.org', '--actor', 'op-7']);
    expect(text).toMatchObject({ exitCode: 0, stderr: '' });
    await expect(text.stdout).toMatchFileSnapshot('golden/person.txt');
    expect(asked).toMatchObject([{ actor: 'op-7' }, { pageToken: 'next' }]);

    const json = await runCommand([...words, '--email', 'ann@example.org', '--json']);
    const lines = json.stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { decisionId: 'dec_1', email: 'ann@example.org', consent: 'privacy 3' },
      { decisionId: 'dec_2' },
    ]);
  });
});
