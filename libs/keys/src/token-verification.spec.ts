import { createPublicKey, generateKeyPairSync, sign as cryptoSign } from 'node:crypto';
import { calculateJwkThumbprint, importJWK, SignJWT, type JWTHeaderParameters } from 'jose';
import { Deployment, type Instance } from './instances.spec-support.js';
import { InvalidToken } from './invalid-token.js';
import type { TokenExpectation } from './jwt-verifier.js';
import type { KeyPair, KeyPurpose } from './signing-key.js';

const ISSUER = 'https://login.example';
const AUDIENCE = 'https://login.example/api';

let deployment: Deployment;
let instance: Instance;

function seconds(): number {
  return Math.floor(deployment.now.getTime() / 1000);
}

function claims(changes: object = {}): Record<string, unknown> {
  const now = seconds();
  return { iss: ISSUER, aud: AUDIENCE, sub: 'u1', iat: now, nbf: now, exp: now + 900, ...changes };
}

function expected(changes: Partial<TokenExpectation> = {}): TokenExpectation {
  return {
    typ: 'at+jwt',
    audience: AUDIENCE,
    issuer: ISSUER,
    now: deployment.now,
    clockToleranceSeconds: 60,
    ...changes,
  };
}

async function accessToken(changes: object = {}): Promise<string> {
  return instance.signingKeys.sign(claims(changes), { purpose: 'access', typ: 'at+jwt' });
}

async function codeOf(jwt: string, changes: Partial<TokenExpectation> = {}): Promise<string> {
  try {
    await instance.signingKeys.verify(jwt, expected(changes));
  } catch (error) {
    if (error instanceof InvalidToken) return error.code;
    throw error;
  }
  return 'accepted';
}

/** The private half too: what a forger would give a lot for. */
async function keyFor(purpose: KeyPurpose): Promise<KeyPair> {
  const row = (await instance.repository.findAll()).find((key) => key.purpose === purpose);
  if (row === undefined) throw new Error(`no ${purpose} key`);
  return instance.repository.open(row);
}

async function forge(key: KeyPair, header: Partial<JWTHeaderParameters>, payload = claims()): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: key.algorithm, typ: 'at+jwt', kid: key.kid, ...header })
    .sign(key.privateKey, { crit: { 'x-ours': true } });
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

describe('a token of ours, or not', () => {
  beforeAll(async () => {
    deployment = await Deployment.open();
    instance = await deployment.start();
  });
  afterAll(() => deployment.close());

  describe('SigningKeys.verify', () => {
    it('answers the claims', async () => {
      expect(await instance.signingKeys.verify(await accessToken(), expected())).toEqual(claims());
    });

    it('accepts what jose signed with the same key', async () => {
      expect(await codeOf(await forge(await keyFor('access'), {}))).toBe('accepted');
    });

    it.each<[string, object, Partial<TokenExpectation>]>([
      ['expired', { exp: 1_767_225_600 - 60 }, {}],
      ['accepted', { exp: 1_767_225_600 - 59 }, {}],
      ['not_yet_valid', { nbf: 1_767_225_600 + 61 }, {}],
      ['accepted', { nbf: 1_767_225_600 + 60 }, {}],
      ['wrong_issuer', { iss: 'https://other.example' }, {}],
      ['wrong_issuer', { iss: undefined }, {}],
      ['wrong_audience', { aud: 'https://other.example' }, {}],
      ['wrong_audience', { aud: undefined }, {}],
      ['wrong_audience', { aud: [] }, {}],
      ['wrong_audience', {}, { audience: [] }],
      ['accepted', { aud: ['https://other.example', AUDIENCE] }, {}],
      ['accepted', {}, { audience: ['https://other.example', AUDIENCE] }],
      ['malformed', { exp: undefined }, {}],
      ['malformed', { exp: 'tomorrow' }, {}],
      ['malformed', { nbf: 'yesterday' }, {}],
    ])('says %s for claims %j, expecting %j', async (code, changes, expectation) => {
      expect(await codeOf(await accessToken(changes), expectation)).toBe(code);
    });

    it.each(['', '.', '..', 'a.b.c', 'x'.repeat(40_000), `${encode({ alg: 'ES256' })}.${encode({})}.AA`])(
      'says malformed for what is no compact JWS with a kid: %#',
      async (jwt) => {
        expect(await codeOf(jwt)).toBe('malformed');
      },
    );

    it('says bad_signature when any part was changed', async () => {
      const [header, payload, signature] = (await accessToken()).split('.') as [string, string, string];
      const other = (await accessToken({ sub: 'u2' })).split('.')[1] as string;
      expect(await codeOf(`${header}.${other}.${signature}`)).toBe('bad_signature');
      expect(await codeOf(`${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`)).toBe('bad_signature');
      expect(await codeOf(`${header}.${payload}.`)).toBe('bad_signature');
    });
  });

  describe('D33', () => {
    it('tells access, ID and logout tokens apart by typ', async () => {
      const idToken = await instance.signingKeys.sign(claims(), { purpose: 'id', typ: 'JWT' });
      const logoutToken = await instance.signingKeys.sign(claims(), { purpose: 'id', typ: 'logout+jwt' });
      expect(await codeOf(idToken, { typ: 'JWT' })).toBe('accepted');
      expect(await codeOf(logoutToken, { typ: 'logout+jwt' })).toBe('accepted');
      for (const [jwt, typ] of [
        [idToken, 'at+jwt'],
        [idToken, 'logout+jwt'],
        [logoutToken, 'JWT'],
        [logoutToken, 'at+jwt'],
        [await accessToken(), 'JWT'],
        [await accessToken(), 'logout+jwt'],
      ] as const) {
        expect(await codeOf(jwt, { typ })).toBe('wrong_type');
      }
    });

    it('refuses a right typ under a key of another purpose', async () => {
      expect(await codeOf(await forge(await keyFor('id'), { typ: 'at+jwt' }))).toBe('wrong_type');
      expect(await codeOf(await forge(await keyFor('access'), { typ: 'JWT' }), { typ: 'JWT' })).toBe('wrong_type');
    });
  });

  describe('R33', () => {
    it('refuses alg none, however it is written and with any signature', async () => {
      const { kid } = await keyFor('access');
      const [, payload, signature] = (await accessToken()).split('.') as [string, string, string];
      for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
        const header = encode({ alg, typ: 'at+jwt', kid });
        expect(await codeOf(`${header}.${payload}.`)).not.toBe('accepted');
        expect(await codeOf(`${header}.${payload}.${signature}`)).not.toBe('accepted');
      }
    });

    it('refuses HS256 with a public key as the secret', async () => {
      for (const purpose of ['access', 'id'] as const) {
        const key = await keyFor(purpose);
        const typ = purpose === 'access' ? 'at+jwt' : 'JWT';
        const pem = createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' }).toString();
        for (const secret of [
          pem,
          pem.trim(),
          JSON.stringify(key.publicJwk),
          key.publicJwk.x ?? key.publicJwk.n ?? '',
        ]) {
          const jwt = await new SignJWT(claims())
            .setProtectedHeader({ alg: 'HS256', typ, kid: key.kid })
            .sign(Buffer.from(secret.padEnd(32)));
          expect(await codeOf(jwt, { typ })).toBe('bad_signature');
        }
      }
    });

    it("refuses another algorithm than the key's, even one that the key could do", async () => {
      const key = await keyFor('id');
      for (const alg of ['PS256', 'RS384', 'RS512']) {
        const jwt = await new SignJWT(claims())
          .setProtectedHeader({ alg, typ: 'JWT', kid: key.kid })
          .sign(await importJWK({ ...key.privateKey.export({ format: 'jwk' }) }, alg));
        expect(await codeOf(jwt, { typ: 'JWT' })).toBe('bad_signature');
      }
    });

    it('ignores keys that a header brings along', async () => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const jwk = publicKey.export({ format: 'jwk' });
      const theirKid = await calculateJwkThumbprint(jwk);
      const ours = await keyFor('access');
      const companions = { jwk, jku: 'http://127.0.0.1:9/jwks', x5u: 'http://127.0.0.1:9/x', x5c: ['MIIB'] };
      const fetched = jest.spyOn(globalThis, 'fetch');
      for (const [name, value] of Object.entries(companions)) {
        const forged = { ...ours, privateKey };
        expect(await codeOf(await forge(forged, { [name]: value, kid: theirKid }))).toBe('unknown_key');
        expect(await codeOf(await forge(forged, { [name]: value }))).toBe('bad_signature');
      }
      expect(fetched).not.toHaveBeenCalled();
    });

    it('refuses a token without kid, and kids that are no names of keys', async () => {
      const key = await keyFor('access');
      expect(await codeOf(await forge(key, { kid: undefined }))).toBe('malformed');
      const [, payload, signature] = (await accessToken()).split('.');
      for (const kid of [0, null, ['a'], {}]) {
        const header = encode({ alg: 'ES256', typ: 'at+jwt', kid });
        expect(await codeOf(`${header}.${payload}.${signature}`)).toBe('malformed');
      }
      for (const kid of ['', '__proto__', 'constructor', '../../etc/passwd', "' OR 1=1 --"]) {
        expect(await codeOf(await forge(key, { kid }))).toBe('unknown_key');
      }
    });

    it('refuses every crit, known to the library or not (RFC 7515 §4.1.11)', async () => {
      const key = await keyFor('access');
      expect(await codeOf(await forge(key, { crit: ['x-ours'], 'x-ours': 1 }))).toBe('malformed');
      // RFC 7797, which the library understands: a harmless use of it, and a payload that is not encoded.
      expect(await codeOf(await forge(key, { crit: ['b64'], b64: true }))).toBe('malformed');
      const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: key.kid, b64: false, crit: ['b64'] })}.${JSON.stringify({})}`;
      const signature = cryptoSign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
      expect(await codeOf(`${input}.${signature.toString('base64url')}`)).toBe('malformed');
    });

    it('refuses a signature in DER', async () => {
      const key = await keyFor('access');
      const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: key.kid })}.${encode(claims())}`;
      const signature = cryptoSign('sha256', Buffer.from(input), key.privateKey);
      expect(await codeOf(`${input}.${signature.toString('base64url')}`)).toBe('bad_signature');
    });

    it('refuses a token without typ', async () => {
      expect(await codeOf(await forge(await keyFor('access'), { typ: undefined }))).toBe('wrong_type');
    });
  });
});
