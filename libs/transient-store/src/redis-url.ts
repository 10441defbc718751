/** One address of a Redis, Sentinel or Cluster node. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

export interface RedisLogin {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

interface Target {
  readonly login: RedisLogin;
}

/** What a Redis URL means. */
export type RedisTarget =
  | (Target & { readonly kind: 'tcp'; readonly address: RedisAddress; readonly tls: boolean; readonly db: number })
  | (Target & { readonly kind: 'unix'; readonly path: string; readonly db: number })
  | (Target & {
      readonly kind: 'sentinel';
      readonly sentinels: readonly RedisAddress[];
      readonly name: string;
      readonly sentinelLogin: RedisLogin;
      readonly tls: boolean;
      readonly db: number;
    })
  | (Target & { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[]; readonly tls: boolean });

const FORMS =
  'redis://host:6379/0, rediss://…, unix:///path/to.sock, redis+sentinel://host:26379,host:26379/master-name, ' +
  'redis+cluster://host:6379,host:6379';

/** Never shows the URL: it may hold a password. */
function bad(problem: string): Error {
  return new Error(`REDIS_URL: ${problem}. Known forms: ${FORMS}`);
}

/**
 * Reads a Redis URL: `redis`, `rediss` (TLS), `unix` or `redis+unix`, `redis+sentinel` and `redis+cluster` (with
 * `rediss+…` for TLS), user and password before an `@`, percent-encoded. `?db=1` chooses the database, except in a
 * cluster, which has only one; Sentinels take `sentinel_username` and `sentinel_password` of their own.
 * @throws Error that names the fault and never the URL.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const parts = /^([a-z]+(?:\+[a-z]+)?):\/\/([^?#]*)(?:\?([^#]*))?$/i.exec(url.trim());
  if (parts === null) throw bad('not a Redis URL');
  const [, rawScheme = '', rest = '', rawQuery = ''] = parts;
  const scheme = rawScheme.toLowerCase();
  const query = new URLSearchParams(rawQuery);
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? '' : rest.slice(slash);
  const at = authority.lastIndexOf('@');
  const login = readLogin(at < 0 ? '' : authority.slice(0, at));
  const hosts = authority.slice(at + 1);
  const tls = scheme.startsWith('rediss');
  const target = build();
  for (const name of query.keys()) throw bad(`the parameter ${JSON.stringify(name)} is unknown here`);
  return target;

  function build(): RedisTarget {
    switch (scheme) {
      case 'redis':
      case 'rediss': {
        const [address, ...more] = readAddresses(hosts, 6379);
        if (address === undefined) throw bad('the host is missing');
        if (more.length > 0) throw bad('several hosts need redis+sentinel:// or redis+cluster://');
        return { kind: 'tcp', address, tls, login, db: readDatabase(path.slice(1), query) };
      }
      case 'unix':
      case 'redis+unix':
        if (hosts !== '') throw bad('a socket is written with three slashes, unix:///path');
        if (path.length < 2) throw bad('the path of the socket is missing');
        return { kind: 'unix', path: decode(path), login, db: readDatabase('', query) };
      case 'redis+sentinel':
      case 'rediss+sentinel': {
        const sentinels = readAddresses(hosts, 26_379);
        const name = decode(path.slice(1));
        if (sentinels.length === 0) throw bad('the addresses of the Sentinels are missing');
        if (name === '' || name.includes('/')) throw bad('the name of the primary must follow the Sentinels, /name');
        const sentinelLogin = {
          username: consume(query, 'sentinel_username'),
          password: consume(query, 'sentinel_password'),
        };
        return { kind: 'sentinel', sentinels, name, tls, login, sentinelLogin, db: readDatabase('', query) };
      }
      case 'redis+cluster':
      case 'rediss+cluster': {
        const nodes = readAddresses(hosts, 6379);
        if (nodes.length === 0) throw bad('the addresses of the cluster nodes are missing');
        if (path.length > 1 || query.has('db')) throw bad('a cluster has only database 0: leave it out');
        return { kind: 'cluster', nodes, tls, login };
      }
      default:
        throw bad(`the scheme ${JSON.stringify(scheme)} is unknown`);
    }
  }
}

function readLogin(text: string): RedisLogin {
  const colon = text.indexOf(':');
  const username = decode(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? '' : decode(text.slice(colon + 1));
  return { username: username || undefined, password: password || undefined };
}

function readAddresses(text: string, defaultPort: number): RedisAddress[] {
  if (text === '') return [];
  return text.split(',').map((part) => {
    const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]@\s]+))(?::(\d{1,5}))?$/i.exec(part);
    const host = match?.[1] ?? match?.[2];
    const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
    if (host === undefined)
      throw bad('an address is not host or host:port ("/", "@" and ":" in a password are encoded)');
    if (port < 1 || port > 65_535) throw bad('a port is not between 1 and 65535');
    return { host, port };
  });
}

function readDatabase(fromPath: string, query: URLSearchParams): number {
  const fromQuery = consume(query, 'db');
  if (fromPath !== '' && fromQuery !== undefined) throw bad('the database is named twice');
  const text = fromQuery ?? (fromPath || '0');
  if (!/^\d{1,5}$/.test(text)) throw bad('the database must be a number');
  return Number(text);
}

function consume(query: URLSearchParams, name: string): string | undefined {
  const value = query.get(name);
  query.delete(name);
  return value === null || value === '' ? undefined : value;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad('a percent-encoding is broken');
  }
}
