import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { CLIENT_ID, CLIENT_SECRET, json, type LyingOidcServer } from '../test/lying-oidc-server.js';
import { REDIRECT_URI, upstreamErrorOf } from '../test/provider-configs.js';
import { now, OidcLogins } from './oidc-connector.spec-support.js';

const logins = new OidcLogins();
let upstream: LyingOidcServer;
beforeEach(async () => {
  await logins.start();
  ({ upstream } = logins);
});
afterEach(() => logins.stop());

const connect: OidcLogins['connect'] = (about) => logins.connect(about);
const login: OidcLogins['login'] = (connector, request) => logins.login(connector, request);
const begin: OidcLogins['begin'] = (connector, request) => logins.begin(connector, request);

describe('OIDC Core §3.1.2.1', () => {
  it('asks for a code with state, nonce, scopes and whatever the client asked for', async () => {
    const { url } = await begin(connect(), {
      loginHint: 'ada@acme.test',
      prompt: 'login',
      maxAge: 0,
      acrValues: 'gold silver',
      uiLocales: 'de',
    });
    const asked = Object.fromEntries(new URL(url).searchParams);
    expect(url.startsWith(`${upstream.issuer}/authorize?`)).toBe(true);
    expect(asked).toEqual({
      client_id: CLIENT_ID,
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile email',
      state: 'state-of-ours',
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      login_hint: 'ada@acme.test',
      prompt: 'login',
      max_age: '0',
      acr_values: 'gold silver',
      ui_locales: 'de',
    });
  });

  it('adds configured parameters but lets none of them weaken the exchange', async () => {
    const authorizationParameters = {
      access_type: 'offline',
      state: 'x',
      nonce: 'x',
      client_id: 'x',
      redirect_uri: 'https://evil.test/',
      response_type: 'token',
      response_mode: 'form_post',
      code_challenge: 'x',
      code_challenge_method: 'plain',
      request_uri: 'https://evil.test/',
    };
    const { url } = await begin(connect({ authorizationParameters }));
    const asked = new URL(url).searchParams;
    expect(asked.get('access_type')).toBe('offline');
    expect([...asked.keys()].length).toBe(new Set(asked.keys()).size);
    expect([...asked.values()]).not.toContain('x');
    expect(asked.get('response_type')).toBe('code');
    expect(asked.has('response_mode')).toBe(false);
    expect(asked.has('request_uri')).toBe(false);
  });
});

describe('RFC 7636', () => {
  it('§4.5 redeems the code with the verifier of the S256 challenge it sent', async () => {
    const connector = connect();
    const { url, transaction } = await begin(connector);
    await connector.complete(upstream.answer(url), transaction, REDIRECT_URI);
    const verifier = upstream.lastTokenRequest?.get('code_verifier') ?? '';
    expect(verifier).toMatch(/^[\w-]{43}$/);
    expect(new URL(url).searchParams.get('code_challenge')).toBe(
      createHash('sha256').update(verifier).digest('base64url'),
    );
  });

  it('§7.1 takes a fresh verifier and nonce for each login', async () => {
    const connector = connect();
    const [one, two] = [await begin(connector), await begin(connector)];
    expect(one.transaction['codeVerifier']).not.toBe(two.transaction['codeVerifier']);
    expect(one.transaction['nonce']).not.toBe(two.transaction['nonce']);
  });
});

describe('OIDC Core §3.1.3', () => {
  it('completes a login into an identity and tokens', async () => {
    const { identity, tokens } = await login();
    expect(identity).toEqual({
      provider: 'acme',
      issuer: upstream.issuer,
      subject: 'ada',
      email: 'ada@acme.test',
      emailVerified: true,
      name: 'Ada Lovelace',
      groups: ['eng'],
      authTime: undefined,
      acr: undefined,
      amr: undefined,
    });
    expect(tokens).toMatchObject({ accessToken: 'at-1', refreshToken: 'rt-1', tokenType: 'bearer', expiresIn: 300 });
    expect(tokens.idToken).toMatch(/^ey/);
  });

  it.each([
    ['client_secret_basic', `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`, null],
    ['client_secret_post', undefined, CLIENT_SECRET],
    ['none', undefined, null],
  ] as const)('authenticates by %s', async (tokenEndpointAuthMethod, header, bodySecret) => {
    await login(connect({ tokenEndpointAuthMethod }));
    // RFC 6749 §2.3.1 form-encodes before base64; openid-client also encodes "-" and the like, which decodes the same.
    const [, pair] = upstream.lastTokenAuthorization?.split(' ') ?? [];
    const decoded = pair && decodeURIComponent(Buffer.from(pair, 'base64').toString());
    expect(decoded).toBe(header && Buffer.from(header.slice(6), 'base64').toString());
    expect(upstream.lastTokenRequest?.get('client_secret') ?? null).toBe(bodySecret);
  });

  it('names the missing secret when the method needs one', () => {
    expect(() => connect({ clientSecret: undefined })).toThrow(/provider "acme".*client_secret/);
  });
});

describe('OIDC Core §3.1.2.1 max_age', () => {
  it('accepts a recent auth_time and reports it with acr and amr', async () => {
    upstream.lies.idToken = { auth_time: now() - 10, acr: 'gold', amr: ['pwd', 'otp'] };
    const { identity } = await login(connect(), { maxAge: 300 });
    expect(identity).toMatchObject({ authTime: expect.any(Number), acr: 'gold', amr: ['pwd', 'otp'] });
  });

  it.each([
    ['an old auth_time', () => now() - 400],
    ['no auth_time', () => undefined],
  ])('refuses %s', async (_name, authTime) => {
    upstream.lies.idToken = { auth_time: authTime() };
    expect((await upstreamErrorOf(login(connect(), { maxAge: 300 }))).code).toBe('invalid_response');
  });
});

describe('RFC 9207 §2.4, D35', () => {
  it('accepts the issuer of the transaction', async () => {
    upstream.lies.metadata = { authorization_response_iss_parameter_supported: true };
    const connector = connect();
    const { url, transaction } = await begin(connector);
    expect(connector.sendsIss).toBe(true);
    const answer = upstream.answer(url, { iss: upstream.issuer });
    expect((await connector.complete(answer, transaction, REDIRECT_URI)).identity.subject).toBe('ada');
  });

  it('refuses a missing iss when the metadata promises it, before the code is sent anywhere', async () => {
    upstream.lies.metadata = { authorization_response_iss_parameter_supported: true };
    const error = await upstreamErrorOf(login());
    expect(error).toMatchObject({ code: 'invalid_response', detail: expect.stringContaining('iss') });
    expect(upstream.requests).not.toContain('/token');
  });

  it.each([true, false])('refuses a wrong iss, promised: %s', async (promised) => {
    upstream.lies.metadata = { authorization_response_iss_parameter_supported: promised };
    const connector = connect();
    const { url, transaction } = await begin(connector);
    for (const iss of ['https://evil.test', `${upstream.issuer}/`, '']) {
      const answer = upstream.answer(url, { iss });
      expect((await upstreamErrorOf(connector.complete(answer, transaction, REDIRECT_URI))).detail).toContain('iss');
    }
    expect(upstream.requests).not.toContain('/token');
  });

  it('looks at iss before it believes an error', async () => {
    const connector = connect();
    const { transaction } = await begin(connector);
    const answer = new URLSearchParams({ error: 'access_denied', state: 'state-of-ours', iss: 'https://evil.test' });
    expect((await upstreamErrorOf(connector.complete(answer, transaction, REDIRECT_URI))).code).toBe(
      'invalid_response',
    );
  });
});

describe('RFC 6749 §4.1.2', () => {
  const altered: [string, (answer: URLSearchParams) => void][] = [
    ['another state', (answer) => answer.set('state', 'another')],
    ['no state', (answer) => answer.delete('state')],
    ['a repeated state', (answer) => answer.append('state', 'state-of-ours')],
    ['a repeated code', (answer) => answer.append('code', 'x')],
    ['no code', (answer) => answer.delete('code')],
  ];
  it.each(altered)('refuses %s', async (_name, alter) => {
    const connector = connect();
    const { url, transaction } = await begin(connector);
    const answer = upstream.answer(url);
    alter(answer);
    expect((await upstreamErrorOf(connector.complete(answer, transaction, REDIRECT_URI))).code).toBe(
      'invalid_response',
    );
    expect(upstream.requests).not.toContain('/token');
  });

  it('R20 refuses a transaction that was begun with another issuer', async () => {
    const connector = connect();
    const { url, transaction } = await begin(connector);
    const foreign = { ...transaction, issuer: 'https://old.test' };
    expect((await upstreamErrorOf(connector.complete(upstream.answer(url), foreign, REDIRECT_URI))).detail).toContain(
      'another issuer',
    );
  });

  it('refuses a transaction of another connector', async () => {
    const connector = connect();
    expect((await upstreamErrorOf(connector.complete(new URLSearchParams(), {}, REDIRECT_URI))).code).toBe(
      'invalid_response',
    );
  });
});

describe('OIDC Core §5.3', () => {
  it('does not ask userinfo for what the ID token already says', async () => {
    upstream.idTokenClaims = { email: 'ada@acme.test', email_verified: true, name: 'Ada', groups: [] };
    const { identity } = await login();
    expect(identity).toMatchObject({ email: 'ada@acme.test', emailVerified: true, name: 'Ada', groups: [] });
    expect(upstream.requests).not.toContain('/userinfo');
  });

  it('makes do with the ID token where there is no userinfo endpoint', async () => {
    upstream.lies.metadata = { userinfo_endpoint: undefined };
    expect((await login()).identity).toMatchObject({ email: undefined, emailVerified: false, groups: [] });
  });

  it('§5.3.2 refuses userinfo about another subject', async () => {
    upstream.lies.userinfo = { sub: 'mallory' };
    expect((await upstreamErrorOf(login())).code).toBe('invalid_response');
  });

  it('fails closed when userinfo is away: missing groups are not "no groups"', async () => {
    upstream.lies.userinfo = (response) => json(response, {}, 503);
    expect((await upstreamErrorOf(login())).code).toBe('provider_unavailable');
  });

  it('never lends the verification of one address to another', async () => {
    upstream.idTokenClaims = { email: 'ceo@acme.test' };
    expect((await login()).identity).toMatchObject({ email: 'ceo@acme.test', emailVerified: false });
    upstream.userinfoClaims = { ...upstream.userinfoClaims, email: 'ceo@acme.test' };
    expect((await login()).identity).toMatchObject({ email: 'ceo@acme.test', emailVerified: true });
  });

  it('reads groups at a nested path and from a single string', async () => {
    upstream.userinfoClaims = { realm_access: { roles: 'admin' } };
    expect((await login(connect({ groupsClaim: 'realm_access.roles' }))).identity.groups).toEqual(['admin']);
  });
});

describe('OIDC Core §12', () => {
  it('refreshes, and leaves out an ID token whose subject nobody compared', async () => {
    expect(await connect().refresh('rt-1')).toEqual({
      accessToken: 'at-2',
      refreshToken: 'rt-2',
      tokenType: 'bearer',
      expiresIn: 60,
    });
    expect(upstream.lastTokenRequest?.get('refresh_token')).toBe('rt-1');
  });

  it('says invalid_grant for a dead refresh token and provider_unavailable for a sick provider', async () => {
    upstream.lies.token = (response) => json(response, { error: 'invalid_grant' }, 400);
    expect((await upstreamErrorOf(connect().refresh('rt-1'))).code).toBe('invalid_grant');
    upstream.lies.token = (response) => response.writeHead(502).end('bad gateway');
    expect((await upstreamErrorOf(connect().refresh('rt-1'))).code).toBe('provider_unavailable');
    upstream.lies.token = (response) => json(response, { error: 'invalid_client' }, 401);
    expect((await upstreamErrorOf(connect().refresh('rt-1'))).code).toBe('provider_refused');
  });
});

describe('R28', () => {
  it.each(['', ' ', 'a'.repeat(256), 'ada\u0000', 'ada\n'])('refuses subject %j', async (sub) => {
    upstream.lies.idToken = { sub };
    upstream.lies.userinfo = { sub };
    expect((await upstreamErrorOf(login())).code).toBe('invalid_response');
  });
});

describe('R31', () => {
  it.each(['access_denied', 'login_required', 'interaction_required', 'consent_required', 'temporarily_unavailable'])(
    'passes %s on with words of ours',
    async (code) => {
      const connector = connect();
      const { transaction } = await begin(connector);
      const answer = new URLSearchParams({ error: code, error_description: 'SECRET WORDS', state: 'state-of-ours' });
      const error = await upstreamErrorOf(connector.complete(answer, transaction, REDIRECT_URI));
      expect(error.code).toBe(code);
      expect(error.description).not.toContain('SECRET');
      expect(error.detail).toContain('SECRET WORDS');
    },
  );

  it.each(['unauthorized_client', 'invalid_scope', 'constructor', 'nonsense<script>'])(
    'does not pass on %s',
    async (code) => {
      const connector = connect();
      const { transaction } = await begin(connector);
      const answer = new URLSearchParams({ error: code, state: 'state-of-ours' });
      const error = await upstreamErrorOf(connector.complete(answer, transaction, REDIRECT_URI));
      expect(error.code).toBe('provider_refused');
    },
  );

  it('keeps tokens, codes and secrets out of everything an error can print', async () => {
    const token = 'tok_0123456789abcdefghijklmnopqrstuvwxyz';
    const lies: LyingOidcServer['lies'][] = [
      { tokenBody: { access_token: token, refresh_token: token, token_type: 5 } },
      { tokenBody: { access_token: token, id_token: token } },
      { tokenBody: { access_token: token, expires_in: 'soon' } },
      { token: (response) => json(response, { error: 'invalid_grant', error_description: `bad ${token}` }, 400) },
      { token: (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(`${token}{`) },
      { idToken: { aud: 'x', secret_claim: token } },
      { userinfo: { sub: 'mallory', secret_claim: token } },
    ];
    for (const lie of lies) {
      upstream.lies = lie;
      const error = await upstreamErrorOf(login());
      const printed = [inspect(error, { depth: 20, showHidden: true }), JSON.stringify(error), String(error)].join();
      expect(printed).not.toContain(token.slice(0, 8));
      expect(printed).not.toContain(CLIENT_SECRET);
    }
  });
});
