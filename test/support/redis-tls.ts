import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { RedisServer } from './redis-server.ts';
import { startRedisServer } from './redis-server.ts';

export interface RedisTlsOptions {
  /** Whether Redis turns away who shows no certificate of the authority. Default false. */
  readonly requireClientCertificate?: boolean;
}

const run = promisify(execFile);

/** Longer than any test. */
const DAYS = '2';

/**
 * Starts a redis-server that speaks TLS only, with a certificate authority, a certificate for
 * 127.0.0.1 and localhost, and one for a client, made by openssl. Use it with `await using`: it
 * ends as a server does, and the certificates are removed.
 */
export async function startRedisTls(options: RedisTlsOptions = {}): Promise<RedisTls> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'tollgate-redis-tls-'));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  await makeCertificates(directory);
  const clients = options.requireClientCertificate === true ? 'yes' : 'no';
  const args = (port: number): readonly string[] => [
    ...['--port', '0', '--tls-port', String(port), '--tls-auth-clients', clients],
    ...['--tls-ca-cert-file', certificateOf(directory, 'ca')],
    ...['--tls-cert-file', certificateOf(directory, 'server')],
    ...['--tls-key-file', keyOf(directory, 'server')],
  ];
  const server = opened.use(await startRedisServer({ args }));
  return new RedisTls(server, directory, opened.move());
}

export class RedisTls implements AsyncDisposable {
  /** To kill, freeze and ask. Its own URL is of no use: the port speaks TLS. */
  readonly server: RedisServer;
  readonly #directory: string;
  readonly #opened: AsyncDisposableStack;

  constructor(server: RedisServer, directory: string, opened: AsyncDisposableStack) {
    this.server = server;
    this.#directory = directory;
    this.#opened = opened;
  }

  get url(): string {
    return `rediss://127.0.0.1:${this.server.port}`;
  }

  /** The certificate of the authority, as are all in PEM. */
  get caPath(): string {
    return certificateOf(this.#directory, 'ca');
  }

  /** The certificate of a client. */
  get certPath(): string {
    return certificateOf(this.#directory, 'client');
  }

  /** The key of the client's certificate. */
  get keyPath(): string {
    return keyOf(this.#directory, 'client');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

type Holder = 'ca' | 'server' | 'client';

function certificateOf(directory: string, holder: Holder): string {
  return join(directory, `${holder}.crt`);
}

function keyOf(directory: string, holder: Holder): string {
  return join(directory, `${holder}.key`);
}

async function makeCertificates(directory: string): Promise<void> {
  const byAuthority = ['-CA', certificateOf(directory, 'ca'), '-CAkey', keyOf(directory, 'ca')];
  const noAuthority = [...byAuthority, '-addext', 'basicConstraints=critical,CA:FALSE'];
  await makeCertificate(directory, 'ca', ['-addext', 'keyUsage=critical,keyCertSign,cRLSign']);
  await makeCertificate(directory, 'server', [
    ...noAuthority,
    ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
    ...['-addext', 'extendedKeyUsage=serverAuth'],
  ]);
  await makeCertificate(directory, 'client', [
    ...noAuthority,
    ...['-addext', 'extendedKeyUsage=clientAuth'],
  ]);
}

/** @throws Error with what openssl (3 or later) said, also when there is none. */
async function makeCertificate(
  directory: string,
  holder: Holder,
  more: readonly string[],
): Promise<void> {
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'],
    ...['-days', DAYS, '-subj', `/CN=tollgate test ${holder}`],
    ...['-keyout', keyOf(directory, holder), '-out', certificateOf(directory, holder)],
    ...more,
  ]);
}
