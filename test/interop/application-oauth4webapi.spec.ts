import { exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'oauth4webapi';
import { walk } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { startInstallation, type Installation } from '../harness/suite.js';

const REDIRECT = 'https://robot.example/callback';
const insecure = { [oauth.allowInsecureRequests]: true };
const client: oauth.Client = { client_id: 'robot' };
let installation: Installation;
let server: oauth.AuthorizationServer;
/** Two keys are registered, as while one is being replaced. */
let keys: readonly oauth.PrivateKey[];

beforeAll(async () => {
  const made = await Promise.all(
    ['old', 'new'].map(async (kid) => {
      const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
      return { key: { key: privateKey, kid }, jwk: { ...(await exportJWK(publicKey)), kid } };
    }),
  );
  keys = made.map(({ key }) => key);
  const jwks = JSON.stringify({ keys: made.map(({ jwk }) => jwk) });
  const entry = `{ client_id: robot, name: Robot, redirect_uris: [${REDIRECT}], jwks: ${jwks} }`;
  installation = await startInstallation({ yaml: `applications:\n  - ${entry}\n` });
  const issuer = new URL(installation.server.publicUrl);
  server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...insecure }));
});
afterAll(() => installation.stop());

async function pushed(authentication: oauth.ClientAuth, changes: Record<string, string> = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const parameters = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: 'openid email',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: 'abc',
    nonce: 'n-1',
    idp: 'test',
    login_hint: 'web-api',
    ...changes,
  });
  const response = await oauth.pushedAuthorizationRequest(server, client, authentication, parameters, { ...insecure });
  const { request_uri: requestUri } = await oauth.processPushedAuthorizationResponse(server, client, response);
  const url = new URL(String(server.authorization_endpoint));
  url.search = new URLSearchParams({ client_id: client.client_id, request_uri: requestUri }).toString();
  return { url, verifier };
}

describe('oauth4webapi, unmodified, as an application with keys (RFC 7523, RFC 9126)', () => {
  it.each([0, 1])('pushes, signs in, refreshes, introspects and revokes with key %i of two', async (index) => {
    const key = keys[index];
    if (key === undefined) throw new Error('there are two keys');
    const authentication = oauth.PrivateKeyJwt(key);
    const { url, verifier } = await pushed(authentication);
    const { answer } = await walk(new Browser(), url, REDIRECT);
    const parameters = oauth.validateAuthResponse(server, client, answer, 'abc');
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      parameters,
      REDIRECT,
      verifier,
      { ...insecure },
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: 'n-1',
      requireIdToken: true,
    });
    expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({ aud: 'robot', email: 'web-api@test.tmi' });

    const old = String(tokens.refresh_token);
    const refresh = await oauth.refreshTokenGrantRequest(server, client, authentication, old, { ...insecure });
    const { refresh_token: token = '' } = await oauth.processRefreshTokenResponse(server, client, refresh);
    const isActive = async () => {
      const asked = await oauth.introspectionRequest(server, client, authentication, token, { ...insecure });
      return (await oauth.processIntrospectionResponse(server, client, asked)).active;
    };
    expect(await isActive()).toBe(true);
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(server, client, authentication, token, { ...insecure }),
    );
    expect(await isActive()).toBe(false);
  });

  it('understands what is refused (RFC 9126 §2.3)', async () => {
    const [key] = keys;
    if (key === undefined) throw new Error('there are two keys');
    await expect(pushed(oauth.PrivateKeyJwt(key), { scope: 'write:world' })).rejects.toMatchObject({
      error: 'invalid_scope',
      status: 400,
    });
    const stranger = (await generateKeyPair('ES256')).privateKey;
    const unproven = pushed(oauth.PrivateKeyJwt({ key: stranger, kid: 'new' }));
    await expect(unproven).rejects.toMatchObject({ status: 401 });
  });
});
