import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { startFakeUpstream, type FakeUpstream } from '../harness/fake-upstream.js';
import { ask, basic, refresh } from '../harness/fake-upstream-requests.js';

let upstream: FakeUpstream;

beforeAll(async () => {
  upstream = await startFakeUpstream({ access_ttl: 60, ledger_depth: 4 });
});

beforeEach(() => upstream.reset());

afterAll(() => upstream.close());

const oneFamily = async () => {
  const [tokens] = await upstream.issue();
  if (tokens === undefined) throw new Error('nothing was issued');
  return tokens;
};

describe('RFC 9700 §4.14.2 rotation', () => {
  it('answers the next generation, and counts it', async () => {
    const { refresh_token: first, family } = await oneFamily();
    const { body } = await refresh(upstream, first);
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 60, scope: 'default' });
    expect(body.refresh_token).not.toBe(first);
    expect(await upstream.grants(family)).toMatchObject({ generation: 1, serial: 2, delivered: 2, current: body });
  });

  it('single_use: a used token that comes again is invalid_grant and ends the family', async () => {
    const { refresh_token: first, family } = await oneFamily();
    const { body: second } = await refresh(upstream, first);
    expect(await refresh(upstream, first)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(await refresh(upstream, second.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect(await upstream.grants(family)).toMatchObject({ status: 'reuse', replayed: 1, granted: 1, refused: 2 });
    expect(await upstream.stats()).toMatchObject({
      families_revoked: { reuse: 1 },
      refresh: { replayed: 1, duplicate_grants: 0 },
    });
  });

  it('single_use without family revocation: the newest token stays good', async () => {
    await upstream.set({ family_revocation: false });
    const { refresh_token: first } = await oneFamily();
    const { body: second } = await refresh(upstream, first);
    expect((await refresh(upstream, first)).status).toBe(400);
    expect((await refresh(upstream, second.refresh_token)).status).toBe(200);
  });

  it('grace: the previous token serves again for a while, as a duplicate with the same successor', async () => {
    await upstream.set({ rotation: 'grace', grace_seconds: 30 });
    const { refresh_token: first, family } = await oneFamily();
    const { body: second } = await refresh(upstream, first);
    await upstream.set({ clock_offset_ms: 29_000 });
    const { body: again } = await refresh(upstream, first);
    expect(again.refresh_token).toBe(second.refresh_token);
    expect(again.access_token).not.toBe(second.access_token);
    expect(await upstream.grants(family)).toMatchObject({ generation: 1, duplicate_grants: 1 });
    await upstream.set({ clock_offset_ms: 31_000 });
    expect(await refresh(upstream, first)).toMatchObject({ body: { error: 'invalid_grant' } });
    expect((await upstream.grants(family)).status).toBe('reuse');
  });

  it('grace: a token two generations old is reuse at any time', async () => {
    await upstream.set({ rotation: 'grace' });
    const { refresh_token: first } = await oneFamily();
    const { body: second } = await refresh(upstream, first);
    await refresh(upstream, second.refresh_token);
    expect((await refresh(upstream, first)).status).toBe(400);
  });

  it('reusable: the same token serves for good', async () => {
    await upstream.set({ rotation: 'reusable' });
    const { refresh_token: first, family } = await oneFamily();
    for (const _ of [1, 2]) expect((await refresh(upstream, first)).body.refresh_token).toBe(first);
    expect(await upstream.grants(family)).toMatchObject({ generation: 0, serial: 3, replayed: 0, duplicate_grants: 0 });
  });

  it('an unused refresh token ends with refresh_ttl, by its clock', async () => {
    await upstream.set({ refresh_ttl: 100 });
    const { refresh_token: first, refresh_token_expires_in } = await oneFamily();
    expect(refresh_token_expires_in).toBe(100);
    await upstream.set({ clock_offset_ms: 101_000 });
    expect((await refresh(upstream, first)).status).toBe(400);
  });
});

describe('RFC 6749 §5.2 refusals', () => {
  const grant = async () => ({ grant_type: 'refresh_token', refresh_token: (await oneFamily()).refresh_token });
  const post = { client_id: 'fake-client', client_secret: 'fake-secret' };

  it.each([
    ['an unknown token', { refresh_token: 'fur_0_0_00' }, 400, 'invalid_grant'],
    ['a wider scope', { scope: 'default admin' }, 400, 'invalid_scope'],
    ['another grant', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client'],
    ['no secret', { client_secret: undefined }, 401, 'invalid_client'],
    ['an unknown client', { client_id: 'nobody' }, 401, 'invalid_client'],
    ['another client’s token', { client_id: 'fake-public', client_secret: undefined }, 400, 'invalid_grant'],
  ])('%s', async (_what, changes, status, error) => {
    const fields = { ...(await grant()), ...post, ...changes };
    expect(await ask(upstream, '/token', { fields })).toMatchObject({ status, body: { error } });
    expect((await upstream.stats()).refresh.granted).toBe(0);
  });

  it('two ways of authentication, a repeated field, a GET', async () => {
    const fields = await grant();
    const twice = { fields: { ...fields, ...post }, headers: basic() };
    expect(await ask(upstream, '/token', twice)).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const raw = `${new URLSearchParams({ ...fields, ...post })}&scope=a&scope=a`;
    const repeated = await fetch(`${upstream.url}/token`, { method: 'POST', body: new URLSearchParams(raw) });
    expect([repeated.status, await repeated.json()]).toMatchObject([400, { error: 'invalid_request' }]);
    expect((await fetch(`${upstream.url}/token`)).status).toBe(405);
  });

  it('client_auth and body_format insist on one way, JSON bodies included', async () => {
    const fields = { ...(await grant()), ...post };
    await upstream.set({ client_auth: 'basic' });
    expect((await ask(upstream, '/token', { fields })).status).toBe(401);
    await upstream.set({ client_auth: 'post', body_format: 'json' });
    expect((await ask(upstream, '/token', { fields })).status).toBe(400);
    expect((await ask(upstream, '/token', { json: fields })).status).toBe(200);
    await upstream.set({ body_format: 'form' });
    expect((await ask(upstream, '/token', { json: fields })).status).toBe(400);
  });
});

describe('openid-client, unmodified', () => {
  const redirectUri = 'http://localhost:4999/callback';

  async function signIn() {
    const config = await oidc.discovery(
      new URL(upstream.url),
      'fake-client',
      undefined,
      oidc.ClientSecretBasic('fake-secret'),
      { execute: [oidc.allowInsecureRequests] },
    );
    const verifier = oidc.randomPKCECodeVerifier();
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid offline_access',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      login_hint: 'alice',
      state: 'a-state',
      nonce: 'a-nonce',
    });
    const location = new URL((await fetch(url, { redirect: 'manual' })).headers.get('location') ?? '');
    const checks = { pkceCodeVerifier: verifier, expectedState: 'a-state', expectedNonce: 'a-nonce' };
    return { config, location, checks, tokens: await oidc.authorizationCodeGrant(config, location, checks) };
  }

  it('goes through discovery, code with PKCE, refresh, introspection, userinfo and revocation', async () => {
    const { config, tokens } = await signIn();
    const keys = createRemoteJWKSet(new URL(`${upstream.url}/jwks`));
    const { payload } = await jwtVerify(String(tokens.id_token), keys, { issuer: upstream.url });
    expect(payload).toMatchObject({ sub: 'alice', nonce: 'a-nonce' });
    const next = await oidc.refreshTokenGrant(config, String(tokens.refresh_token));
    expect(await oidc.tokenIntrospection(config, next.access_token)).toMatchObject({ active: true, sub: 'alice' });
    expect(await oidc.fetchUserInfo(config, next.access_token, 'alice')).toMatchObject({ email: 'alice@example.test' });
    await oidc.tokenRevocation(config, String(next.refresh_token));
    expect(await oidc.tokenIntrospection(config, next.access_token)).toEqual({ active: false });
    expect(await upstream.stats()).toMatchObject({
      families_revoked: { revoked: 1 },
      refresh: { granted: 1, delivered: 1, undelivered: 0 },
    });
  });

  it('a code that comes twice ends its family (RFC 6749 §4.1.2); a wrong verifier gets none (RFC 7636 §4.6)', async () => {
    const { config, location, checks } = await signIn();
    await expect(oidc.authorizationCodeGrant(config, location, checks)).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    expect((await upstream.stats()).families_revoked).toEqual({ code_reuse: 1 });
    const authorize = new URL(`${upstream.url}/authorize?response_type=code&client_id=fake-public`);
    authorize.searchParams.set('redirect_uri', redirectUri);
    const withoutPkce = await fetch(authorize, { redirect: 'manual' });
    expect(withoutPkce.headers.get('location')).toContain('error=invalid_request');
    authorize.searchParams.set('code_challenge', 'a'.repeat(43));
    const answer = new URL((await fetch(authorize, { redirect: 'manual' })).headers.get('location') ?? '');
    const fields = { grant_type: 'authorization_code', client_id: 'fake-public', redirect_uri: redirectUri };
    const code = String(answer.searchParams.get('code'));
    for (const [code_verifier, status] of [
      ['b'.repeat(43), 400],
      ['a'.repeat(43), 200],
    ] as const) {
      expect((await ask(upstream, '/token', { fields: { ...fields, code, code_verifier } })).status).toBe(status);
    }
  });
});

describe('access tokens', () => {
  const userinfo = async (token: string) =>
    (await fetch(`${upstream.url}/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status;

  it('end with their lifetime by its clock', async () => {
    const { access_token } = await oneFamily();
    expect(await userinfo(access_token)).toBe(200);
    await upstream.set({ clock_offset_ms: 61_000 });
    expect(await userinfo(access_token)).toBe(401);
  });

  it('live on after a refresh, or not, as old_access_tokens says', async () => {
    const { access_token: old, refresh_token } = await oneFamily();
    const { body } = await refresh(upstream, refresh_token);
    expect(await userinfo(old)).toBe(200);
    await upstream.set({ old_access_tokens: 'revoked' });
    expect([await userinfo(old), await userinfo(String(body.access_token))]).toEqual([401, 200]);
  });

  it('may be JWTs that say when they end', async () => {
    await upstream.set({ access_format: 'jwt' });
    const { access_token, subject } = await oneFamily();
    const claims = JSON.parse(Buffer.from(access_token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ sub: subject, exp: claims.iat + 60, iss: upstream.url });
    expect(await userinfo(access_token)).toBe(200);
    expect(await userinfo(`${access_token.slice(0, -4)}AAAA`)).toBe(401);
  });
});
