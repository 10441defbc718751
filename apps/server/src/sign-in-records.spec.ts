import { Database } from '@app/database';
import { AuditLog } from '@app/audit';
import { Secret, standardTokenRules, type OAuth2ProviderConfig } from '@app/config';
import { PUBLIC_URL, startServer, type RunningServer } from './server.spec-support.js';

const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

/** A provider behind whose addresses nobody listens. */
const GONE: OAuth2ProviderConfig = {
  type: 'oauth2',
  id: 'gone',
  name: 'Gone',
  icon: undefined,
  enabled: true,
  organization: 'default',
  linkByVerifiedEmailDomains: [],
  clientId: 'gatehouse',
  clientSecret: new Secret('upstream-secret-1'),
  scopes: ['read'],
  callback: 'shared',
  tokenEndpointAuthMethod: 'client_secret_basic',
  authorizationParameters: {},
  signIn: true,
  storeTokens: false,
  tokens: standardTokenRules,
  authorizationUrl: 'http://127.0.0.1:1/authorize',
  tokenUrl: 'http://127.0.0.1:1/token',
  userinfoUrl: 'http://127.0.0.1:1/user',
  emailsUrl: undefined,
  issuer: undefined,
  pkce: true,
  fields: { subject: 'id', email: 'email', emailVerified: 'email_verified', name: 'name', groups: 'groups' },
};

function authorizePath(parameters: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams({ scope: 'openid', code_challenge: CHALLENGE, ...parameters });
  return `/oauth2/authorize?${query.toString()}`;
}

describe('what a sign-in leaves behind for the operator', () => {
  let server: RunningServer;
  beforeAll(async () => {
    const test = { ...GONE, type: 'test' as const, id: 'test', name: 'Test' };
    server = await startServer({ providers: [test, GONE] });
  });
  afterAll(() => server.stop());

  it('a failure at the provider goes to the client as a code, and to the log with its reason (R31)', async () => {
    const begun = await server.ask(
      authorizePath({ idp: 'gone', response_type: 'code', redirect_uri: `${PUBLIC_URL}/`, state: 'mine' }),
    );
    const state = new URL(String(begun.headers['location'])).searchParams.get('state') ?? '';
    const cookie = String(begun.headers['set-cookie']).split(';')[0] ?? '';
    const back = await server.ask(`/oauth2/callback?code=upstream-code-1&state=${state}`, { cookie });
    const told = new URL(String(back.headers['location'])).searchParams;
    expect([told.get('error'), told.get('state')]).toEqual(['temporarily_unavailable', 'mine']);
    const lines = server.log().split('\n');
    const line = lines.find((each) => each.includes('A sign-in was refused')) ?? '{}';
    expect(JSON.parse(line)).toMatchObject({
      level: 40,
      provider: 'gone',
      error: 'temporarily_unavailable',
      requestId: expect.stringMatching(/.+/),
      err: { message: expect.stringContaining('ECONNREFUSED') },
    });
    expect(server.log()).not.toMatch(/upstream-code-1|upstream-secret-1/);
  });

  it('a new person is in the audit with the request and the address it came from', async () => {
    const { status } = await server.ask(authorizePath({ idp: 'test', login_hint: 'newcomer' }));
    expect(status).toBe(200);
    await server.app.get(AuditLog, { strict: false }).settled();
    const rows = await server.app
      .get(Database, { strict: false })
      .query(`SELECT remote_address, request_id IS NOT NULL AS named FROM audit_events WHERE kind = 'user.created'`);
    expect(rows).toEqual([{ remote_address: '127.0.0.1', named: true }]);
  });

  it('the page of a refusal has a style sheet that is there (D38)', async () => {
    const { text } = await server.ask(authorizePath({ idp: 'nobody' }), { accept: 'text/html' });
    const [, href = ''] = /<link rel="stylesheet" href="([^"]+)"/.exec(text) ?? [];
    expect((await server.ask(href)).status).toBe(200);
  });
});
