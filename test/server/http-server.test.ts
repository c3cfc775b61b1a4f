import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  startHttpServer,
  type HttpServer,
  type HttpServerOptions,
} from '../../src/server/http-server.ts';
import { keptLog } from './support.ts';

let server: HttpServer | undefined;
afterEach(() => server?.close());

async function start(options: Partial<HttpServerOptions> = {}): Promise<string> {
  server = await startHttpServer({
    listen: '127.0.0.1:0',
    allowInsecure: false,
    metrics: () => Promise.resolve('tollgate_decisions_total 3\n'),
    readiness: () => Promise.resolve({ healthy: true, services: {} }),
    log: keptLog().log,
    ...options,
  });
  return `http://${server.address}`;
}

describe('the pages for operators', () => {
  it('R77: /metrics gives what the registry gives', async () => {
    const response = await fetch(`${await start()}/metrics?x=1`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('version=0.0.4');
    expect(await response.text()).toBe('tollgate_decisions_total 3\n');
  });

  it('R74: /readyz says each part, and 503 when one is away', async () => {
    const services = {
      database: 'connected',
      redis: 'connected',
      external_agents: 'enabled',
    };
    let healthy = true;
    const url = await start({
      readiness: () =>
        Promise.resolve({
          healthy,
          services: healthy ? services : { ...services, redis: 'disconnected' },
        }),
    });
    const ready = await fetch(`${url}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({ status: 'healthy', services });
    healthy = false;
    const away = await fetch(`${url}/readyz`);
    expect(away.status).toBe(503);
    expect(await away.json()).toEqual({
      status: 'unhealthy',
      services: { ...services, redis: 'disconnected' },
    });
  });

  it('R74: /healthz answers while nothing else does', async () => {
    const away = (): Promise<never> => Promise.reject(new Error('store bob@example.com away'));
    const { log, lines } = keptLog();
    const url = await start({ metrics: away, readiness: away, log });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.text()).not.toContain('store');
    expect((await fetch(`${url}/metrics`)).status).toBe(503);
    expect(lines).toHaveLength(2);
    expect(JSON.stringify(lines)).not.toContain('bob@');
  });

  it('anything else is refused with what to ask for', async () => {
    const url = await start();
    const missing = await fetch(`${url}/admin`);
    expect(missing.status).toBe(404);
    expect(await missing.text()).toContain('/metrics');
    const posted = await fetch(`${url}/metrics`, { method: 'POST', body: 'x'.repeat(100_000) });
    expect(posted.status).toBe(405);
    expect(posted.headers.get('allow')).toBe('GET, HEAD');
    expect((await fetch(`${url}/healthz`, { method: 'HEAD' })).status).toBe(200);
  });

  it('long headers and garbage are refused, and it still answers', async () => {
    const url = await start();
    const long = await fetch(`${url}/healthz`, { headers: { x: 'y'.repeat(9_000) } });
    expect(long.status).toBe(431);
    const { hostname, port } = new URL(url);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write('\u0000\u0001garbage\r\n\r\n'),
      );
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      socket.on('close', () => resolve(text));
    });
    expect(answer).toContain('400 Bad Request');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('R91: an address that other machines reach is refused', async () => {
    await expect(start({ listen: '0.0.0.0:0' })).rejects.toThrow(/without TLS/);
  });
});
