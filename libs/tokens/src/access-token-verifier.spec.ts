import { createHash, generateKeyPairSync } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { Secret } from '@app/config';
import { SigningKeys } from '@app/keys';
import { startRedis, type RedisServer } from '../../../test/harness/redis-server.js';
import { ISSUER, TestTokens } from './tokens.spec-support.js';

let redis: RedisServer;
let first: TestTokens;
let second: TestTokens;

beforeAll(async () => {
  redis = await startRedis();
  const redisUrl = new Secret(redis.url);
  first = await TestTokens.open({ redisUrl });
  second = await TestTokens.on(first.databaseUrl, { redisUrl });
});
afterAll(async () => {
  await second.close();
  await first.close();
  await redis.stop();
});

const isGood = async (room: TestTokens, token: string) => (await room.verifier.verify(token)) !== undefined;
const signed = (claims: Record<string, unknown>) =>
  first.app.get(SigningKeys, { strict: false }).sign(claims, { purpose: 'access', typ: 'at+jwt' });

describe('RFC 9068 §2.1 §4 D19 D33 an access token', () => {
  it('has the typ at+jwt, ES256, and the thumbprint of its key as kid', async () => {
    const { token } = await first.accessToken();
    const header = decodeProtectedHeader(token);
    expect(header).toMatchObject({ typ: 'at+jwt', alg: 'ES256' });
    const jwks = first.app.get(SigningKeys, { strict: false }).jwks();
    const key = jwks.keys.find((candidate) => candidate.kid === header.kid) as Record<string, string> | undefined;
    if (key === undefined) throw new Error('the key is not published');
    const canonical = JSON.stringify({ crv: key['crv'], kty: key['kty'], x: key['x'], y: key['y'] });
    expect(header.kid).toBe(createHash('sha256').update(canonical).digest('base64url'));
    await jwtVerify(token, createLocalJWKSet(jwks as never), { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt' });
  });

  it('is good at every instance, and tells whom it is of', async () => {
    const { token, userId, sessionId } = await first.accessToken();
    for (const room of [first, second]) {
      expect((await room.verifier.verify(token))?.principal).toMatchObject({ kind: 'user', userId, sessionId });
    }
  });

  it('is refused by another issuer with the same keys', async () => {
    const stranger = await TestTokens.on(first.databaseUrl, { publicUrl: 'https://other.example' });
    const { token } = await first.accessToken();
    expect(await isGood(stranger, token)).toBe(false);
    await stranger.close();
  });

  it.each([
    ['another audience', { aud: 'https://api.example' }],
    ['another issuer', { iss: 'https://other.example' }],
    ['no audience', { aud: undefined }],
    ['no end', { exp: undefined }],
    ['a time before which it is not good', { nbf: Math.floor(Date.now() / 1000) + 3600 }],
    ['neither session nor owner', { sid: undefined }],
  ])('is refused with %s, although we signed it', async (_what, change) => {
    const { token } = await first.accessToken();
    expect(await isGood(first, await signed({ ...decodeJwt(token) }))).toBe(true);
    expect(await isGood(first, await signed({ ...decodeJwt(token), ...change }))).toBe(false);
  });

  it('is not an ID token, nor the other way round', async () => {
    const { facts, token } = await first.accessToken();
    const idToken = await first.issuer.idToken(facts, ['openid'], 'n', token);
    expect(decodeProtectedHeader(idToken)).toMatchObject({ typ: 'JWT', alg: 'RS256' });
    expect(await isGood(first, idToken)).toBe(false);
  });

  it('is not something that others signed (R33)', async () => {
    const { token } = await first.accessToken();
    const header = decodeProtectedHeader(token);
    const claims = decodeJwt(token);
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...(header.kid === undefined ? {} : { kid: header.kid }) })
      .sign(own);
    const [head, body, signature] = token.split('.');
    const none = Buffer.from(JSON.stringify({ ...header, alg: 'none' })).toString('base64url');
    const hmac = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', ...(header.kid === undefined ? {} : { kid: header.kid }) })
      .sign(new TextEncoder().encode('x'.repeat(32)));
    const texts = ['', 'x', 'a.b.c', forged, hmac, `${none}.${body}.`, `${none}.${body}.${signature}`];
    for (const text of [...texts, `${head}.${body}`, `${token}x`, `${token} `, 'x'.repeat(20_000)])
      expect(await isGood(first, text)).toBe(false);
  });

  it('ends when it says', async () => {
    const { token } = await first.accessToken();
    expect(await isGood(first, token)).toBe(true);
    first.later(15 * 60_000 - 2_000);
    expect(await isGood(first, token)).toBe(true);
    first.later(2_001);
    expect(await isGood(first, token)).toBe(false);
    first.later(-15 * 60_000 - 1);
  });
});

describe('D20 R23 a revoked token', () => {
  const killings: [string, (session: { sessionId: string; userId: string }) => Promise<unknown>][] = [
    ['its session ends', ({ sessionId }) => first.sessions.end(sessionId, 'logout')],
    ['its user is disabled', ({ userId }) => first.directory.disableUser(userId)],
    ['its user is deleted', ({ userId }) => first.directory.deleteUser(userId)],
    ['its provider is disabled', () => first.providers.disable('acme', { by: 'somebody' })],
  ];

  it.each(killings)('is refused at the other instance by the next question when %s', async (_why, kill) => {
    const session = await first.accessToken();
    expect(await isGood(first, session.token)).toBe(true);
    expect(await isGood(second, session.token)).toBe(true);
    await kill(session);
    expect(await isGood(second, session.token)).toBe(false);
    expect(await isGood(first, session.token)).toBe(false);
    await first.providers.enable('acme', { by: 'somebody' });
    await first.directory.enableUser(session.userId).catch(() => {});
    // Letting the person or the provider in again does not bring it back.
    expect(await isGood(first, session.token)).toBe(false);
    expect(await isGood(second, session.token)).toBe(false);
  });

  it('leaves the tokens of other people alone', async () => {
    const [ada, bob] = [await first.accessToken(['openid'], 'ada'), await first.accessToken(['openid'], 'bob')];
    await first.sessions.end(ada.sessionId, 'logout');
    expect(await isGood(second, bob.token)).toBe(true);
  });

  it('is refused although a stale profile is what this instance noticed first', async () => {
    const session = await first.accessToken(['openid'], 'grace');
    expect(await isGood(second, session.token)).toBe(true);
    await second.profiles.find(session.userId, 'acme');
    // The profile changes, and the second instance hears of it by following the log.
    await first.session('grace', ['new-group']);
    await second.revocations.follow();
    // Then the session ends; that is in the mirror, and not yet in the memory of the second.
    await first.sessions.end(session.sessionId, 'logout');
    expect(await isGood(second, session.token)).toBe(false);
  });
});

describe('D16 a profile that is remembered', () => {
  it('is asked of Postgres once, until the person signs in with other groups', async () => {
    const session = await first.accessToken(['openid', 'profile'], 'linus');
    const before = await second.profiles.find(session.userId, 'acme');
    expect(before?.groups).toEqual([]);
    expect(await second.profiles.find(session.userId, 'acme')).toBe(before);
    await first.session('linus', ['kernel']);
    // The question that every request asks says that it changed.
    expect(await isGood(second, session.token)).toBe(true);
    expect((await second.profiles.find(session.userId, 'acme'))?.groups).toEqual(['kernel']);
  });

  it('of nobody is nothing', async () => {
    expect(await first.profiles.find('00000000-0000-4000-8000-00000000dead', 'acme')).toBeUndefined();
  });
});

describe('D33 OIDC Core §2 §3.1.3.6 an ID token', () => {
  it('holds what the session knows, and the hash of its access token', async () => {
    const { facts, token, userId, sessionId } = await first.accessToken();
    const idToken = await first.issuer.idToken(
      { ...facts, acr: 'mfa', amr: ['otp'] },
      ['openid', 'email'],
      'n-1',
      token,
    );
    const jwks = first.app.get(SigningKeys, { strict: false }).jwks();
    const { payload } = await jwtVerify(idToken, createLocalJWKSet(jwks as never), { issuer: ISSUER, audience: 'web' });
    expect(payload).toMatchObject({
      sub: userId,
      sid: sessionId,
      nonce: 'n-1',
      auth_time: facts.authTime,
      acr: 'mfa',
      amr: ['otp'],
      email: 'ada@acme.example',
      email_verified: true,
      at_hash: createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url'),
    });
    expect(payload).not.toHaveProperty('name');
    expect(payload).not.toHaveProperty('groups');
  });

  it('has no nonce, acr or amr where there was none', async () => {
    const { facts, token } = await first.accessToken();
    const claims = decodeJwt(await first.issuer.idToken(facts, ['openid'], undefined, token));
    for (const name of ['nonce', 'acr', 'amr', 'email']) expect(claims).not.toHaveProperty(name);
  });
});

describe('D21 a machine token', () => {
  it('ends with its credential at the latest', async () => {
    const now = Math.floor(first.now.getTime() / 1000);
    const facts = { clientId: 'tmi_cc_x', ownerId: 'o', organizationId: 'org', generation: 1 };
    const machine = { ...facts, ownerGeneration: 1, organizationGeneration: 1 };
    const short = await first.issuer.forMachine(machine, [], now + 60);
    expect(short.expiresIn).toBe(60);
    expect(decodeJwt(short.accessToken).exp).toBe(now + 60);
    expect((await first.issuer.forMachine(machine, [], now + 86_400)).expiresIn).toBe(900);
    expect((await first.issuer.forMachine(machine, [], undefined)).expiresIn).toBe(900);
    expect(short).not.toHaveProperty('refreshToken');
  });
});
