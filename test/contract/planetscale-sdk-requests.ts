/**
 * What PlanetScale's SDKs put on the wire, byte for byte.
 *
 * Go SDK, in the two builds that differ: recorded, and from there what its source hands to net/http, in the order in which
 * that writes. TypeScript SDK 1.1 and later: what axios 1.1 hands to Node's http; its models are written as they are named
 * in TypeScript, until a later generator wrote them as the API names them.
 */

/** Where a request goes: `base` is the path of the server URL that the SDK was given, without a slash at the end. */
export interface Target {
  readonly port: number;
  readonly base: string;
  /** `id:secret`, which the SDK sends as it is. */
  readonly serviceToken: string;
}

/** The fields of both grants, under the API's names. */
export interface TokenFields {
  readonly client_id: string;
  readonly client_secret: string;
  readonly code?: string;
  readonly grant_type: string;
  readonly redirect_uri?: string;
  readonly refresh_token?: string;
}

export const GO_BUILDS = {
  /** main, 8dbe5a5 */
  plain: { userAgent: 'Go-http-client/1.1', accepts: 'nothing' },
  /** fac785e */
  accepting: { userAgent: 'speakeasy-sdk/go 1.6.0 2.31.0', accepts: 'something' },
} as const;
export type GoBuild = (typeof GO_BUILDS)[keyof typeof GO_BUILDS];

function message(lines: readonly string[], body = ''): Buffer {
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
}

/** Go writes Host, User-Agent and Content-Length first, then the other headers by name, then its own. */
function go(
  { userAgent, accepts }: GoBuild,
  method: string,
  path: string,
  { port, base, serviceToken }: Target,
  body: { readonly type: string; readonly text: string } | undefined,
): Buffer {
  const accept = method === 'DELETE' ? '*/*' : 'application/json';
  return message(
    [
      `${method} ${base}${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      `User-Agent: ${userAgent}`,
      ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body.text)}`]),
      ...(accepts === 'nothing' ? [] : [`Accept: ${accept}`]),
      `Authorization: ${serviceToken}`,
      ...(body === undefined ? [] : [`Content-Type: ${body.type}`]),
      'Accept-Encoding: gzip',
    ],
    body?.text,
  );
}

/** url.PathEscape, as far as ids go. */
const escaped = encodeURIComponent;
const applicationPath = (organization: string, id: string) =>
  `/organizations/${escaped(organization)}/oauth-applications/${escaped(id)}`;

/** `s.OAuthTokens.Create(ctx, id, organization, body)`: json.Encoder ends the body with a newline; nil fields are left out. */
export const goCreate = (build: GoBuild, organization: string, id: string, body: TokenFields, target: Target): Buffer =>
  go(build, 'POST', `${applicationPath(organization, id)}/token`, target, {
    type: 'application/json',
    text: `${JSON.stringify(inOrder(body))}\n`,
  });

/** The same with a nil body: the SDK sets the content type all the same, to nothing. */
export const goCreateNil = (build: GoBuild, organization: string, id: string, target: Target): Buffer =>
  go(build, 'POST', `${applicationPath(organization, id)}/token`, target, { type: '', text: '' });

/** `s.OAuthApplications.List(ctx, organization, page, perPage)`: 2.0 is written as 2. */
export const goList = (build: GoBuild, organization: string, page: number, perPage: number, target: Target): Buffer =>
  go(
    build,
    'GET',
    `/organizations/${escaped(organization)}/oauth-applications?page=${page}&per_page=${perPage}`,
    target,
    undefined,
  );

/** `s.OAuthApplications.Get(ctx, id, organization)`. */
export const goGet = (build: GoBuild, organization: string, id: string, target: Target): Buffer =>
  go(build, 'GET', applicationPath(organization, id), target, undefined);

/** `s.OAuthApplications.ListTokens(ctx, id, organization, nil, nil)`. */
export const goListTokens = (build: GoBuild, organization: string, id: string, target: Target): Buffer =>
  go(build, 'GET', `${applicationPath(organization, id)}/tokens`, target, undefined);

/** `s.OAuthApplications.GetToken(ctx, id, organization, tokenId)`. */
export const goGetToken = (build: GoBuild, organization: string, id: string, tokenId: string, target: Target): Buffer =>
  go(build, 'GET', `${applicationPath(organization, id)}/tokens/${escaped(tokenId)}`, target, undefined);

/** `s.OAuthApplications.Delete(ctx, id, organization, tokenId)`. */
export const goDeleteToken = (
  build: GoBuild,
  organization: string,
  id: string,
  tokenId: string,
  target: Target,
): Buffer => go(build, 'DELETE', `${applicationPath(organization, id)}/tokens/${escaped(tokenId)}`, target, undefined);

/** How the TypeScript SDK writes the names of a body. */
export type Naming = 'as in TypeScript' | 'as in the API';

/** axios: headers as they were set, then Node's. */
function typescript(method: string, path: string, { port, base, serviceToken }: Target, body?: string): Buffer {
  return message(
    [
      `${method} ${base}${path} HTTP/1.1`,
      'Accept: application/json, text/plain, */*',
      ...(body === undefined ? [] : ['Content-Type: application/json']),
      `Authorization: ${serviceToken}`,
      'User-Agent: axios/1.1.3',
      ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
      'Accept-Encoding: gzip, deflate, br',
      `Host: 127.0.0.1:${port}`,
      'Connection: close',
    ],
    body,
  );
}

/** `sdk.oAuthTokens.createOrRenewAnOauthToken({pathParams, request})`. */
export const typescriptCreate = (
  naming: Naming,
  organization: string,
  id: string,
  body: TokenFields,
  target: Target,
): Buffer => {
  const fields = naming === 'as in the API' ? inOrder(body) : inTypescript(inOrder(body));
  return typescript('POST', `${applicationPath(organization, id)}/token`, target, JSON.stringify(fields));
};

/** `sdk.oAuthApplications.listOauthTokens({pathParams, queryParams})`. */
export const typescriptListTokens = (organization: string, id: string, target: Target): Buffer =>
  typescript('GET', `${applicationPath(organization, id)}/tokens?page=1&per_page=2`, target);

/** `sdk.oAuthApplications.getAnOauthApplication({pathParams})`. */
export const typescriptGet = (organization: string, id: string, target: Target): Buffer =>
  typescript('GET', applicationPath(organization, id), target);

/** `sdk.oAuthApplications.deleteAnOauthToken({pathParams})`. */
export const typescriptDeleteToken = (organization: string, id: string, tokenId: string, target: Target): Buffer =>
  typescript('DELETE', `${applicationPath(organization, id)}/tokens/${escaped(tokenId)}`, target);

/** Both SDKs' order of fields: by name. */
function inOrder(body: TokenFields): Record<string, string> {
  return Object.fromEntries(Object.entries(body).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function inTypescript(body: Record<string, string>): Record<string, string> {
  const camel = (name: string) => name.replaceAll(/_(.)/g, (_match, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [camel(name), value]));
}
