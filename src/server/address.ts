import { isIP } from 'node:net';

/** Where a listener listens. */
export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** A listener cannot start; the message says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** Room for a socket path in the kernel's sockaddr_un, without the closing zero. */
const MAX_SOCKET_PATH_BYTES = 107;
const MAX_PORT = 65_535;

/**
 * Reads "unix:/run/tollgate.sock", "127.0.0.1:50051", "[::1]:50051" or "localhost:50051" (port 0
 * picks a free one), and refuses what others than this machine can reach: calls arrive there
 * without anybody's identity.
 * @throws ListenError
 */
export function parseAddress(text: string, options: { readonly allowInsecure: boolean }): Address {
  const address = text.startsWith('unix:') ? parseUnix(text) : parseTcp(text);
  if (address.kind === 'tcp' && !isLoopback(address.host) && !options.allowInsecure) {
    throw new ListenError(
      `Listening on ${text} would let other machines in without TLS: listen on a Unix socket ` +
        '("unix:/run/tollgate.sock") or on loopback ("127.0.0.1:50051"), or allow insecure ' +
        'listeners explicitly.',
    );
  }
  return address;
}

/** The form that gRPC clients take. */
export function addressText(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseUnix(text: string): Address {
  const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
  if (path === '') throw new ListenError(`"${text}" names no socket: write "unix:/path/to.sock".`);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw new ListenError(
      `The socket path ${path} is longer than ${MAX_SOCKET_PATH_BYTES} bytes: choose a shorter one.`,
    );
  }
  return { kind: 'unix', path };
}

const HOST_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/;

function parseTcp(text: string): Address {
  const match = HOST_PORT.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > MAX_PORT) {
    throw new ListenError(
      `"${text}" is no address: write "host:port", "[ipv6]:port" or "unix:/path/to.sock".`,
    );
  }
  return { kind: 'tcp', host: host === 'localhost' ? '127.0.0.1' : host, port };
}

/** A name that has to be looked up is not loopback: its answer can change. */
function isLoopback(host: string): boolean {
  return (isIP(host) === 4 && host.startsWith('127.')) || host === '::1';
}
