import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { UnsecuredJWT } from 'jose';
import { loadConfig } from '@app/config';
import { openStore, StoreUnavailable, type OpenStore } from '@app/transient-store';
import { newDpopKey, type DpopKey, type ProofChanges } from '../../../../test/harness/dpop-key.js';
import { startRedis, type RedisServer } from '../../../../test/harness/redis-server.js';
import { DpopProofs } from './dpop-proofs.js';

const ISSUER = 'https://gatehouse.example';
const TOKEN = `${ISSUER}/oauth2/token`;
const USERINFO = `${ISSUER}/oauth2/userinfo`;
const ACCESS_TOKEN = 'eyJ.a.b';
const config = { ...loadConfig({}, () => ''), publicUrl: ISSUER };

let redis: RedisServer;
let open: OpenStore;
let proofs: DpopProofs;
let second: DpopProofs;
let key: DpopKey;
let ahead = 0;
const now = () => Date.now() + ahead;

beforeAll(async () => {
  redis = await startRedis();
  open = await openStore({ redisUrl: redis.url, now, log: () => {} });
  proofs = new DpopProofs(open.store, config, () => new Date(now()));
  second = new DpopProofs(open.store, config, () => new Date(now()));
  key = await newDpopKey();
});
afterEach(() => void (ahead = 0));
afterAll(async () => {
  await open.close();
  await redis.stop();
});

const posting = (dpop: string | undefined, url = '/oauth2/token') => ({ method: 'POST', url, headers: { dpop } });
const getting = (dpop: string | undefined) => ({ method: 'GET', url: '/oauth2/userinfo?a=b', headers: { dpop } });
const bad = (status: number, reason = '') => ({
  code: 'invalid_dpop_proof',
  status,
  description: expect.stringContaining(reason) as string,
});
const atToken = async (changes: ProofChanges = {}) =>
  proofs.keyOf(posting(await key.prove('POST', TOKEN, undefined, changes)));
const iat = (seconds: number) => ({ claims: { iat: Math.floor(Date.now() / 1000) + seconds } });

describe('RFC 9449 §4.3', () => {
  it('1: tells no key of a request without a proof, and refuses more than one', async () => {
    expect(await proofs.keyOf(posting(undefined))).toBeUndefined();
    const [one, two] = [await key.prove('POST', TOKEN), await key.prove('POST', TOKEN)];
    // As Node joins two header fields.
    await expect(proofs.keyOf(posting(`${one}, ${two}`))).rejects.toMatchObject(bad(400, 'once'));
    await expect(proofs.keyOf({ ...posting(''), headers: { dpop: [one, two] } })).rejects.toMatchObject(bad(400));
    expect(await proofs.keyOf(posting(one))).toBe(key.jkt);
  });

  it.each(['', 'x', 'a.b', 'a.b.c.d', `${'a'.repeat(4096)}.b.c`])('2: refuses %.20s, which is no JWT', async (text) => {
    await expect(proofs.keyOf(posting(text))).rejects.toMatchObject(bad(400));
  });

  it('2: refuses what is longer than any proof has to be', async () => {
    expect(await atToken({ claims: { more: 'x'.repeat(2000) } })).toBe(key.jkt);
    await expect(atToken({ claims: { more: 'x'.repeat(4000) } })).rejects.toMatchObject(bad(400));
  });

  it.each(['jti', 'htm', 'htu', 'iat'])('3: refuses a proof without %s, or with another kind of it', async (claim) => {
    await expect(atToken({ claims: { [claim]: undefined } })).rejects.toMatchObject(bad(400, claim));
    await expect(atToken({ claims: { [claim]: claim === 'iat' ? '1' : 1 } })).rejects.toMatchObject(bad(400));
  });

  it.each([undefined, 'JWT', 'at+jwt', 'application/dpop+jwt'])('4: refuses the typ %s', async (typ) => {
    await expect(atToken({ header: { typ } })).rejects.toMatchObject(bad(400, 'dpop+jwt'));
  });

  it('5, R33: refuses what is signed by nothing or by a shared secret', async () => {
    const claims = { jti: randomUUID(), htm: 'POST', htu: TOKEN, iat: Math.floor(Date.now() / 1000) };
    await expect(proofs.keyOf(posting(new UnsecuredJWT(claims).encode()))).rejects.toMatchObject(bad(400));
    const none = [{ typ: 'dpop+jwt', alg: 'none', jwk: key.jwk }, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    );
    await expect(proofs.keyOf(posting(`${none.join('.')}.AA`))).rejects.toMatchObject(bad(400));
    const secret = Buffer.alloc(32, 1);
    const symmetric = { alg: 'HS256', jwk: { kty: 'oct', k: secret.toString('base64url') } };
    await expect(atToken({ header: symmetric, signWith: secret })).rejects.toMatchObject(bad(400));
  });

  it('5: takes each algorithm that the metadata names', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const ed = generateKeyPairSync('ed25519');
    for (const own of [
      await newDpopKey('RS256', rsa),
      await newDpopKey('PS256', rsa),
      await newDpopKey('ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' })),
      await newDpopKey('ES512', generateKeyPairSync('ec', { namedCurve: 'P-521' })),
      await newDpopKey('EdDSA', ed),
      await newDpopKey('Ed25519', ed),
    ])
      expect(await proofs.keyOf(posting(await own.prove('POST', TOKEN)))).toBe(own.jkt);
  });

  it('6: refuses a signature that the key in the header did not make', async () => {
    const other = await newDpopKey();
    await expect(atToken({ signWith: other.privateKey })).rejects.toMatchObject(bad(400));
    await expect(atToken({ header: { jwk: other.jwk } })).rejects.toMatchObject(bad(400));
    await expect(atToken({ header: { jwk: undefined } })).rejects.toMatchObject(bad(400));
    await expect(atToken({ header: { jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } } })).rejects.toMatchObject(
      bad(400),
    );
  });

  it('6: refuses an RSA key that is too short to prove anything', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const header = { alg: 'RS256', jwk: publicKey.export({ format: 'jwk' }) };
    const [, body = ''] = (await key.prove('POST', TOKEN)).split('.');
    const head = Buffer.from(JSON.stringify({ typ: 'dpop+jwt', ...header })).toString('base64url');
    const { sign } = await import('node:crypto');
    const signature = sign('sha256', Buffer.from(`${head}.${body}`), privateKey).toString('base64url');
    await expect(proofs.keyOf(posting(`${head}.${body}.${signature}`))).rejects.toMatchObject(bad(400));
  });

  it('7: refuses a private key in the header, whole or in part', async () => {
    const whole = key.privateKey.export({ format: 'jwk' });
    await expect(atToken({ header: { jwk: whole } })).rejects.toMatchObject(bad(400));
    await expect(atToken({ header: { jwk: { ...key.jwk, p: 'AA' } } })).rejects.toMatchObject(bad(400));
  });

  it.each(['GET', 'post', 'PUT'])('8: refuses the htm %s at a POST', async (htm) => {
    await expect(atToken({ claims: { htm } })).rejects.toMatchObject(bad(400, 'htm'));
  });

  it.each([USERINFO, 'https://evil.example/oauth2/token', 'http://gatehouse.example/oauth2/token', '/oauth2/token'])(
    '9: refuses the htu %s at the token endpoint',
    async (htu) => await expect(atToken({ claims: { htu } })).rejects.toMatchObject(bad(400, 'htu')),
  );

  it('9, D3: goes by PUBLIC_URL, whatever the Host header says', async () => {
    const headers = (dpop: string) => ({ dpop, host: 'evil.example', 'x-forwarded-host': 'evil.example' });
    const proof = await key.prove('POST', TOKEN);
    expect(await proofs.keyOf({ ...posting(''), headers: headers(proof) })).toBe(key.jkt);
    const lured = await key.prove('POST', 'https://evil.example/oauth2/token');
    await expect(proofs.keyOf({ ...posting(''), headers: headers(lured) })).rejects.toMatchObject(bad(400, 'htu'));
  });

  it('11: refuses an iat that is too long ago, or ahead of every clock', async () => {
    for (const seconds of [-115, 0, 55]) expect(await atToken(iat(seconds))).toBe(key.jkt);
    await expect(atToken(iat(-125))).rejects.toMatchObject(bad(400, 'too long ago'));
    await expect(atToken(iat(65))).rejects.toMatchObject(bad(400, 'in the future'));
    await expect(atToken({ claims: { iat: Number.MAX_VALUE } })).rejects.toMatchObject(bad(400));
  });

  it('RFC 7519 §4.1: keeps to exp and nbf where a client sends them', async () => {
    const seconds = Math.floor(Date.now() / 1000);
    await expect(atToken({ claims: { exp: seconds - 100 } })).rejects.toMatchObject(bad(400));
    await expect(atToken({ claims: { nbf: seconds + 100 } })).rejects.toMatchObject(bad(400));
  });
});

describe('what DPoP costs who does not use it', () => {
  it('asks no store', async () => {
    const without = new DpopProofs(Object.freeze({}) as never, config, () => new Date());
    expect(await without.keyOf(posting(undefined))).toBeUndefined();
  });
});

describe('RFC 9449 §11.1', () => {
  it('R22: takes a proof once, of many at once, at whatever instance', async () => {
    const proof = await key.prove('POST', TOKEN);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => [proofs, second][index % 2]?.keyOf(posting(proof))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(second.keyOf(posting(proof))).rejects.toMatchObject(bad(400, 'used before'));
  });

  it('remembers a proof for as long as it would be taken', async () => {
    // Redis has a clock of its own; this store has that of the test.
    const { store, close } = await openStore({ redisUrl: undefined, now, log: () => {} });
    const timed = new DpopProofs(store, config, () => new Date(now()));
    const proof = await key.prove('POST', TOKEN, undefined, iat(50));
    await timed.keyOf(posting(proof));
    ahead = 165_000;
    await expect(timed.keyOf(posting(proof))).rejects.toMatchObject(bad(400, 'used before'));
    ahead = 175_000;
    await expect(timed.keyOf(posting(proof))).rejects.toMatchObject(bad(400, 'too long ago'));
    await close();
  });

  it('nobody uses up the jti of another key', async () => {
    const claims = { jti: randomUUID() };
    const other = await newDpopKey();
    await proofs.keyOf(posting(await other.prove('POST', TOKEN, undefined, { claims })));
    expect(await atToken({ claims })).toBe(key.jkt);
  });

  it('what is refused is not used up', async () => {
    const proof = await key.prove('POST', TOKEN);
    await expect(proofs.keyOf(posting(proof, '/oauth2/par'))).rejects.toMatchObject(bad(400, 'htu'));
    expect(await proofs.keyOf(posting(proof))).toBe(key.jkt);
  });

  it('refuses while nobody can say whether it was used', async () => {
    const down = { setIfAbsent: () => Promise.reject(new StoreUnavailable('gone')) };
    const blind = new DpopProofs(down as never, config, () => new Date());
    await expect(blind.keyOf(posting(await key.prove('POST', TOKEN)))).rejects.toBeInstanceOf(StoreUnavailable);
  });
});

describe('RFC 9449 §7.1', () => {
  const hold = (dpop: string | undefined, boundTo = key.jkt) =>
    proofs.proveHolder(getting(dpop), ACCESS_TOKEN, boundTo);

  it('takes a proof for this token by the key that it is bound to', async () => {
    await expect(hold(await key.prove('GET', USERINFO, ACCESS_TOKEN))).resolves.toBeUndefined();
  });

  it('refuses with 401 none, and one of another key', async () => {
    await expect(hold(undefined)).rejects.toMatchObject(bad(401, 'none'));
    const other = await newDpopKey();
    await expect(hold(await other.prove('GET', USERINFO, ACCESS_TOKEN))).rejects.toMatchObject(bad(401, 'bound to'));
  });

  it('refuses one without ath, and one for another token', async () => {
    await expect(hold(await key.prove('GET', USERINFO))).rejects.toMatchObject(bad(401, 'ath'));
    await expect(hold(await key.prove('GET', USERINFO, 'another'))).rejects.toMatchObject(bad(401, 'ath'));
  });
});
