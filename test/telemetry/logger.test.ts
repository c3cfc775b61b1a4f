import { describe, expect, test } from 'vitest';
import { A_PERSON, aDecision, aRecord } from '../journal/records.ts';
import { keptLog } from './lines.ts';

const SECRETS = Object.values(A_PERSON);

describe('the log', () => {
  test('never carries personal data, even when a whole decision record is logged by mistake (R67, R86)', () => {
    const log = keptLog('debug');
    const record = { ...aRecord(1), personal: A_PERSON };
    log.logger.info({ record }, `about ${A_PERSON.email}`);
    log.logger.info({ deep: [{ list: [{ record }] }] }, 'nested');
    log.logger.error({ err: new Error('no such user: alice@example.com') }, 'failed');
    expect(log.lines).toHaveLength(3);
    for (const secret of SECRETS) expect(log.text).not.toContain(secret);
    expect(log.text).toContain(record.decision.decisionId);
  });

  test('never carries a secret, whatever the key is called and wherever it stands (R67)', () => {
    const log = keptLog('info');
    const secret = 'hunter2-and-more';
    log.logger.info({
      password: secret,
      authorization: `Bearer ${secret}`,
      headers: { Authorization: secret, 'API-Key': secret, cookie: secret },
      settings: { token_key: secret, tokenKey: secret, list: [{ token: secret }] },
    });
    log.logger.warn({ problem: `connect to postgres://tollgate:${secret}@db:5432/x failed` });
    log.logger.warn(`redis://:${secret}@cache:6379 refused`);
    log.logger.child({ token: secret }).info({ password: secret }, 'child');
    expect(log.text).not.toContain(secret);
    expect(log.text).toContain('@db:5432/x failed');
    for (const line of log.lines) expect(line).toHaveProperty('level');
  });

  test('says an error with its kind, message and cause, and nothing else that hangs on it', () => {
    const log = keptLog('info');
    const cause = new Error('connection refused');
    const error = Object.assign(new TypeError('query failed', { cause }), {
      request: { body: 'what a caller sent' },
    });
    log.logger.error({ err: error }, 'store');
    expect(log.lines[0]).toMatchObject({
      err: { type: 'TypeError', message: 'query failed', cause: { message: 'connection refused' } },
    });
    expect(log.text).not.toContain('what a caller sent');
  });

  test('writes 64-bit numbers and survives what refers to itself', () => {
    const log = keptLog('info');
    const circle: Record<string, unknown> = { spent: 12n };
    circle.self = circle;
    log.logger.info({ circle }, 'round');
    expect(log.lines[0]).toMatchObject({ circle: { spent: '12' } });
  });

  test('keeps the lines of a decision whole JSON when an address is taken out of them', () => {
    const log = keptLog('info');
    log.logger.info({ scope: 'user:alice@example.com', quoted: 'say "bob@example.org"!\n' });
    expect(log.lines[0]).toMatchObject({ scope: 'user:[redacted]', quoted: 'say "[redacted]"!\n' });
    expect(aDecision(1).decisionId).toMatch(/^dec_/);
  });
});
