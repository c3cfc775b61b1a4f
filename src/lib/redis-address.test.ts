import { describe, expect, it } from 'vitest';

import { maskedRedisAddress, parseRedisAddress } from './redis-address.ts';

describe('an address of Redis', () => {
  it.each([
    'redis://localhost:6379/0',
    'rediss://a:b@host',
    'unix:///run/redis.sock',
    '/run/r.sock',
  ])('of one server is kept as it is: %s', (url) => {
    expect(parseRedisAddress(url)).toEqual({ kind: 'single', url });
  });

  it('of sentinels names them, the primary and the account', () => {
    expect(
      parseRedisAddress('rediss+sentinel://app:p%40ss@one:26380,two,[::1]:7/windows/3'),
    ).toEqual({
      kind: 'sentinel',
      nodes: [
        { host: 'one', port: 26_380 },
        { host: 'two', port: 26_379 },
        { host: '::1', port: 7 },
      ],
      user: 'app',
      password: 'p@ss',
      tls: true,
      name: 'windows',
      database: 3,
    });
  });

  it('of a cluster names some of its nodes', () => {
    expect(parseRedisAddress('redis+cluster://one:7000,two:7001')).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'one', port: 7_000 },
        { host: 'two', port: 7_001 },
      ],
      user: '',
      password: '',
      tls: false,
    });
  });

  it.each([
    'http://host',
    'localhost',
    'redis+sentinel://one',
    'redis+sentinel://one/name/x',
    'redis+cluster://one:99999',
    'redis+cluster://one/0',
    'redis+cluster://',
    'redis+ring://one',
  ])('is refused when it is none: %s', (text) => {
    expect(parseRedisAddress(text)).toBeUndefined();
  });

  it('is told without its password', () => {
    expect(maskedRedisAddress('redis+cluster://app:secret@one:1,two:2', '***')).toBe(
      'redis+cluster://app:***@one:1,two:2',
    );
    expect(maskedRedisAddress('redis+cluster://one:1', '***')).toBe('redis+cluster://one:1');
  });
});
