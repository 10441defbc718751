import * as oauth from 'oauth4webapi';
import { Browser } from '../harness/browser.js';
import { bearer, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';

const CALLBACK = 'http://127.0.0.1:4998/callback';
const insecure = { [oauth.allowInsecureRequests]: true };
const client: oauth.Client = { client_id: 'cli' };
let installation: Installation;
let server: oauth.AuthorizationServer;

beforeAll(async () => {
  installation = await startInstallation({ yaml: `client_callbacks: [{ client_id: cli, url: ${CALLBACK} }]\n` });
  const issuer = new URL(installation.server.publicUrl);
  server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...insecure }));
});

afterAll(() => installation.stop());

async function signIn(callback: string): Promise<oauth.TokenEndpointResponse> {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  const url = new URL(String(server.authorization_endpoint));
  for (const [name, value] of Object.entries({
    client_id: client.client_id,
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid profile email',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    idp: 'test',
    login_hint: 'web-api',
    state,
    nonce,
  }))
    url.searchParams.set(name, value);
  const answer = await new Browser().follow(url, (next) => next.href.startsWith(callback));
  const parameters = oauth.validateAuthResponse(server, client, answer, state);
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    parameters,
    callback,
    verifier,
    { ...insecure },
  );
  return oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
}

describe('oauth4webapi, unmodified, as a first-party client (D7)', () => {
  it('finds the same server by OAuth metadata (RFC 8414 §3)', async () => {
    const issuer = new URL(installation.server.publicUrl);
    const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
    const metadata = await oauth.processDiscoveryResponse(issuer, response);
    expect(metadata.token_endpoint).toBe(server.token_endpoint);
  });

  it('completes code + PKCE with an ID token, userinfo, refresh, introspection and revocation', async () => {
    const tokens = await signIn(CALLBACK);
    const subject = String(oauth.getValidatedIdTokenClaims(tokens)?.sub);
    const info = await oauth.userInfoRequest(server, client, tokens.access_token, { ...insecure });
    expect((await oauth.processUserInfoResponse(server, client, subject, info)).email).toBe('web-api@test.tmi');

    const refresh = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), String(tokens.refresh_token), {
      ...insecure,
    });
    const refreshed = await oauth.processRefreshTokenResponse(server, client, refresh);

    const isActive = async () => {
      const response = await oauth.introspectionRequest(server, client, oauth.None(), refreshed.access_token, {
        ...insecure,
      });
      return (await oauth.processIntrospectionResponse(server, client, response)).active;
    };
    expect(await isActive()).toBe(true);
    const revocation = await oauth.revocationRequest(server, client, oauth.None(), refreshed.access_token, {
      ...insecure,
    });
    await oauth.processRevocationResponse(revocation);
    expect(await isActive()).toBe(false);
  });

  it('may come back to another port of its loopback literal (RFC 8252 §7.3)', async () => {
    const tokens = await signIn(CALLBACK.replace('4998', '51234'));
    expect(tokens.id_token).toBeDefined();
  });

  it('verifies an access token as a resource server would (RFC 9068 §4, D19)', async () => {
    const tokens = await signIn(CALLBACK);
    const request = new Request('http://localhost/resource', { headers: bearer(tokens.access_token) });
    const claims = await oauth.validateJwtAccessToken(server, request, installation.server.publicUrl, { ...insecure });
    expect(claims.client_id).toBe('cli');
  });

  it('gets a machine token (RFC 6749 §4.4)', async () => {
    const { access_token } = await signInAsTest(installation.server.url, 'machine-owner');
    const created = await fetch(`${installation.server.url}/client-credentials`, {
      method: 'POST',
      headers: { ...bearer(access_token), 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'interop' }),
    });
    const { client_id, client_secret } = (await created.json()) as { client_id: string; client_secret: string };
    const machine: oauth.Client = { client_id };
    const response = await oauth.clientCredentialsGrantRequest(
      server,
      machine,
      oauth.ClientSecretBasic(client_secret),
      new URLSearchParams(),
      { ...insecure },
    );
    const tokens = await oauth.processClientCredentialsResponse(server, machine, response);
    expect(tokens.refresh_token).toBeUndefined();
  });
});
