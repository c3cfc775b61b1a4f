import { afterEach, describe, expect, it } from 'vitest';

import type { PersonDesk } from '../../src/decision/person-desk.ts';
import {
  ErasePersonRequest,
  GetPersonRecordsRequest,
  ListAuditEventsRequest,
} from '../../src/gen/tollgate/v1/record_service.ts';
import { ask, DECIDED_AT_MS, failureOf, keeping, scripted, startEdge } from './support.ts';
import type { RunningEdge } from './support.ts';

const ERASURE = { requestId: 'r-1', tenant: 'acme', email: 'zoe@example.org', actor: 'op-7' };

let edge: RunningEdge | undefined;

afterEach(async () => {
  await edge?.stop();
  edge = undefined;
});

async function serving(answers: Partial<PersonDesk> = {}) {
  edge = await startEdge(scripted().point, { personDesk: keeping(answers) });
  const { records } = edge;
  return {
    erase: (change: Parameters<typeof ErasePersonRequest.fromPartial>[0] = {}) => {
      const request = ErasePersonRequest.fromPartial({ ...ERASURE, ...change });
      return ask(records, records.erasePerson, request);
    },
    about: (change: Parameters<typeof GetPersonRecordsRequest.fromPartial>[0] = {}) => {
      const { requestId: _requestId, ...whom } = ERASURE;
      const request = GetPersonRecordsRequest.fromPartial({ ...whom, ...change });
      return ask(records, records.getPersonRecords, request);
    },
    events: (change: Parameters<typeof ListAuditEventsRequest.fromPartial>[0] = {}) => {
      const request = ListAuditEventsRequest.fromPartial({ tenant: 'acme', ...change });
      return ask(records, records.listAuditEvents, request);
    },
  };
}

describe('RecordService', () => {
  it.each([
    [{ email: '' }, { email: /exactly one of/ }],
    [{ externalUserId: 'x' }, { external_user_id: /exactly one of/ }],
    [{ email: 'zoe.example.org' }, { email: /must be an e-mail address/ }],
    [{ email: 'zoe @example.org' }, { email: /must be an e-mail address/ }],
    [{ email: `${'z'.repeat(320)}@example.org` }, { email: /at most 320/ }],
    [{ email: '', externalUserId: 'z'.repeat(257) }, { external_user_id: /at most 256/ }],
    [{ actor: '' }, { actor: /is required/ }],
    [{ actor: 'op@example.org' }, { actor: /without @/ }],
    [
      { requestId: '', tenant: 'a b' },
      { request_id: /is required/, tenant: /1 to 128/ },
    ],
  ])('%j: every wrong field is named and no value is repeated', async (change, wrong) => {
    const { erase } = await serving();
    const failure = await failureOf(erase(change));
    expect(failure.code).toBe(3);
    expect(Object.keys(failure.violations).toSorted()).toEqual(Object.keys(wrong).toSorted());
    for (const [field, words] of Object.entries(wrong)) {
      expect(failure.violations[field]).toMatch(words);
    }
    expect(JSON.stringify(failure)).not.toMatch(/zoe|op@|zzz/);
    expect(edge?.lines).toEqual([]);
  });

  it('pages and times are checked', async () => {
    const { about, events } = await serving();
    expect((await failureOf(about({ pageSize: 1_001 }))).violations).toHaveProperty('page_size');
    const { violations } = await failureOf(
      events({ event: 'nonsense', from: new Date(2), to: new Date(1), pageSize: -1 }),
    );
    expect(Object.keys(violations).toSorted()).toEqual(['event', 'page_size', 'to']);
  });

  it('refusals read as everywhere', async () => {
    const { erase, about } = await serving({
      erase: () => Promise.resolve({ kind: 'conflict' }),
      records: () => Promise.resolve({ kind: 'unknown_tenant' }),
    });
    expect(await failureOf(erase())).toMatchObject({ code: 6, reason: 'REQUEST_ID_REUSED' });
    expect(await failureOf(about())).toMatchObject({ code: 5, reason: 'TENANT_UNKNOWN' });
  });

  it('R70 events are told with their details', async () => {
    const { events } = await serving({
      auditEvents: (query) =>
        Promise.resolve({
          items: [
            {
              event: 'external_agent.authentication_failed',
              ...{ eventId: 'aud_1', tenant: query.tenant, atMs: DECIDED_AT_MS },
              ...{ actor: 'gateway-1', subject: 'agent:crm', outcome: 'failure' },
              details: { method: 'mtls', problem: 'expired' },
            },
          ],
          nextPageToken: 'next',
        }),
    });
    expect(await events({ event: 'external_agent.authentication_failed' })).toMatchObject({
      events: [
        {
          ...{ eventId: 'aud_1', event: 'external_agent.authentication_failed' },
          ...{ actor: 'gateway-1', outcome: 'failure', at: new Date(DECIDED_AT_MS) },
          details: { method: 'mtls', problem: 'expired' },
        },
      ],
      nextPageToken: 'next',
    });
  });
});
