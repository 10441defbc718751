import { createHash, randomBytes } from 'node:crypto';

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly id_token?: string;
}

export function pkcePair(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** The address of a sign-in at the `test` provider. */
export function testAuthorizeUrl(server: string, parameters: Readonly<Record<string, string>>): URL {
  const url = new URL('/oauth2/authorize', server);
  const defaults = { idp: 'test', scope: 'openid profile email', code_challenge: pkcePair().challenge };
  for (const [name, value] of Object.entries({ ...defaults, ...parameters })) url.searchParams.set(name, value);
  return url;
}

/** Signs in at the `test` provider and answers the tokens that come as JSON (D8). */
export async function signInAsTest(
  server: string,
  user: string,
  parameters: Record<string, string> = {},
): Promise<Tokens> {
  const response = await fetch(testAuthorizeUrl(server, { login_hint: user, ...parameters }), {
    headers: { accept: 'application/json' },
    redirect: 'manual',
  });
  if (response.status !== 200) throw new Error(`sign-in answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Tokens;
}

/** Signs in at the `test` provider for a code, at the default callback of development. */
export async function codeAsTest(
  server: string,
  user: string,
  callback: string,
): Promise<{ code: string; verifier: string; callback: string }> {
  const { verifier, challenge } = pkcePair();
  const response = await fetch(
    testAuthorizeUrl(server, {
      login_hint: user,
      client_callback: callback,
      response_type: 'code',
      code_challenge: challenge,
    }),
    { redirect: 'manual' },
  );
  const location = response.headers.get('location');
  if (location === null) throw new Error(`no redirect, but ${response.status}: ${await response.text()}`);
  const code = new URL(location).searchParams.get('code');
  if (code === null) throw new Error(`no code in ${location}`);
  return { code, verifier, callback };
}

/** POSTs a form and answers status and JSON body. */
export async function postForm(
  url: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form), headers });
  const text = await response.text();
  return {
    status: response.status,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    headers: response.headers,
  };
}

export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** The claims of a JWT, unverified. */
export function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

/** RFC 6749 §2.3.1: both parts are form-urlencoded inside. */
export function basicAuthorization(clientId: string, secret: string): { authorization: string } {
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}
