import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { Secret, type AccessTokenAlgorithm } from '@app/config';
import {
  calculateJwkThumbprint,
  createLocalJWKSet,
  decodeProtectedHeader,
  jwtVerify,
  SignJWT,
  type JSONWebKeySet,
} from 'jose';
import { Deployment, type Instance } from './instances.spec-support.js';

let deployment: Deployment;
let instance: Instance;

beforeEach(async () => {
  deployment = await Deployment.open();
  instance = await deployment.start();
});
afterEach(async () => {
  await deployment.close();
  jest.restoreAllMocks();
});

function claims(changes: object = {}): Record<string, unknown> {
  const now = Math.floor(deployment.now.getTime() / 1000);
  return { iss: 'us', aud: 'api', sub: 'u1', iat: now, nbf: now, exp: now + 900, ...changes };
}

function verify(jwt: string): Promise<unknown> {
  const { now } = deployment;
  return instance.signingKeys.verify(jwt, {
    typ: 'at+jwt',
    audience: 'api',
    issuer: 'us',
    now,
    clockToleranceSeconds: 60,
  });
}

describe('SigningKeys.sign', () => {
  it.each<AccessTokenAlgorithm>(['ES256', 'EdDSA', 'RS256'])(
    'writes what jose verifies with our JWKS (%s)',
    async (alg) => {
      const other = await deployment.start({ config: { accessTokenAlgorithm: alg } });
      const jwt = await other.signingKeys.sign(claims({ name: 'Zoë 🗝' }), { purpose: 'access', typ: 'at+jwt' });
      const keys = createLocalJWKSet(JSON.parse(JSON.stringify(other.signingKeys.jwks())) as JSONWebKeySet);
      const verified = await jwtVerify(jwt, keys, { algorithms: [alg], currentDate: deployment.now });
      expect(verified.payload).toEqual(claims({ name: 'Zoë 🗝' }));
      expect(verified.protectedHeader).toEqual({ alg, typ: 'at+jwt', kid: expect.any(String) });
    },
  );

  it('answers at once with elliptic curves and leaves RSA to the thread pool', async () => {
    expect(typeof instance.signingKeys.sign(claims(), { purpose: 'access', typ: 'at+jwt' })).toBe('string');
    const slow = instance.signingKeys.sign(claims(), { purpose: 'id', typ: 'JWT' });
    expect(slow).toBeInstanceOf(Promise);
    expect(decodeProtectedHeader(await slow)).toMatchObject({ alg: 'RS256', typ: 'JWT' });
  });

  it('keeps the types of one key apart', async () => {
    const jwts = [
      await instance.signingKeys.sign(claims(), { purpose: 'id', typ: 'JWT' }),
      await instance.signingKeys.sign(claims(), { purpose: 'id', typ: 'logout+jwt' }),
      await instance.signingKeys.sign(claims(), { purpose: 'id', typ: 'JWT' }),
    ];
    expect(jwts.map((jwt) => decodeProtectedHeader(jwt).typ)).toEqual(['JWT', 'logout+jwt', 'JWT']);
  });

  it('refuses to sign a type with a key of another purpose', () => {
    const mixed = { purpose: 'id', typ: 'at+jwt' } as unknown as { purpose: 'access'; typ: 'at+jwt' };
    expect(() => instance.signingKeys.sign(claims(), mixed)).toThrow(TypeError);
  });
});

describe('D33', () => {
  it('holds an ES256 and an RS256 key from the first start on', () => {
    expect(instance.signingKeys.jwks().keys.map(({ alg, use, kty }) => ({ alg, use, kty }))).toEqual(
      expect.arrayContaining([
        { alg: 'ES256', use: 'sig', kty: 'EC' },
        { alg: 'RS256', use: 'sig', kty: 'RSA' },
      ]),
    );
    expect(instance.signingKeys.jwks().keys).toHaveLength(2);
  });
});

describe('R33', () => {
  it('believes no public key that somebody wrote into the table', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = publicKey.export({ format: 'jwk' });
    const kid = await calculateJwkThumbprint(jwk);
    const client = await deployment.connect();
    await client.query(
      `INSERT INTO signing_keys SELECT $1, purpose, algorithm, $2, sealed_private_key, created_at, signs_from,
       signs_until, retires_at FROM signing_keys WHERE purpose = 'access'`,
      [kid, JSON.stringify(jwk)],
    );
    const forged = await new SignJWT(claims())
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
      .sign(privateKey);
    const complaint = jest.spyOn(Logger.prototype, 'error').mockImplementation();
    await expect(verify(forged)).rejects.toMatchObject({ code: 'unknown_key' });
    expect(complaint).toHaveBeenCalledWith(expect.stringContaining(kid));
    const own = await instance.signingKeys.sign(claims(), { purpose: 'access', typ: 'at+jwt' });
    await expect(verify(own)).resolves.toBeDefined();
  });
});

describe('RFC 7517 §5', () => {
  it('publishes public halves only, under the RFC 7638 thumbprint', async () => {
    for (const jwk of instance.signingKeys.jwks().keys) {
      const members = jwk.kty === 'EC' ? ['crv', 'x', 'y'] : ['e', 'n'];
      expect(Object.keys(jwk).toSorted()).toEqual(['alg', 'kid', 'kty', 'use', ...members].toSorted());
      expect(jwk.kid).toBe(await calculateJwkThumbprint({ ...jwk }, 'sha256'));
    }
  });

  it('has an entity tag that changes with the keys, and the max-age of D40', async () => {
    const before = instance.signingKeys.jwksCaching();
    expect(before).toEqual({ etag: expect.stringMatching(/^"[\w-]{22}"$/), maxAgeSeconds: 300 });
    const elsewhere = await deployment.start();
    expect(elsewhere.signingKeys.jwksCaching()).toEqual(before);
    await instance.rotation.rotateNow(deployment.now);
    expect(instance.signingKeys.jwksCaching().etag).not.toBe(before.etag);
  });
});

describe('signing keys at rest', () => {
  it('seals the private half, and binds it to its row', async () => {
    const rows = await instance.repository.findAll();
    for (const row of rows) {
      const { privateKey } = await instance.repository.open(row);
      const secret = privateKey.export({ format: 'jwk' }).d as string;
      expect(row.sealedPrivateKey).toMatch(/^v1\.test\./);
      expect(
        Buffer.from(row.sealedPrivateKey.split('.')[3] as string, 'base64url').includes(
          Buffer.from(secret, 'base64url'),
        ),
      ).toBe(false);
    }
    const [one, two] = rows as [(typeof rows)[0], (typeof rows)[0]];
    await expect(instance.repository.open({ ...one, sealedPrivateKey: two.sealedPrivateKey })).rejects.toThrow('moved');
  });

  it('keeps an instance from starting without the master key, and names it', async () => {
    const masterKeys = [{ id: 'another', key: new Secret(randomBytes(32)) }];
    await expect(deployment.start({ config: { masterKeys } })).rejects.toThrow('master key "test"');
  });

  it('starts after the master key was replaced, while the former one is still known', async () => {
    const masterKeys = [{ id: 'another', key: new Secret(randomBytes(32)) }, ...deployment.masterKeys];
    const replaced = await deployment.start({ config: { masterKeys } });
    expect(replaced.signingKeys.jwks()).toEqual(instance.signingKeys.jwks());
  });

  it('keeps a fingerprint of nothing secret in the entity tag', () => {
    const body = JSON.stringify(instance.signingKeys.jwks().keys);
    const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22);
    expect(instance.signingKeys.jwksCaching().etag).toBe(`"${digest}"`);
  });
});
