import { lstat, unlink } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { addressText, ListenError, type Address } from './address.ts';

/**
 * Connections of one listener. A sidecar has a handful of callers; more are a leak or an attack.
 */
const MAX_CONNECTIONS = 1_024;
/** A socket on this machine answers at once or not at all. */
const PROBE_MS = 1_000;
/** Nobody but the owner may connect: whoever can connect can spend. */
const SOCKET_UMASK = 0o177;

/**
 * Binds a server to an address. A Unix socket gets mode 0600, and the file of a process that died
 * is removed first.
 * @returns where it listens, with the port that was picked.
 * @throws ListenError
 */
export async function listen(server: Server, address: Address): Promise<Address> {
  server.maxConnections = MAX_CONNECTIONS;
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  await bind(server, address);
  const bound = server.address();
  if (address.kind === 'unix' || bound === null || typeof bound === 'string') return address;
  return { ...address, port: bound.port };
}

function bind(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(explain(error, address));
    server.once('error', onError);
    const onListening = (): void => {
      server.removeListener('error', onError);
      resolve();
    };
    if (address.kind === 'tcp') server.listen({ ...address, exclusive: true }, onListening);
    else withUmask(() => server.listen(address.path, onListening));
  });
}

/** Node binds a path before `listen` returns, so the socket never exists with wider permissions. */
function withUmask(bindNow: () => void): void {
  const before = process.umask(SOCKET_UMASK);
  try {
    bindNow();
  } finally {
    process.umask(before);
  }
}

async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new ListenError(`${path} exists and is no socket: move it away or choose another path.`);
  }
  if (await answers(path)) {
    throw new ListenError(
      `Another process already answers on ${path}: stop it or choose another path.`,
    );
  }
  await unlink(path).catch(() => undefined);
}

/** True unless the connection is refused: a socket that is merely slow is somebody's. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe: Socket = connect({ path });
    const settle = (answer: boolean): void => {
      probe.destroy();
      resolve(answer);
    };
    probe.setTimeout(PROBE_MS, () => settle(true));
    probe.once('connect', () => settle(true));
    probe.once('error', (error: NodeJS.ErrnoException) => settle(error.code !== 'ECONNREFUSED'));
  });
}

function explain(error: NodeJS.ErrnoException, address: Address): ListenError {
  const where = addressText(address);
  switch (error.code) {
    case 'EADDRINUSE':
      return new ListenError(
        `${where} is in use: stop the process that listens there or choose another address.`,
      );
    case 'EACCES':
      return new ListenError(
        `${where} may not be opened by this user: choose a port above 1023 or a directory that can be written.`,
      );
    case 'ENOENT':
      return new ListenError(`The directory of ${where} does not exist: create it.`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ListenError(`${where} is no address of this machine: choose one that is.`);
    default:
      return new ListenError(`Cannot listen on ${where} (${error.code ?? error.message}).`);
  }
}
