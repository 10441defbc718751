import { Redis } from 'ioredis';
import { loadConfig } from '@app/config';
import { mintOpaqueToken } from '@app/oauth2';
import { openStore, type OpenStore } from '@app/transient-store';
import { startRedis, type RedisServer } from '../../../test/harness/redis-server.js';
import { AuthorizationCodes, type CodeGrant, type CodePresentation } from './authorization-codes.js';
import { CALLBACK, pkce } from './tokens.spec-support.js';

const SECOND = 1_000;
const { verifier, challenge } = pkce();
const GRANT: CodeGrant = {
  sessionId: '7d1d5a4f-5a3b-4d8e-9b1e-0d3c5b6f7a89',
  clientId: 'web',
  redirectUri: CALLBACK,
  codeChallenge: challenge,
  scopes: ['openid', 'email'],
  nonce: 'n-1',
  resource: undefined,
  party: 'first',
};
const config = loadConfig({}, () => '');

describe.each(['redis', 'in-process'] as const)('authorization codes in the %s store', (kind) => {
  let redis: RedisServer | undefined;
  let open: OpenStore;
  let ahead = 0;
  let codes: AuthorizationCodes;
  /** Moves the clock; Redis, which has its own, is told to forget what ends by then. */
  async function later(ms: number): Promise<void> {
    ahead += ms;
    if (redis === undefined) return;
    const client = new Redis(redis.url.replace('unix://', ''));
    for (const key of await client.keys('*')) {
      const left = await client.pttl(key);
      if (left > 0) await (left > ms ? client.pexpire(key, left - ms) : client.del(key));
    }
    client.disconnect();
  }

  beforeAll(async () => {
    if (kind === 'redis') redis = await startRedis();
    const start = Date.now();
    const now = () => start + ahead;
    open = await openStore({ redisUrl: redis?.url, now, log: () => {} });
    codes = new AuthorizationCodes(open.store, config, () => new Date(now()));
  });
  afterAll(async () => {
    await open.close();
    await redis?.stop();
  });

  const presenting = (code: string, overrides: Partial<CodePresentation> = {}): CodePresentation => ({
    code,
    codeVerifier: verifier,
    redirectUri: CALLBACK,
    clientId: 'web',
    ...overrides,
  });

  describe('RFC 9449 §10', () => {
    const [dpopJkt, other] = ['k'.repeat(43), 'o'.repeat(43)];

    it('a code with dpop_jkt is for the key alone, and is not used up by another', async () => {
      const code = await codes.issue({ ...GRANT, dpopJkt });
      for (const dpopKey of [undefined, other])
        expect(await codes.redeem(presenting(code, { dpopKey }))).toMatchObject({ kind: 'refused' });
      expect(await codes.redeem(presenting(code, { dpopKey: dpopJkt }))).toMatchObject({ kind: 'granted' });
    });

    it('one without is for any', async () => {
      for (const dpopKey of [undefined, other])
        expect(await codes.redeem(presenting(await codes.issue(GRANT), { dpopKey }))).toMatchObject({
          kind: 'granted',
        });
    });

    it('who repeats a used one without the key ends nothing', async () => {
      const code = await codes.issue({ ...GRANT, dpopJkt });
      await codes.redeem(presenting(code, { dpopKey: dpopJkt }));
      await later(11 * SECOND);
      expect(await codes.redeem(presenting(code, { dpopKey: other }))).toMatchObject({ kind: 'refused' });
      expect(await codes.redeem(presenting(code, { dpopKey: dpopJkt }))).toMatchObject({ kind: 'replayed' });
    });
  });

  describe('D6 RFC 6749 §4.1.2', () => {
    it('grants once what was promised', async () => {
      const code = await codes.issue(GRANT);
      expect(await codes.redeem(presenting(code))).toEqual({ kind: 'granted', grant: GRANT });
      expect(await codes.redeem(presenting(code))).toMatchObject({ kind: 'refused' });
    });

    it('makes codes that cannot be guessed or mistaken', async () => {
      const [one, two] = [await codes.issue(GRANT), await codes.issue(GRANT)];
      expect(one).not.toBe(two);
      expect(one).toMatch(/^gth_ac_[A-Za-z0-9_-]{49}$/);
    });

    it('lives sixty seconds', async () => {
      const code = await codes.issue(GRANT);
      const late = await codes.issue(GRANT);
      await later(58 * SECOND);
      expect(await codes.redeem(presenting(code))).toMatchObject({ kind: 'granted' });
      await later(2 * SECOND + 1);
      expect(await codes.redeem(presenting(late))).toMatchObject({ kind: 'refused' });
    });

    it.each([
      ['a wrong verifier', { codeVerifier: pkce().verifier }],
      ['a verifier that is none', { codeVerifier: 'short' }],
      ['the challenge in place of the verifier', { codeVerifier: challenge }],
      ['another client', { clientId: 'other' }],
      ['another redirect_uri', { redirectUri: `${CALLBACK}/` }],
      ['no redirect_uri although one was named', { redirectUri: undefined }],
    ])('refuses %s without using the code up', async (_what, overrides) => {
      const code = await codes.issue(GRANT);
      expect(await codes.redeem(presenting(code, overrides))).toMatchObject({ kind: 'refused' });
      expect(await codes.redeem(presenting(code))).toMatchObject({ kind: 'granted' });
    });

    it('does not ask for a redirect_uri that was not named, nor for the id of a client known by its target', async () => {
      const code = await codes.issue({ ...GRANT, redirectUri: undefined });
      const presented = presenting(code, { redirectUri: undefined, clientId: undefined });
      expect(await codes.redeem(presented)).toMatchObject({ kind: 'granted' });
    });

    it.each([
      ['nothing', () => ''],
      ['any text', () => 'x'],
      ['a code without its randomness', () => 'gth_ac_'],
      ['a code that nobody gave out', () => mintOpaqueToken('ac')],
      ['a refresh token', () => mintOpaqueToken('rt')],
    ])('refuses %s', async (_what, mint) => {
      expect(await codes.redeem(presenting(mint()))).toMatchObject({ kind: 'refused' });
    });
  });

  describe('R22', () => {
    it('grants one of a hundred who come at once', async () => {
      const code = await codes.issue(GRANT);
      const outcomes = await Promise.all(Array.from({ length: 100 }, () => codes.redeem(presenting(code))));
      expect(outcomes.filter((outcome) => outcome.kind === 'granted')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome.kind === 'refused')).toHaveLength(99);
    });
  });

  describe('D6 a replay', () => {
    it.each([
      [10 * SECOND, {}, 'refused'],
      [11 * SECOND, {}, 'replayed'],
      [9 * 60 * SECOND, {}, 'replayed'],
      [10 * 60 * SECOND + 1, {}, 'refused'],
      [11 * SECOND, { codeVerifier: pkce().verifier }, 'refused'],
      [11 * SECOND, { clientId: 'other' }, 'refused'],
      [11 * SECOND, { redirectUri: undefined }, 'refused'],
    ])('%i ms after the first use with %j is %s', async (ms, overrides, kindOfAnswer) => {
      const code = await codes.issue(GRANT);
      await codes.redeem(presenting(code));
      await later(ms);
      const outcome = await codes.redeem(presenting(code, overrides));
      expect(outcome.kind).toBe(kindOfAnswer);
      if (outcome.kind === 'replayed') expect(outcome.sessionId).toBe(GRANT.sessionId);
    });

    it('of a code that merely ended revokes nothing, since it issued nothing', async () => {
      const code = await codes.issue(GRANT);
      await later(61 * SECOND);
      expect(await codes.redeem(presenting(code))).toMatchObject({ kind: 'refused' });
    });
  });

  if (kind === 'redis')
    it('keeps no code in the store', async () => {
      const code = await codes.issue(GRANT);
      const client = new Redis(redis?.url.replace('unix://', '') ?? '');
      const keys = await client.keys('*');
      const values = await client.mget(keys);
      client.disconnect();
      expect(JSON.stringify([keys, values])).not.toContain(code);
      expect(JSON.stringify([keys, values])).not.toContain(code.slice(7, 50));
    });
});
