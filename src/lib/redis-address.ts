/** A host and a port of the network. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is. */
export type RedisAddress =
  /** redis://, rediss://, unix:// or the path of a Unix socket. */
  | { readonly kind: 'single'; readonly url: string }
  | (Shared & {
      /** Whoever the sentinels say is the primary. */
      readonly kind: 'sentinel';
      readonly name: string;
      readonly database: number;
    })
  | (Shared & { readonly kind: 'cluster' });

interface Shared {
  /** Sentinels, or some nodes of the cluster. */
  readonly nodes: readonly HostPort[];
  readonly user: string;
  readonly password: string;
  readonly tls: boolean;
}

const MANY = /^redis(s?)\+(sentinel|cluster):\/\/(?:([^@/]*)@)?([^/]+)(?:\/(.*))?$/;
const DEFAULT_PORT = { sentinel: 26_379, cluster: 6_379 } as const;

/**
 * Reads `redis://…`, `rediss://…`, `unix:///path`, a path,
 * `redis+sentinel://user:password@host:port,host:port/name/database` and
 * `redis+cluster://user:password@host:port,host:port`; `rediss+…` for TLS.
 * @returns undefined when the text is none of them.
 */
export function parseRedisAddress(text: string): RedisAddress | undefined {
  const many = MANY.exec(text);
  if (!many) return isSingle(text) ? { kind: 'single', url: text } : undefined;
  const [, tls, kind, account = '', hosts = '', path = ''] = many;
  if (kind !== 'sentinel' && kind !== 'cluster') return undefined;
  const nodes = hosts.split(',').map((one) => parseNode(one, DEFAULT_PORT[kind]));
  const known = nodes.filter((node) => node !== undefined);
  if (known.length < nodes.length) return undefined;
  const [user = '', password = ''] = account.split(':').map(decoded);
  const shared = { nodes: known, user, password, tls: tls === 's' };
  if (kind === 'cluster') return path === '' ? { kind, ...shared } : undefined;
  const [name = '', database = '0', ...rest] = path.split('/');
  if (name === '' || rest.length > 0 || !/^[0-9]{1,4}$/.test(database)) return undefined;
  return { kind, ...shared, name: decoded(name), database: Number(database) };
}

/** The address without its password, for people. */
export function maskedRedisAddress(text: string, mask: string): string {
  const account = /^([a-z+]+:\/\/)([^@/]*)@/.exec(text);
  if (!account) return text;
  const [all, scheme = '', given = ''] = account;
  const [user = '', password] = given.split(':');
  return `${scheme}${user}${password ? `:${mask}` : ''}@${text.slice(all.length)}`;
}

function isSingle(text: string): boolean {
  if (text.startsWith('/')) return true;
  if (!URL.canParse(text)) return false;
  return ['redis:', 'rediss:', 'unix:'].includes(new URL(text).protocol);
}

function parseNode(text: string, defaultPort: number): HostPort | undefined {
  const [, ipv6, name, port] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  const number = port === undefined ? defaultPort : Number(port);
  return host !== undefined && number >= 1 && number <= 65_535 ? { host, port: number } : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
