import { exportJWK, generateKeyPair } from 'jose';
import * as oidc from 'openid-client';
import { walk } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { startInstallation, type Installation } from '../harness/suite.js';

const REDIRECT = 'https://robot.example/callback';
const SECRET = 'a-secret-of-the-wiki-with-enough-characters';
const ALGORITHMS = ['ES256', 'ES384', 'RS256', 'PS256', 'Ed25519'];

let installation: Installation;
let keys: Map<string, CryptoKey>;

/** One application for each algorithm, under its name. */
beforeAll(async () => {
  const made = await Promise.all(
    ALGORITHMS.map(async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      const jwks = JSON.stringify({ keys: [await exportJWK(publicKey)] });
      const entry = `  - { client_id: ${alg}, name: Robot, redirect_uris: [${REDIRECT}], jwks: ${jwks}, consent: skip }`;
      return { alg, privateKey, entry };
    }),
  );
  keys = new Map(made.map(({ alg, privateKey }) => [alg, privateKey]));
  const wiki = `  - { client_id: wiki, client_secret: ${SECRET}, name: Wiki, redirect_uris: [${REDIRECT}] }`;
  const phone = `  - { client_id: phone, name: Phone, redirect_uris: [${REDIRECT}] }`;
  installation = await startInstallation({
    yaml: ['applications:', ...made.map(({ entry }) => entry), wiki, phone].join('\n'),
  });
});
afterAll(() => installation.stop());

const configured = (clientId: string, authentication: oidc.ClientAuth) =>
  oidc.discovery(new URL(installation.server.publicUrl), clientId, undefined, authentication, {
    execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
  });
const byKey = (alg: string, options?: oidc.ModifyAssertionOptions) => {
  const key = keys.get(alg);
  if (key === undefined) throw new Error(`no key for ${alg}`);
  return configured(alg, oidc.PrivateKeyJwt(key, options));
};

type Begin = (config: oidc.Configuration, parameters: Record<string, string>) => URL | Promise<URL>;

async function signIn(config: oidc.Configuration, begin: Begin) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [oidc.randomState(), oidc.randomNonce()];
  const url = await begin(config, {
    redirect_uri: REDIRECT,
    scope: 'openid profile email',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    idp: 'test',
    login_hint: 'interop',
    state: expectedState,
    nonce: expectedNonce,
  });
  const { answer } = await walk(new Browser(), url, REDIRECT);
  const tokens = await oidc.authorizationCodeGrant(config, answer, { pkceCodeVerifier, expectedState, expectedNonce });
  return { url, tokens };
}

describe('openid-client, unmodified, as an application that proves itself by a key (RFC 7523)', () => {
  it.each(ALGORITHMS)('signs in, refreshes, introspects and revokes with %s', async (alg) => {
    const config = await byKey(alg);
    const { tokens } = await signIn(config, oidc.buildAuthorizationUrl);
    expect(tokens.claims()).toMatchObject({ aud: alg, email: 'interop@test.tmi' });
    const refreshed = await oidc.refreshTokenGrant(config, String(tokens.refresh_token));
    const token = String(refreshed.refresh_token);
    expect(await oidc.tokenIntrospection(config, token)).toMatchObject({ active: true, client_id: alg });
    await oidc.tokenRevocation(config, token);
    expect((await oidc.tokenIntrospection(config, token)).active).toBe(false);
  });

  it('may send the token endpoint as the audience, as older clients do (OIDC Core §9)', async () => {
    const config = await byKey('ES256', {
      [oidc.modifyAssertion]: (_header, payload) => {
        payload['aud'] = `${installation.server.publicUrl}/oauth2/token`;
      },
    });
    expect((await signIn(config, oidc.buildAuthorizationUrl)).tokens.claims()?.aud).toBe('ES256');
  });

  it('is told 401 when the key is another’s', async () => {
    const config = await configured('ES256', oidc.PrivateKeyJwt((await generateKeyPair('ES256')).privateKey));
    await expect(oidc.refreshTokenGrant(config, 'gth_rt_x')).rejects.toMatchObject({ status: 401 });
  });
});

describe('openid-client, unmodified, pushing its request (RFC 9126)', () => {
  it('finds where', async () => {
    const metadata = (await byKey('ES256')).serverMetadata();
    expect(metadata.pushed_authorization_request_endpoint).toBe(`${installation.server.publicUrl}/oauth2/par`);
    expect(metadata.token_endpoint_auth_methods_supported).toContain('private_key_jwt');
  });

  it.each<[string, () => Promise<oidc.Configuration>]>([
    ['a key', () => byKey('PS256')],
    ['a secret by Basic', () => configured('wiki', oidc.ClientSecretBasic(SECRET))],
    ['a secret in the body', () => configured('wiki', oidc.ClientSecretPost(SECRET))],
    ['nothing, being public', () => configured('phone', oidc.None())],
  ])('signs in with %s, and nothing of it in the address', async (_what, configuration) => {
    const { url, tokens } = await signIn(await configuration(), oidc.buildAuthorizationUrlWithPAR);
    expect([...url.searchParams.keys()].toSorted()).toEqual(['client_id', 'request_uri']);
    expect(tokens.claims()?.email).toBe('interop@test.tmi');
  });

  it('is told at once what is wrong with it', async () => {
    const config = await byKey('RS256');
    const pushing = oidc.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: 'https://evil.example/',
      scope: 'openid',
    });
    await expect(pushing).rejects.toMatchObject({ error: 'invalid_request', status: 400 });
  });
});
