import { createHash } from 'node:crypto';
import { UpstreamError } from '@app/oauth-providers';
import {
  CLIENT_ID,
  CLIENT_SECRET as OIDC_SECRET,
  LyingOidcServer,
} from '../../oauth-providers/test/lying-oidc-server.js';
import { CLIENT_SECRET, hub, partsOf, say, TokenServer, type Parts } from '../test/token-server.js';

const redirectUri = 'http://localhost:8080/oauth2/callback';
const state = 'state-of-the-caller';

let server: TokenServer;
let parts: Parts[] = [];
beforeEach(async () => {
  server = await TokenServer.start();
});
afterEach(async () => {
  await Promise.all(parts.map((part) => part.close()));
  parts = [];
  await server.stop();
});

function endpoints(about: Record<string, unknown> = {}) {
  const made = partsOf([hub(server.origin, about)]);
  parts.push(made);
  return made.endpoints;
}

type Endpoints = ReturnType<typeof endpoints>;
const begin = (spoken: Endpoints, scopes = ['read', 'write']) =>
  spoken.authorize('hub', { state, redirectUri, scopes, loginHint: 'ada@example.com' });

async function refusalOf(promise: Promise<unknown>): Promise<UpstreamError> {
  const outcome = await promise.catch((error: unknown) => error);
  if (outcome instanceof UpstreamError) return outcome;
  throw new Error(`expected an UpstreamError, got ${String(outcome)}`);
}

describe('RFC 6749 §4.1 connecting', () => {
  it('sends the browser with state, our scopes and a PKCE challenge (RFC 7636 §4.3)', async () => {
    const about = { authorization_parameters: { access_type: 'offline' }, scope_separator: ',' };
    const { url, transaction } = await begin(endpoints(about));
    const asked = new URL(url);
    expect(asked.origin + asked.pathname).toBe(`${server.origin}/authorize`);
    const { code_challenge: challenge, ...rest } = Object.fromEntries(asked.searchParams);
    expect(rest).toEqual({
      access_type: 'offline',
      client_id: 'gatehouse',
      code_challenge_method: 'S256',
      login_hint: 'ada@example.com',
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'read,write',
      state,
    });
    const verifier = String(transaction['codeVerifier']);
    expect(challenge).toBe(createHash('sha256').update(verifier).digest('base64url'));
    expect(JSON.parse(JSON.stringify(transaction))).toEqual(transaction);
  });

  it('redeems the code with the verifier, and keeps what the redirect said', async () => {
    const about = {
      preset: 'quickbooks',
      authorization_url: `${server.origin}/authorize`,
      token_url: `${server.origin}/token`,
    };
    const spoken = endpoints(about);
    const { transaction } = await begin(spoken);
    server.answer = say({
      body: { access_token: 'at', refresh_token: 'rt', expires_in: 3600, x_refresh_token_expires_in: 8_726_400 },
    });
    const callback = new URLSearchParams({ code: 'c1', state, realmId: '4620816365', other: 'x' });
    expect(await spoken.exchange('hub', callback, transaction, redirectUri)).toEqual({
      accessToken: 'at',
      refreshToken: 'rt',
      tokenType: 'Bearer',
      scope: undefined,
      expiresInSeconds: 3600,
      refreshExpiresInSeconds: 8_726_400,
      metadata: { realmId: '4620816365' },
      subject: undefined,
    });
    expect(server.lastForm).toEqual({
      grant_type: 'authorization_code',
      code: 'c1',
      redirect_uri: redirectUri,
      code_verifier: transaction['codeVerifier'],
    });
  });

  it('sends no challenge where the provider would refuse it', async () => {
    const { url, transaction } = await begin(endpoints({ pkce: false }));
    expect(new URL(url).searchParams.has('code_challenge')).toBe(false);
    expect(transaction['codeVerifier']).toBeUndefined();
  });

  it('speaks Slack: scopes with commas, tokens of the user, his id', async () => {
    const spoken = endpoints({ preset: 'slack', token_url: `${server.origin}/token` });
    const { transaction } = await begin(spoken);
    const user = {
      id: 'U1',
      access_token: 'xoxe.xoxp-1',
      refresh_token: 'xoxe-1',
      expires_in: 43_200,
      token_type: 'user',
      scope: 'a,b',
    };
    server.answer = say({ body: { ok: true, authed_user: user, team: { id: 'T1', name: 'Team' } } });
    const callback = new URLSearchParams({ code: 'c', state });
    expect(await spoken.exchange('hub', callback, transaction, redirectUri)).toMatchObject({
      accessToken: 'xoxe.xoxp-1',
      tokenType: 'Bearer',
      scope: 'a b',
      subject: 'U1',
      metadata: { team_id: 'T1', team_name: 'Team' },
    });
    expect(server.lastForm).toMatchObject({ client_id: 'gatehouse', client_secret: CLIENT_SECRET });
  });

  it('speaks Stripe and Shopify: a secret as bearer, a parameter at the exchange', async () => {
    const stripe = endpoints({ preset: 'stripe', token_url: `${server.origin}/token` });
    const callback = new URLSearchParams({ code: 'c', state });
    await stripe.exchange('hub', callback, (await begin(stripe)).transaction, redirectUri);
    expect(server.last.headers.authorization).toBe(`Bearer ${CLIENT_SECRET}`);
    const shop = { preset: 'shopify', preset_host: 'acme.myshopify.com' };
    const shopify = endpoints({ ...shop, token_url: `${server.origin}/token`, authorization_url: undefined });
    const begun = await begin(shopify);
    expect(begun.url).toMatch(/^https:\/\/acme\.myshopify\.com\/admin\/oauth\/authorize\?/);
    await shopify.exchange('hub', callback, begun.transaction, redirectUri);
    expect(server.lastForm['expiring']).toBe('1');
  });

  it.each<[string, Record<string, string>, string]>([
    ['another state', { code: 'c', state: 'other' }, 'invalid_response'],
    ['no state', { code: 'c' }, 'invalid_response'],
    ['no code', { state }, 'invalid_response'],
    ['a refusal', { error: 'access_denied', state }, 'access_denied'],
    ['an issuer that nobody configured', { code: 'c', state, iss: 'https://evil.example' }, 'invalid_response'],
  ])('refuses %s, and asks nobody', async (_, callback, code) => {
    const spoken = endpoints();
    const { transaction } = await begin(spoken);
    const exchange = spoken.exchange('hub', new URLSearchParams(callback), transaction, redirectUri);
    expect(await refusalOf(exchange)).toMatchObject({ code });
    expect(server.asked).toEqual([]);
  });

  it.each([
    [
      'a refusal',
      say({ status: 400, body: { error: 'invalid_grant', error_description: 'code c-1-secret-code' } }),
      'invalid_grant',
    ],
    ['a refusal under 200', say({ body: { ok: false, error: 'invalid_code' } }), 'provider_refused'],
    ['trouble with an OAuth body', say({ status: 500, body: { error: 'invalid_grant' } }), 'provider_unavailable'],
    ['HTML', say({ body: '<html>' }), 'invalid_response'],
    ['no token', say({ body: {} }), 'invalid_response'],
  ])('passes on %s without its secrets (R31)', async (_, answer, code) => {
    const spoken = endpoints();
    const { transaction } = await begin(spoken);
    server.answer = answer;
    const callback = new URLSearchParams({ code: 'c-1-secret-code', state });
    const error = await refusalOf(spoken.exchange('hub', callback, transaction, redirectUri));
    expect(error.code).toBe(code);
    expect(error.message).not.toContain('c-1-secret-code');
  });
});

describe('D35', () => {
  it('refuses an iss that is not the provider’s, and a missing one that was promised (RFC 9207 §2.4)', async () => {
    const spoken = endpoints({ issuer: server.origin });
    const { transaction } = await begin(spoken);
    const exchange = (more: Record<string, string>) =>
      spoken.exchange('hub', new URLSearchParams({ code: 'c', state, ...more }), transaction, redirectUri);
    expect(await refusalOf(exchange({}))).toMatchObject({ code: 'invalid_response' });
    expect(await refusalOf(exchange({ iss: 'https://other.example' }))).toMatchObject({ code: 'invalid_response' });
    expect(server.asked).toEqual([]);
    expect(await exchange({ iss: server.origin })).toMatchObject({ accessToken: 'at-2' });
  });

  it('carries no code to another endpoint than the one the connection was begun for', async () => {
    const { transaction } = await begin(endpoints());
    const moved = endpoints({ token_url: `${server.origin}/elsewhere` });
    const callback = new URLSearchParams({ code: 'c', state });
    expect(await refusalOf(moved.exchange('hub', callback, transaction, redirectUri))).toMatchObject({
      code: 'invalid_response',
    });
    expect(server.asked).toEqual([]);
  });
});

describe('an OpenID Connect provider', () => {
  let idp: LyingOidcServer;
  beforeEach(async () => {
    idp = await LyingOidcServer.start();
  });
  afterEach(() => idp.stop());

  function connected(about: Record<string, unknown> = {}) {
    const provider = { id: 'hub', type: 'oidc', issuer: idp.issuer, client_id: CLIENT_ID, client_secret: OIDC_SECRET };
    const made = partsOf([{ ...provider, ...about }]);
    parts.push(made);
    return made.endpoints;
  }

  it('is connected with its ID token checked, which names the account (OIDC Core §3.1.3.7)', async () => {
    const spoken = connected({ sign_in: false });
    const { url, transaction } = await begin(spoken, ['openid', 'offline_access']);
    expect(new URL(url).searchParams.get('scope')).toBe('openid offline_access');
    idp.lies.tokenBody = { refresh_token_expires_in: 900, expires_in: '300' };
    expect(await spoken.exchange('hub', idp.answer(url), transaction, redirectUri)).toMatchObject({
      accessToken: 'at-1',
      refreshToken: 'rt-1',
      tokenType: 'Bearer',
      expiresInSeconds: 300,
      refreshExpiresInSeconds: 900,
      subject: 'ada',
    });
    expect(idp.requests).not.toContain('/userinfo');
  });

  it('is refused with an ID token of another login', async () => {
    const spoken = connected();
    const { url, transaction } = await begin(spoken, ['openid']);
    idp.lies.idToken = { nonce: 'of another login' };
    const exchange = spoken.exchange('hub', idp.answer(url), transaction, redirectUri);
    expect(await refusalOf(exchange)).toMatchObject({ code: 'invalid_response' });
  });

  it('is connected without openid by the endpoints it publishes', async () => {
    const spoken = connected();
    const { url, transaction } = await begin(spoken, ['files']);
    expect(new URL(url).searchParams.get('scope')).toBe('files');
    const tokens = await spoken.exchange('hub', idp.answer(url), transaction, redirectUri);
    expect(tokens).toMatchObject({ accessToken: 'at-1', subject: undefined });
  });

  it('is refreshed at the endpoint it publishes, by the dialect of its settings', async () => {
    const spoken = connected();
    expect(await spoken.refresh('hub', 'rt-1', {})).toMatchObject({
      kind: 'refreshed',
      tokens: { accessToken: 'at-2', refreshToken: 'rt-2', expiresInSeconds: 60 },
    });
    expect(Object.fromEntries(idp.lastTokenRequest ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'rt-1',
    });
    expect(idp.lastTokenAuthorization).toMatch(/^Basic /);
  });
});
