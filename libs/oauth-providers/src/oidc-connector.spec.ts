import { createHash, createPublicKey } from 'node:crypto';
import { inspect } from 'node:util';
import { exportSPKI, importJWK, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { CLIENT_ID, CLIENT_SECRET, json, LyingOidcServer, newKey, unsigned } from '../test/lying-oidc-server.js';
import { anOidcProvider, anOutbound, REDIRECT_URI, upstreamErrorOf } from '../test/provider-configs.js';
import { OidcConnector } from './oidc-connector.js';
import type { OutboundFetch } from '@app/outbound';
import type { BeginRequest, UpstreamTransaction } from './upstream-connector.js';

let upstream: LyingOidcServer;
let outbound: OutboundFetch;
const now = () => Math.floor(Date.now() / 1_000);

beforeEach(async () => {
  upstream = await LyingOidcServer.start();
  outbound = anOutbound();
});
afterEach(async () => {
  await outbound.close();
  await upstream.stop();
});

function connect(about: Parameters<typeof anOidcProvider>[1] = {}): OidcConnector {
  return new OidcConnector(anOidcProvider(upstream.issuer, about), {
    outbound,
    clock: () => new Date(),
    schedule: () => ({ cancel: () => undefined }),
    clockSkewSeconds: 60,
  });
}

async function begin(connector: OidcConnector, request: Partial<BeginRequest> = {}) {
  const begun = await connector.begin({ state: 'state-of-ours', redirectUri: REDIRECT_URI, ...request });
  if (begun.kind !== 'redirect') throw new Error('no redirect');
  // As the login transaction does: through JSON.
  return { url: begun.url, transaction: JSON.parse(JSON.stringify(begun.transaction)) as UpstreamTransaction };
}

async function login(connector: OidcConnector = connect(), request: Partial<BeginRequest> = {}) {
  const { url, transaction } = await begin(connector, request);
  return connector.complete(upstream.answer(url), transaction, REDIRECT_URI);
}

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

describe('OIDC Core §3.1.3.7, R24', () => {
  const refusals: [string, RegExp, () => void][] = [
    ['a wrong nonce', /nonce/, () => (upstream.lies.idToken = { nonce: 'another' })],
    ['a missing nonce', /nonce.*missing/, () => (upstream.lies.idToken = { nonce: undefined })],
    ['a wrong iss', /iss/, () => (upstream.lies.idToken = { iss: 'https://evil.test' })],
    ['a wrong aud', /aud/, () => (upstream.lies.idToken = { aud: 'somebody-else' })],
    ['several aud without azp', /additional untrusted/, () => (upstream.lies.idToken = { aud: [CLIENT_ID, 'other'] })],
    [
      'several aud with a foreign azp',
      /azp/,
      () => (upstream.lies.idToken = { aud: [CLIENT_ID, 'other'], azp: 'other' }),
    ],
    ['a single aud with a foreign azp', /azp/, () => (upstream.lies.idToken = { azp: 'other' })],
    ['an expired token', /exp/, () => (upstream.lies.idToken = { exp: now() - 120 })],
    ['a token without exp', /exp.*missing/, () => (upstream.lies.idToken = { exp: undefined })],
    ['a token without iat', /iat.*missing/, () => (upstream.lies.idToken = { iat: undefined })],
    ['a token without sub', /sub.*missing/, () => (upstream.lies.idToken = { sub: undefined })],
    ['a token not yet valid', /nbf/, () => (upstream.lies.idToken = { nbf: now() + 120 })],
    ['no ID token at all', /id_token/, () => (upstream.lies.tokenBody = { id_token: undefined })],
    ['alg none', /alg/, () => (upstream.lies.sign = unsigned)],
    ['a type of another kind of token', /another kind/, () => (upstream.lies.header = { typ: 'at+jwt' })],
    ['a logout token', /another kind/, () => (upstream.lies.header = { typ: 'application/logout+jwt' })],
    ['an unknown kid', /no applicable keys/, () => (upstream.lies.header = { kid: 'nobody' })],
    [
      'an at_hash of another access token',
      /at_hash/,
      () => (upstream.lies.idToken = { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
    ],
    [
      'alg HS256 under the client secret',
      /alg/,
      () => (upstream.lies.sign = hs256(() => Promise.resolve(Buffer.from(CLIENT_SECRET)))),
    ],
    ['alg HS256 under the public key', /alg/, () => (upstream.lies.sign = hs256(publicKeyBytes))],
    [
      'a signature by another key under a known kid',
      /signature verification failed/,
      () => (upstream.lies.sign = async (claims) => es256(claims, (await newKey('first')).privateKey)),
    ],
    [
      'a stripped signature',
      /signature verification failed/,
      () =>
        (upstream.lies.sign = async (claims) =>
          (await es256(claims, upstream.keys[0]!.privateKey)).replace(/\.[\w-]+$/, '.')),
    ],
  ];

  it.each(refusals)('refuses %s', async (_name, reason, lie) => {
    lie();
    const error = await upstreamErrorOf(login());
    expect(error.code).toBe('invalid_response');
    expect(error.detail).toMatch(reason);
  });

  it('accepts several aud when azp is ours', async () => {
    upstream.lies.idToken = { aud: [CLIENT_ID, 'other'], azp: CLIENT_ID };
    expect((await login()).identity.subject).toBe('ada');
  });

  it('accepts the at_hash of the access token', async () => {
    const half = createHash('sha256').update('at-1').digest().subarray(0, 16);
    upstream.lies.idToken = { at_hash: half.toString('base64url') };
    expect((await login()).identity.subject).toBe('ada');
  });

  it('grants the configured clock skew and no more', async () => {
    upstream.lies.idToken = { exp: now() - 30 };
    expect((await login()).identity.subject).toBe('ada');
    upstream.lies.idToken = { exp: now() - 61 };
    expect((await upstreamErrorOf(login())).detail).toContain('exp');
  });

  it('accepts only the configured algorithm when one is configured', async () => {
    expect((await login(connect({ idTokenSignedResponseAlg: 'ES256' }))).identity.subject).toBe('ada');
    expect((await upstreamErrorOf(login(connect({ idTokenSignedResponseAlg: 'RS256' })))).code).toBe(
      'invalid_response',
    );
  });

  it.each(['HS256', 'none'])('never takes %s as the configured algorithm', async (idTokenSignedResponseAlg) => {
    const error = await upstreamErrorOf(login(connect({ idTokenSignedResponseAlg })));
    expect(error.code).toBe('provider_unavailable');
    expect(error.detail).toContain('asymmetric');
  });

  it('takes a key that appeared after the last login at once', async () => {
    const connector = connect();
    await login(connector);
    await login(connector);
    expect(upstream.requests.filter((path) => path === '/jwks')).toHaveLength(1);
    upstream.keys = [await newKey('second')];
    expect((await login(connector)).identity.subject).toBe('ada');
    expect(upstream.requests.filter((path) => path === '/jwks')).toHaveLength(2);
  });

  it('no longer takes a withdrawn key once the new set is known', async () => {
    const connector = connect();
    const [old] = upstream.keys;
    await login(connector);
    upstream.keys = [await newKey('second')];
    await login(connector);
    upstream.lies.sign = (claims) => es256(claims, old!.privateKey);
    expect((await upstreamErrorOf(login(connector))).code).toBe('invalid_response');
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

function es256(claims: JWTPayload, key: CryptoKey): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'first' }).sign(key);
}

function hs256(secret: () => Promise<Uint8Array>) {
  return async (claims: JWTPayload) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'first' }).sign(await secret());
}

async function publicKeyBytes(): Promise<Uint8Array> {
  const { jwk } = upstream.keys[0]!;
  const pem = await exportSPKI((await importJWK(jwk, 'ES256')) as CryptoKey);
  return Buffer.from(createPublicKey(pem).export({ type: 'spki', format: 'pem' }));
}
