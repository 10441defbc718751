import { applicationUrl, walk, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { DEVICE_CODE_GRANT, type TestDevice } from '../harness/device.js';
import { newDpopKey, type DpopKey } from '../harness/dpop-key.js';
import { pkcePair } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, send, type Answer } from './http.js';

export const SECRET = 'a-secret-of-the-wiki-with-enough-characters';
export const SPA = 'http://localhost:4999/callback';
export const ALGORITHMS = 'RS256 PS256 ES256 ES384 ES512 EdDSA Ed25519';
/** Public. */
export const phone: TestApplication = {
  clientId: 'phone',
  clientSecret: undefined,
  redirectUri: 'http://127.0.0.1:4000/cb',
};
export const wiki: TestApplication = {
  clientId: 'wiki',
  clientSecret: SECRET,
  redirectUri: 'https://wiki.example/callback',
};
/** Gets no token without a proof. */
export const strict: TestApplication = {
  clientId: 'strict',
  clientSecret: SECRET,
  redirectUri: 'https://strict.example/callback',
};
/** Public, asks for a device code, and gets no token without a proof. */
export const tv: TestDevice = { clientId: 'tv', clientSecret: undefined };
const YAML = `
admins: ['test:boss@test.tmi']
client_callbacks: [{ client_id: spa, url: '${SPA}' }]
applications:
  - { client_id: phone, name: Phone, redirect_uris: ['${phone.redirectUri}'] }
  - { client_id: wiki, client_secret: ${SECRET}, name: Wiki, redirect_uris: [${wiki.redirectUri}], consent: skip }
  - { client_id: strict, client_secret: ${SECRET}, name: Strict, redirect_uris: [${strict.redirectUri}], consent: skip,
      dpop_bound_access_tokens: true }
  - { client_id: tv, name: TV, grant_types: [refresh_token, '${DEVICE_CODE_GRANT}'], dpop_bound_access_tokens: true }
`;

export type Fields = Readonly<Record<string, string>>;
/** Who makes the proof of a request; undefined: nobody. */
export type Proving = DpopKey | undefined;

/** What the specs about DPoP share: one server, two keys, and requests that prove them. */
export class DpopSuite {
  private constructor(
    readonly installation: Installation,
    readonly key: DpopKey,
    readonly other: DpopKey,
  ) {}

  static async start(): Promise<DpopSuite> {
    const [key, other] = [await newDpopKey(), await newDpopKey()];
    return new DpopSuite(await startInstallation({ yaml: YAML }), key, other);
  }

  get server(): string {
    return this.installation.server.url;
  }
  get issuer(): string {
    return this.installation.server.publicUrl;
  }

  /** What an application's request has in its headers. */
  async headersOf(
    { clientId, clientSecret }: TestDevice,
    by: Proving,
    path = '/oauth2/token',
  ): Promise<Record<string, string>> {
    return {
      ...(clientSecret === undefined ? {} : basic(clientId, clientSecret)),
      ...(by === undefined ? {} : { dpop: await by.prove('POST', `${this.issuer}${path}`) }),
    };
  }

  /** The fields that exchange a new code of this person. */
  async codeOf(
    application: TestApplication,
    person: string,
    parameters: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Fields> {
    const { verifier, challenge } = pkcePair();
    const asked = { login_hint: person, code_challenge: challenge, code_challenge_method: 'S256', ...parameters };
    const begin = applicationUrl(this.server, application, asked);
    const { answer } = await walk(new Browser(), begin, application.redirectUri);
    const code = answer.searchParams.get('code');
    if (code === null) throw new Error(`no code in ${answer.href}`);
    const fields = { grant_type: 'authorization_code', code, redirect_uri: application.redirectUri };
    return { ...fields, code_verifier: verifier, ...named(application) };
  }

  async tokenOf(application: TestDevice, fields: Fields, by: Proving): Promise<Answer> {
    return form(`${this.server}/oauth2/token`, fields, await this.headersOf(application, by));
  }

  /** Tokens that are bound to the key. */
  async boundTokens(application: TestApplication, person: string, parameters: Fields = {}) {
    const answer = await this.tokenOf(application, await this.codeOf(application, person, parameters), this.key);
    if (answer.status !== 200 || answer.body['token_type'] !== 'DPoP')
      throw new Error(`no bound token: ${answer.text}`);
    return { access: String(answer.body['access_token']), refresh: String(answer.body['refresh_token']) };
  }

  refresh(application: TestDevice, token: string, by: Proving): Promise<Answer> {
    const fields = { grant_type: 'refresh_token', refresh_token: token, ...named(application) };
    return this.tokenOf(application, fields, by);
  }

  /** The headers that present a bound token. */
  async showing(token: string, by = this.key, method = 'GET', path = '/oauth2/userinfo') {
    return { authorization: `DPoP ${token}`, dpop: await by.prove(method, `${this.issuer}${path}`, token) };
  }

  userinfo(headers: Record<string, string>): Promise<Answer> {
    return send('GET', `${this.server}/oauth2/userinfo`, { headers });
  }
}

function named({ clientId, clientSecret }: TestDevice): Fields {
  return clientSecret === undefined ? { client_id: clientId } : {};
}

export function expectRefused(answer: Answer, status: number, error: string): void {
  expect(answer).toMatchObject({ status, body: { error, error_description: expect.any(String) } });
}
