import { runGatehouse } from '../harness/gatehouse.js';
import { bearer, pkcePair, postForm, type Tokens } from '../harness/sign-in.js';
import { startInstallation } from '../harness/suite.js';
import { Person, type Page } from './person.js';
import type { PartnerOptions, RealIdp } from './real-idp.js';

const CLIENT_ID = 'app';
export const CALLBACK = 'http://localhost:4999/callback';

/** One provider record at our side, and what the IdP does for its entity. */
export interface Connection {
  /** Lines of the record in `saml_providers`, beside those that every one has. */
  readonly settings?: readonly string[];
  readonly options?: PartnerOptions;
  /** The IdP's metadata as we are given it, where that is not what its address serves: then it is pasted. */
  readonly pasted?: (document: string) => string;
}

/** A running server that knows one IdP under several provider records, each of which the IdP knows too. */
export interface Federation {
  readonly idp: RealIdp;
  /** A browser of its own. */
  person(): Person;
  entityId(provider: string): string;
  /** Hands our metadata, as it is served now, to the IdP. */
  introduce(): Promise<void>;
  /** What our metadata publishes now, each once: base64 DER. */
  certificates(provider: string): Promise<string[]>;
  /** Begins at our login route and answers where the browser came to rest. */
  begin(provider: string, person: Person): Promise<Page>;
  /** The same, to the end: the tokens that the application got for its code. */
  signIn(provider: string, person: Person): Promise<Tokens>;
  /** The application is told that a login failed and under which reference; the server's log names the check. */
  expectRefusal(provider: string, check: RegExp): Promise<void>;
  userinfo(tokens: Tokens): Promise<Record<string, unknown>>;
  isAlive(tokens: Tokens): Promise<boolean>;
  /** Ends the session, and answers the address that ends it at the IdP too (D52). */
  logout(tokens: Tokens): Promise<{ status: number; body: Record<string, unknown> }>;
  /** Runs the `gatehouse` command beside the server. */
  command(...args: string[]): Promise<{ code: number | null; output: string }>;
  log(): string;
  stop(): Promise<void>;
}

/** Starts a server with these records, then hands their metadata, as it is served, to the IdP. */
export async function federate(
  idp: RealIdp,
  connections: Readonly<Record<string, Connection>>,
  verifier: 'strict' | 'node-saml' = 'strict',
): Promise<Federation> {
  const yaml = `saml: { verifier: ${verifier} }\n${await configuration(idp, connections)}`;
  const installation = await startInstallation({ yaml });
  const { server, databaseUrl, redisUrl } = installation;
  const entityId = (provider: string) => `${server.publicUrl}/saml/${provider}/metadata`;
  const metadata = async (provider: string): Promise<string> => {
    const answer = await fetch(entityId(provider));
    const document = await answer.text();
    if (answer.status !== 200) throw new Error(`the metadata of ${provider} answered ${answer.status}: ${document}`);
    return document;
  };
  const introduce = async (): Promise<void> => {
    const partners = Object.entries(connections).map(async ([provider, { options = {} }]) => {
      return { metadata: await metadata(provider), options };
    });
    await idp.trust(await Promise.all(partners));
  };
  await introduce().catch(async (error: unknown) => {
    await installation.stop();
    throw error;
  });

  const begin = (provider: string, person: Person, challenge: string): Promise<Page> => {
    const url = new URL(`/saml/${provider}/login`, server.url);
    const parameters = {
      client_callback: CALLBACK,
      response_type: 'code',
      scope: 'openid profile email',
      state: 'of-the-application',
      code_challenge: challenge,
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return person.open(url);
  };
  let read = 0;
  /** What was logged since `read`, as soon as the pattern is in it: the log comes through a pipe, after the answer. */
  const logWith = async (pattern: RegExp): Promise<string> => {
    const fresh = () => server.log().slice(read);
    for (let asked = 0; asked < 100 && !pattern.test(fresh()); asked++) await new Promise((r) => setTimeout(r, 20));
    return fresh();
  };
  return {
    idp,
    person: () => new Person(CALLBACK, idp.user),
    entityId,
    introduce,
    certificates: async (provider) => {
      const found = (await metadata(provider)).matchAll(/<(?:\w+:)?X509Certificate>([^<]+)</g);
      return [...new Set([...found].map(([, certificate = '']) => certificate.replaceAll(/\s/g, '')))];
    },
    begin: (provider, person) => begin(provider, person, pkcePair().challenge),
    signIn: async (provider, person) => {
      const { verifier, challenge } = pkcePair();
      read = server.log().length;
      const page = await begin(provider, person, challenge);
      return redeem(server.url, page, verifier).catch(async (error: Error) => {
        const lines = (await logWith(/"level":[45]0/)).split('\n');
        const [ours, theirs] = [
          lines.filter((line) => !line.includes('"level":30')).join('\n'),
          idp.log().slice(-1_500),
        ];
        throw new Error(`${error.message}\n--- our log\n${ours}\n--- the IdP\n${theirs}`);
      });
    },
    expectRefusal: async (provider, check) => {
      read = server.log().length;
      const { url } = await begin(provider, new Person(CALLBACK, idp.user), pkcePair().challenge);
      expect(url.href).toMatch(new RegExp(`^${CALLBACK}[?]`));
      expect(url.searchParams.get('code')).toBeNull();
      expect(url.searchParams.get('error')).toMatch(/^(server_error|access_denied)$/);
      expect(url.searchParams.get('error_description')).toMatch(/reference \S+/);
      expect(await logWith(check)).toMatch(check);
    },
    userinfo: async ({ access_token }) => {
      const answer = await fetch(`${server.url}/oauth2/userinfo`, { headers: bearer(access_token) });
      return (await answer.json()) as Record<string, unknown>;
    },
    isAlive: async ({ access_token }) =>
      (await postForm(`${server.url}/oauth2/introspect`, { token: access_token })).body['active'] === true,
    logout: async ({ access_token }) => {
      const url = new URL(`${server.url}/oauth2/revoke?slo=true`);
      url.searchParams.set('post_logout_redirect_uri', CALLBACK);
      return postForm(url.href, {}, bearer(access_token));
    },
    command: (...args) => runGatehouse(args, { databaseUrl, redisUrl, yaml, publicUrl: server.publicUrl }),
    log: () => server.log(),
    stop: () => installation.stop(),
  };
}

/** The application's side: its code and state, then the tokens (RFC 6749 §4.1.2, §4.1.3). */
async function redeem(server: string, page: Page, verifier: string): Promise<Tokens> {
  const code = page.url.searchParams.get('code');
  if (page.status !== 0 || code === null)
    throw new Error(`the browser came to rest at ${page.url.href} with ${page.status}:\n${readable(page.text)}`);
  expect(page.url.searchParams.get('state')).toBe('of-the-application');
  const grant = { grant_type: 'authorization_code', code, code_verifier: verifier };
  const { status, body } = await postForm(`${server}/oauth2/token`, {
    ...grant,
    client_id: CLIENT_ID,
    redirect_uri: CALLBACK,
  });
  if (status !== 200) throw new Error(`the token endpoint answered ${status}: ${JSON.stringify(body)}`);
  return body as unknown as Tokens;
}

/** The words of a page. */
export function readable(html: string): string {
  return html
    .replaceAll(/<(style|script)\b[\s\S]*?<\/\1>/gi, ' ')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .slice(0, 1_500);
}

async function configuration(idp: RealIdp, connections: Readonly<Record<string, Connection>>): Promise<string> {
  const document = await (await fetch(idp.metadataUrl)).text();
  // One person comes through every record, so they all vouch for the address and may link by it (D17).
  const domain = idp.user.mail.split('@')[1] ?? '';
  const linked = [`verified_email_domains: [${domain}]`, `link_by_verified_email: [${domain}]`];
  const records = Object.entries(connections).flatMap(([id, { settings = [], pasted }]) => {
    const source =
      pasted === undefined ? `metadata_url: ${idp.metadataUrl}` : `metadata_xml: ${JSON.stringify(pasted(document))}`;
    return [`  - id: ${id}`, ...[`name: ${id}`, source, ...linked, ...settings].map((line) => `    ${line}`)];
  });
  return [
    `client_callbacks: [{ client_id: ${CLIENT_ID}, url: ${CALLBACK} }]`,
    'outbound: { allow_private: true }',
    'saml_providers:',
    ...records,
    '',
  ].join('\n');
}
