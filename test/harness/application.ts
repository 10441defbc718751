import { Browser } from './browser.js';
import { basicAuthorization, pkcePair, postForm, type Tokens } from './sign-in.js';

/** A registered application as a test knows it. */
export interface TestApplication {
  readonly clientId: string;
  /** Undefined for a public one. */
  readonly clientSecret: string | undefined;
  readonly redirectUri: string;
}

/** The address of an application's request for a sign-in at the `test` provider. */
export function applicationUrl(
  server: string,
  application: TestApplication,
  parameters: Readonly<Record<string, string | undefined>> = {},
): URL {
  const url = new URL('/oauth2/authorize', server);
  const defaults: Record<string, string | undefined> = {
    client_id: application.clientId,
    redirect_uri: application.redirectUri,
    response_type: 'code',
    scope: 'openid profile email',
    idp: 'test',
  };
  for (const [name, value] of Object.entries({ ...defaults, ...parameters }))
    if (value !== undefined) url.searchParams.set(name, value);
  return url;
}

export interface Walked {
  /** The client's address with its answer. */
  readonly answer: URL;
  /** Whether the person was asked for consent on the way. */
  readonly asked: boolean;
}

/** Walks from an authorization request to the client's address as a browser does, and answers the consent page. */
export async function walk(
  browser: Browser,
  begin: URL,
  redirectUri: string,
  decision: 'allow' | 'deny' = 'allow',
): Promise<Walked> {
  let next = begin;
  for (let hops = 0; hops < 20; hops++) {
    if (next.href.startsWith(`${redirectUri}${redirectUri.includes('?') ? '&' : '?'}`))
      return { answer: next, asked: false };
    const response = await browser.request(next);
    const text = await response.text();
    const location = response.headers.get('location');
    if (location !== null) next = new URL(location, next);
    else if (next.pathname === '/oauth2/consent' && response.status === 200)
      return { answer: await decide(browser, next, text, decision), asked: true };
    else throw new Error(`${next.href} answered ${response.status} and no redirect:\n${text}`);
  }
  throw new Error('too many redirects');
}

/** Presses a button of the consent page; answers where the browser is led on to. */
export async function decide(browser: Browser, page: URL, html: string, decision: 'allow' | 'deny'): Promise<URL> {
  const ticket = /name="ticket" value="([^"]+)"/.exec(html)?.[1];
  if (ticket === undefined) throw new Error(`no ticket in the page:\n${html}`);
  const body = new URLSearchParams({ ticket, decision });
  const response = await browser.request(new URL('/oauth2/consent', page), { method: 'POST', body });
  const refresh = /^0; url=(.+)$/.exec(response.headers.get('refresh') ?? '')?.[1];
  if (refresh === undefined) throw new Error(`deciding answered ${response.status}:\n${await response.text()}`);
  return new URL(refresh);
}

/** Exchanges a code as the application itself. */
export async function redeem(
  server: string,
  { clientId, clientSecret, redirectUri }: TestApplication,
  code: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const client: Record<string, string> = clientSecret === undefined ? { client_id: clientId } : {};
  return postForm(
    `${server}/oauth2/token`,
    { grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...client, ...fields },
    clientSecret === undefined ? {} : basicAuthorization(clientId, clientSecret),
  );
}

/** The whole way of one person, who consents where he is asked, to the application's tokens. */
export async function signInto(
  server: string,
  application: TestApplication,
  person: string,
  parameters: Readonly<Record<string, string | undefined>> = {},
  browser = new Browser(),
): Promise<Tokens & { readonly browser: Browser }> {
  const { verifier, challenge } = pkcePair();
  const challenged = { code_challenge: challenge, code_challenge_method: 'S256' };
  const url = applicationUrl(server, application, { login_hint: person, ...challenged, ...parameters });
  const { answer } = await walk(browser, url, application.redirectUri);
  const code = answer.searchParams.get('code');
  if (code === null) throw new Error(`no code in ${answer.href}`);
  const { status, body } = await redeem(server, application, code, { code_verifier: verifier });
  if (status !== 200) throw new Error(`the exchange answered ${status}: ${JSON.stringify(body)}`);
  return { ...(body as unknown as Tokens), browser };
}
