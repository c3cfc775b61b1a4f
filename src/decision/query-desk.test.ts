import { describe, expect, it } from 'vitest';

import type { RecordQuery } from './record.ts';
import { openQueryDesk, type QueryDeskParts } from './query-desk.ts';

const query = { tenant: 'acme', pageSize: 10, email: 'zoe@example.org' };
const page = { items: [], nextPageToken: undefined };

function deskWith(emailIndex: QueryDeskParts['persons']['emailIndex']) {
  const asked: RecordQuery[] = [];
  const parts = {
    config: { current: () => ({ tenants: new Map([['acme', {}]]) }) },
    persons: { emailIndex },
    lineage: {
      list: (given: RecordQuery) => {
        asked.push(given);
        return Promise.resolve(page);
      },
    },
  };
  return { desk: openQueryDesk(parts as unknown as QueryDeskParts), asked };
}

describe('queries of the record', () => {
  it('R57 the store is asked for the index of an e-mail address, never for the address', async () => {
    const { desk, asked } = deskWith((tenant, email) => `index of ${email.length} for ${tenant}`);
    expect(await desk.decisions(query)).toBe(page);
    expect(asked).toEqual([{ tenant: 'acme', pageSize: 10, emailIndex: 'index of 15 for acme' }]);
  });

  it('R57 while the key of personal data is not known, nobody is found and that is said', async () => {
    const { desk, asked } = deskWith(() => undefined);
    const answer = await desk.decisions(query);
    expect(answer).toMatchObject({ kind: 'unavailable' });
    expect(JSON.stringify(answer)).not.toContain('zoe');
    expect(asked).toEqual([]);
  });

  it('R76 a tenant that is not configured asks nothing', async () => {
    const { desk, asked } = deskWith(() => 'index');
    expect(await desk.decisions({ ...query, tenant: 'other' })).toEqual({ kind: 'unknown_tenant' });
    expect(asked).toEqual([]);
  });
});
