import { loadConfig } from '@app/config';
import { openStore, type OpenStore } from '@app/transient-store';
import { startRedis, type RedisServer } from '../../../test/harness/redis-server.js';
import { LoginTransactions, type LoginTransaction } from './login-transactions.js';

const TRANSACTION: LoginTransaction = {
  providerId: 'acme',
  upstreamRedirectUri: 'https://gatehouse.example/oauth2/callback',
  upstream: { nonce: 'n', codeVerifier: 'v' } as unknown as LoginTransaction['upstream'],
  browser: 'hash',
  request: {
    idp: 'acme',
    clientId: 'web',
    delivery: { kind: 'code', target: 'https://app.example/callback', codeChallenge: 'c' },
    namedTarget: undefined,
    scopes: ['openid'],
    state: 's',
    nonce: undefined,
    loginHint: undefined,
    prompt: undefined,
    maxAge: undefined,
    acrValues: undefined,
    uiLocales: undefined,
    organization: undefined,
    party: 'first',
    resource: undefined,
  },
};

describe.each(['redis', 'in-process'] as const)('D10 R22 logins in flight in the %s store', (kind) => {
  let redis: RedisServer | undefined;
  let open: OpenStore;
  let now = Date.now();
  let logins: LoginTransactions;

  beforeAll(async () => {
    if (kind === 'redis') redis = await startRedis();
    open = await openStore({ redisUrl: redis?.url, now: () => now, log: () => {} });
    logins = new LoginTransactions(
      open.store,
      loadConfig({}, () => ''),
    );
  });
  afterAll(async () => {
    await open.close();
    await redis?.stop();
  });

  it('have a state of 256 random bits', () => {
    const states = new Set(Array.from({ length: 1_000 }, () => logins.newState()));
    expect(states.size).toBe(1_000);
    for (const state of states) expect(state).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  it('are answered once', async () => {
    const state = logins.newState();
    await logins.save(state, TRANSACTION);
    expect(await logins.take(state)).toEqual(TRANSACTION);
    expect(await logins.take(state)).toBeUndefined();
  });

  it('are answered to one of a hundred who come at once', async () => {
    const state = logins.newState();
    await logins.save(state, TRANSACTION);
    const answers = await Promise.all(Array.from({ length: 100 }, () => logins.take(state)));
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
  });

  it('are not found by a state of another form', async () => {
    for (const state of ['', 'x', '*', `${logins.newState()}x`, '__proto__', logins.newState()])
      expect(await logins.take(state)).toBeUndefined();
  });

  if (kind === 'in-process')
    it('are over after ten minutes', async () => {
      const [early, late] = [logins.newState(), logins.newState()];
      await logins.save(early, TRANSACTION);
      await logins.save(late, TRANSACTION);
      now += 600_000 - 1;
      expect(await logins.take(early)).toEqual(TRANSACTION);
      now += 1;
      expect(await logins.take(late)).toBeUndefined();
    });
});
