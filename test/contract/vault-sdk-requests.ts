/**
 * What clients of the vault's endpoints put on the wire, byte for byte.
 *
 * mix-typescript-sdk 0.11.4 on Node 20: recorded. mix-go-sdk 0.2: what its source hands to Go's net/http, in the order in
 * which that writes. mielto-sdk 1.0.2: what axios 1.13 hands to Node's http, recorded from there on.
 */

/** Where a request goes: `prefix` is the path of the base URL that the SDK was given, without a slash at the end. */
export interface Target {
  readonly port: number;
  readonly prefix?: string;
  /** Neither mix SDK has a setting for it; callers add it to the single call. */
  readonly bearer?: string;
}

const message = (...lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
const given = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [`${name}: ${value}`]);
const bearerOf = ({ bearer }: Target) => (bearer === undefined ? undefined : `Bearer ${bearer}`);

/** fetch of Node 20; the SDK always sets a cookie header, and it is empty. */
function mixTypescript(method: 'GET' | 'POST', path: string, target: Target): Buffer {
  return message(
    `${method} ${target.prefix ?? ''}${path} HTTP/1.1`,
    `host: 127.0.0.1:${target.port}`,
    'connection: keep-alive',
    ...given('Authorization', bearerOf(target)),
    'Accept: application/json',
    'cookie: ',
    'user-agent: speakeasy-sdk/typescript 0.11.4 2.828.0 1.0.0 mix-typescript-sdk',
    'accept-language: *',
    'sec-fetch-mode: cors',
    'accept-encoding: gzip, deflate',
    ...(method === 'POST' ? ['content-length: 0'] : []),
  );
}

/** Go writes Host, User-Agent and Content-Length first, then the other headers by name. */
function mixGo(method: 'GET' | 'POST', path: string, target: Target): Buffer {
  return message(
    `${method} ${target.prefix ?? ''}${path} HTTP/1.1`,
    `Host: 127.0.0.1:${target.port}`,
    'User-Agent: speakeasy-sdk/go 0.2.1 2.816.0 1.0.0 github.com/recreate-run/mix-go-sdk',
    ...(method === 'POST' ? ['Content-Length: 0'] : []),
    'Accept: application/json',
    ...given('Authorization', bearerOf(target)),
    'Accept-Encoding: gzip',
  );
}

/** `mix.internal.refreshOAuthTokens()`: no body, no content type. */
export const mixTypescriptRefresh = (target: Target): Buffer =>
  mixTypescript('POST', '/internal/auth/refresh-tokens', target);

/** `mix.health.getOAuthHealth()`. */
export const mixTypescriptHealth = (target: Target): Buffer => mixTypescript('GET', '/health/auth', target);

/** `sdk.Internal.RefreshOAuthTokens(ctx)`. */
export const mixGoRefresh = (target: Target): Buffer => mixGo('POST', '/internal/auth/refresh-tokens', target);

/** `sdk.Health.GetOAuthHealth(ctx)`. */
export const mixGoHealth = (target: Target): Buffer => mixGo('GET', '/health/auth', target);

/** What mielto-sdk is made with; `workspace` is a header that a caller adds to the single call. */
export interface MieltoTarget {
  readonly port: number;
  readonly apiKey: string;
  readonly workspace?: string;
}

function mielto(method: string, path: string, target: MieltoTarget, body: string | undefined): Buffer {
  const head = message(
    `${method} /api/v1${path} HTTP/1.1`,
    'Accept: application/json',
    `Authorization: Bearer ${target.apiKey}`,
    'Content-Type: application/json',
    ...given('X-Workspace-Id', target.workspace),
    'User-Agent: axios/1.13.2',
    ...given('Content-Length', body === undefined ? undefined : String(Buffer.byteLength(body))),
    'Accept-Encoding: gzip, compress, deflate, br',
    `Host: 127.0.0.1:${target.port}`,
    'Connection: keep-alive',
    // A JSON content type with no body at all: D2.
    ...(body === undefined ? ['Content-Length: 0'] : []),
  );
  return Buffer.concat([head, Buffer.from(body ?? '')]);
}

/** `client.request('POST', '/oauth/refresh/{id}')`. */
export const mieltoRefresh = (connectionId: string, target: MieltoTarget): Buffer =>
  mielto('POST', `/oauth/refresh/${connectionId}`, target, undefined);

/** `client.post('/oauth/initiate', {…})`. */
export const mieltoInitiate = (body: Readonly<Record<string, unknown>>, target: MieltoTarget): Buffer =>
  mielto('POST', '/oauth/initiate', target, JSON.stringify(body));
