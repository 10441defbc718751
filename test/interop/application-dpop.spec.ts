import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import { walk } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { claimsOf } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';

const SECRET = 'a-secret-of-the-wiki-with-enough-characters';
const PHONE = 'http://127.0.0.1:4000/callback';
const SHOP = 'https://shop.example/callback';
const ORDERS = 'https://orders.example/';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'Ed25519'];
const YAML = `
applications:
  - { client_id: phone, name: Phone, redirect_uris: ['${PHONE}'], dpop_bound_access_tokens: true }
  - { client_id: shop, client_secret: ${SECRET}, name: Shop, redirect_uris: ['${SHOP}'], resources: ['${ORDERS}'],
      grant_types: [authorization_code, refresh_token, '${EXCHANGE}'], consent: skip }
`;

let installation: Installation;
let issuer: URL;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
  issuer = new URL(installation.server.publicUrl);
});
afterAll(() => installation.stop());

const configured = (clientId: string, authentication: oidc.ClientAuth) =>
  oidc.discovery(issuer, clientId, undefined, authentication, { execute: [oidc.allowInsecureRequests] });

type Begin = (config: oidc.Configuration, parameters: Record<string, string>) => URL | Promise<URL>;

async function signIn(config: oidc.Configuration, redirectUri: string, DPoP: oidc.DPoPHandle, begin: Begin) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const expectedState = oidc.randomState();
  const url = await begin(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    idp: 'test',
    login_hint: 'interop',
    state: expectedState,
  });
  const { answer } = await walk(new Browser(), url, redirectUri);
  return oidc.authorizationCodeGrant(config, answer, { pkceCodeVerifier, expectedState }, undefined, { DPoP });
}

describe('openid-client, unmodified, with DPoP (RFC 9449)', () => {
  it.each(ALGORITHMS)('a public application signs in, reads UserInfo and refreshes with a key for %s', async (alg) => {
    const config = await configured('phone', oidc.None());
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair(alg));
    const withKey: Begin = async (to, parameters) =>
      oidc.buildAuthorizationUrl(to, { ...parameters, dpop_jkt: await DPoP.calculateThumbprint() });
    const tokens = await signIn(config, PHONE, DPoP, withKey);
    expect(tokens.token_type).toBe('dpop');
    const sub = String(tokens.claims()?.sub);
    expect(await oidc.fetchUserInfo(config, tokens.access_token, sub, { DPoP })).toMatchObject({
      email: 'interop@test.tmi',
    });
    const refreshed = await oidc.refreshTokenGrant(config, String(tokens.refresh_token), undefined, { DPoP });
    expect(claimsOf(refreshed.access_token)['cnf']).toEqual({ jkt: await DPoP.calculateThumbprint() });
    const thief = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
    await expect(
      oidc.refreshTokenGrant(config, String(refreshed.refresh_token), undefined, { DPoP: thief }),
    ).rejects.toMatchObject({ error: 'invalid_grant' });
    await expect(oidc.fetchUserInfo(config, refreshed.access_token, sub)).rejects.toMatchObject({ status: 401 });
  });

  it('a confidential application pushes its request with a proof (§10.1), and asks what a token is', async () => {
    const config = await configured('shop', oidc.ClientSecretBasic(SECRET));
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
    const tokens = await signIn(config, SHOP, DPoP, (to, parameters) =>
      oidc.buildAuthorizationUrlWithPAR(to, parameters, { DPoP }),
    );
    expect(await oidc.tokenIntrospection(config, tokens.access_token)).toMatchObject({
      active: true,
      token_type: 'DPoP',
      cnf: { jkt: await DPoP.calculateThumbprint() },
    });
  });

  it('is told what is missing where the application must use it (§5.2)', async () => {
    const config = await configured('phone', oidc.None());
    await expect(oidc.refreshTokenGrant(config, 'gth_rt_x')).rejects.toMatchObject({
      error: 'invalid_dpop_proof',
      status: 400,
    });
  });
});

describe('oauth4webapi and openid-client, unmodified, exchange a token (RFC 8693)', () => {
  it('for one that is for an API alone, bound to the same key', async () => {
    const config = await configured('shop', oidc.ClientSecretBasic(SECRET));
    const keys = await oidc.randomDPoPKeyPair();
    const DPoP = oidc.getDPoPHandle(config, keys);
    const { access_token: subject } = await signIn(config, SHOP, DPoP, oidc.buildAuthorizationUrl);
    const wish = { subject_token: subject, subject_token_type: ACCESS_TOKEN, scope: 'email', resource: ORDERS };
    const narrow = await oidc.genericGrantRequest(config, EXCHANGE, wish, { DPoP });
    expect(narrow).toMatchObject({ token_type: 'dpop', issued_token_type: ACCESS_TOKEN, scope: 'email' });
    expect(claimsOf(narrow.access_token)).toMatchObject({ aud: ORDERS, cnf: claimsOf(subject)['cnf'] });

    const client: oauth.Client = { client_id: 'shop' };
    const insecure = { [oauth.allowInsecureRequests]: true };
    const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...insecure }));
    const response = await oauth.genericTokenEndpointRequest(
      server,
      client,
      oauth.ClientSecretPost(SECRET),
      EXCHANGE,
      wish,
      { ...insecure, DPoP: oauth.DPoP(client, keys) },
    );
    const again = await oauth.processGenericTokenEndpointResponse(server, client, response);
    expect(claimsOf(again.access_token)).toMatchObject({ aud: ORDERS, scope: 'email', client_id: 'shop' });
  });
});
