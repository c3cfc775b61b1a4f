import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** Stands between a client and a server on loopback, and cuts connections when it is told to. */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /**
   * From now on every answer of the server that comes next on a connection is thrown away, and the
   * connection with it: the server has done what it was asked, and nobody hears of it. Once for
   * each connection that is open now.
   */
  cutNextAnswers(): number;
}

export async function startCuttingProxy(serverPort: number): Promise<CuttingProxy> {
  const pairs = new Set<{ client: Socket; server: Socket; cut: boolean }>();
  const proxy = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1');
    const pair = { client, server, cut: false };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => {
      if (pair.cut) end();
      else client.write(bytes);
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    port: (proxy.address() as AddressInfo).port,
    cutNextAnswers: () => {
      for (const pair of pairs) pair.cut = true;
      return pairs.size;
    },
    async [Symbol.asyncDispose]() {
      for (const { client, server } of pairs) {
        client.destroy();
        server.destroy();
      }
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
