import { createHash, createPublicKey } from 'node:crypto';
import { exportSPKI, importJWK, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { CLIENT_ID, CLIENT_SECRET, newKey, unsigned, type LyingOidcServer } from '../test/lying-oidc-server.js';
import { upstreamErrorOf } from '../test/provider-configs.js';
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
