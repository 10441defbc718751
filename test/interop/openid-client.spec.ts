import * as oidc from 'openid-client';
import { Browser } from '../harness/browser.js';
import { bearer, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';

const CLIENT_ID = 'spa';
const CALLBACK = 'http://localhost:4999/callback';
let installation: Installation;
let config: oidc.Configuration;

beforeAll(async () => {
  installation = await startInstallation({
    yaml: `client_callbacks: [{ client_id: ${CLIENT_ID}, url: ${CALLBACK} }]\n`,
  });
  config = await oidc.discovery(new URL(installation.server.publicUrl), CLIENT_ID, undefined, oidc.None(), {
    execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
  });
});

afterAll(() => installation.stop());

/** Walks the code flow as a browser would and hands the answer to the library. */
async function signIn(nonce: string): Promise<oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers> {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const state = oidc.randomState();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: 'openid profile email offline_access',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    idp: 'test',
    login_hint: 'interop',
    state,
    nonce,
  });
  const answer = await new Browser().follow(url, (next) => next.href.startsWith(CALLBACK));
  return oidc.authorizationCodeGrant(config, answer, { pkceCodeVerifier, expectedState: state, expectedNonce: nonce });
}

describe('openid-client, unmodified, as a first-party client (D7)', () => {
  it('discovers the server (OIDC Discovery §4)', () => {
    const metadata = config.serverMetadata();
    expect(metadata.issuer).toBe(installation.server.publicUrl);
    expect(metadata.supportsPKCE()).toBe(true);
    expect(metadata.authorization_response_iss_parameter_supported).toBe(true);
  });

  it('completes code + PKCE with iss, nonce and a validated ID token (OIDC Core §3.1.3.7, D33)', async () => {
    const tokens = await signIn(oidc.randomNonce());
    const claims = tokens.claims();
    expect(claims?.aud).toBe(CLIENT_ID);
    expect(claims?.email).toBe('interop@test.tmi');
    const info = await oidc.fetchUserInfo(config, tokens.access_token, String(claims?.sub));
    expect(info.email).toBe('interop@test.tmi');
  });

  it('refreshes (RFC 6749 §6)', async () => {
    const tokens = await signIn(oidc.randomNonce());
    const refreshed = await oidc.refreshTokenGrant(config, String(tokens.refresh_token));
    expect(refreshed.refresh_token).toBeDefined();
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
  });

  it('introspects and revokes (RFC 7662 §2, RFC 7009 §2)', async () => {
    const tokens = await signIn(oidc.randomNonce());
    expect((await oidc.tokenIntrospection(config, tokens.access_token)).active).toBe(true);
    await oidc.tokenRevocation(config, tokens.access_token);
    expect((await oidc.tokenIntrospection(config, tokens.access_token)).active).toBe(false);
    await oidc.tokenRevocation(config, String(tokens.refresh_token));
    await expect(oidc.refreshTokenGrant(config, String(tokens.refresh_token))).rejects.toMatchObject({
      error: 'invalid_grant',
    });
  });

  it.each(['basic', 'post'] as const)('gets a machine token with client_secret_%s (RFC 6749 §4.4)', async (method) => {
    const { access_token } = await signInAsTest(installation.server.url, `owner-${method}`);
    const created = await fetch(`${installation.server.url}/client-credentials`, {
      method: 'POST',
      headers: { ...bearer(access_token), 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'interop' }),
    });
    const { client_id, client_secret } = (await created.json()) as { client_id: string; client_secret: string };
    const authentication =
      method === 'basic' ? oidc.ClientSecretBasic(client_secret) : oidc.ClientSecretPost(client_secret);
    const machine = await oidc.discovery(new URL(installation.server.publicUrl), client_id, undefined, authentication, {
      execute: [oidc.allowInsecureRequests],
    });
    const tokens = await oidc.clientCredentialsGrant(machine);
    expect(tokens.refresh_token).toBeUndefined();
    const introspection = await oidc.tokenIntrospection(machine, tokens.access_token);
    expect([introspection.active, introspection.sub]).toEqual([true, client_id]);
    await oidc.tokenRevocation(machine, tokens.access_token);
    expect((await oidc.tokenIntrospection(machine, tokens.access_token)).active).toBe(false);
  });
});
