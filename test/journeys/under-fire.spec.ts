import { runGatehouse, startGatehouse, type Gatehouse } from '../harness/gatehouse.js';
import { freshDatabase } from '../harness/postgres.js';
import { startRedis } from '../harness/redis-server.js';
import { bearer, claimsOf, codeAsTest, postForm, signInAsTest, type Tokens } from '../harness/sign-in.js';

let first: Gatehouse;
let second: Gatehouse;
let stores: { databaseUrl: string; redisUrl: string };
const cleanUp: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const database = await freshDatabase();
  const redis = await startRedis();
  stores = { databaseUrl: database.url, redisUrl: redis.url };
  first = await startGatehouse(stores);
  second = await startGatehouse({ ...stores, publicUrl: first.publicUrl });
  cleanUp.push(
    () => first.stop(),
    () => second.stop(),
    () => redis.stop(),
    () => database.drop(),
  );
});

afterAll(async () => {
  for (const step of cleanUp) await step();
});

const either = (n: number) => (n % 2 === 0 ? first.url : second.url);
const introspect = async (token: string) => (await postForm(`${second.url}/oauth2/introspect`, { token })).body.active;

describe('R22 one code, a hundred exchanges at two servers', () => {
  it('lets exactly one win, and the losers revoke nothing of the winner', async () => {
    const { code, verifier, callback } = await codeAsTest(first.url, 'code-racer', `${first.publicUrl}/`);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        postForm(`${either(n)}/oauth2/token`, {
          grant_type: 'authorization_code',
          code,
          code_verifier: verifier,
          redirect_uri: callback,
        }),
      ),
    );
    const winners = answers.filter((answer) => answer.status === 200);
    expect(winners).toHaveLength(1);
    for (const loser of answers.filter((answer) => answer.status !== 200))
      expect([loser.status, loser.body.error]).toEqual([400, 'invalid_grant']);
    const tokens = winners[0]?.body as unknown as Tokens;
    expect(await introspect(tokens.access_token)).toBe(true);
    const refreshed = await postForm(`${second.url}/oauth2/token`, {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
    });
    expect(refreshed.status).toBe(200);
  });
});

describe('D13 R21 one refresh token, a hundred refreshes at two servers', () => {
  it('gives all the same successor and logs nobody out', async () => {
    const tokens = await signInAsTest(first.url, 'refresh-racer');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        postForm(`${either(n)}/oauth2/token`, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }),
      ),
    );
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    const successors = new Set(answers.map((answer) => answer.body.refresh_token));
    expect(successors.size).toBe(1);
    const [successor] = successors;
    expect(successor).not.toBe(tokens.refresh_token);
    const next = await postForm(`${first.url}/oauth2/refresh`, { refresh_token: String(successor) });
    expect(next.status).toBe(200);
  });

  it('revokes the family when a predecessor comes back after its successor was used', async () => {
    const tokens = await signInAsTest(first.url, 'refresh-thief');
    const once = await postForm(`${first.url}/oauth2/refresh`, { refresh_token: tokens.refresh_token });
    const twice = await postForm(`${second.url}/oauth2/refresh`, { refresh_token: String(once.body.refresh_token) });
    expect(twice.status).toBe(200);
    const reused = await postForm(`${first.url}/oauth2/refresh`, { refresh_token: tokens.refresh_token });
    expect([reused.status, reused.body.error]).toEqual([401, 'invalid_grant']);
    const heir = await postForm(`${second.url}/oauth2/refresh`, { refresh_token: String(twice.body.refresh_token) });
    expect(heir.status).toBe(401);
    expect(await introspect(String(twice.body.access_token))).toBe(false);
  });
});

describe('D21 R21 a hundred credentials against the quota of ten', () => {
  it('creates exactly ten', async () => {
    const { access_token } = await signInAsTest(first.url, 'quota-racer');
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const response = await fetch(`${either(n)}/client-credentials`, {
          method: 'POST',
          headers: { ...bearer(access_token), 'content-type': 'application/json' },
          body: JSON.stringify({ name: `machine ${n}` }),
        });
        return { status: response.status, body: (await response.json()) as Record<string, unknown> };
      }),
    );
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(10);
    for (const refused of answers.filter((answer) => answer.status !== 201))
      expect([refused.status, refused.body.error]).toEqual([403, 'quota_exceeded']);
    const list = await fetch(`${second.url}/client-credentials`, { headers: bearer(access_token) });
    expect(await list.json()).toHaveLength(10);
  });
});

describe('D20 two servers over one Postgres and one Redis', () => {
  it('refuses at one, by the very next request, a token revoked at the other', async () => {
    for (let round = 0; round < 20; round++) {
      const { access_token } = await signInAsTest(first.url, `leaver-${round}`);
      expect((await fetch(`${second.url}/oauth2/userinfo`, { headers: bearer(access_token) })).status).toBe(200);
      const logout = await fetch(`${first.url}/oauth2/revoke`, { method: 'POST', headers: bearer(access_token) });
      expect(await logout.json()).toEqual({ message: 'Logged out successfully' });
      expect((await fetch(`${second.url}/oauth2/userinfo`, { headers: bearer(access_token) })).status).toBe(401);
      expect(await introspect(access_token)).toBe(false);
    }
  });

  it('redeems at one a code that the other issued', async () => {
    const { code, verifier, callback } = await codeAsTest(first.url, 'traveller', `${first.publicUrl}/`);
    const answer = await postForm(`${second.url}/oauth2/token`, {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: callback,
    });
    expect(answer.status).toBe(200);
    expect(claimsOf(String(answer.body.access_token)).iss).toBe(first.publicUrl);
  });

  it('verifies at one what the other signs with a key that was rotated in a moment ago', async () => {
    const keyOf = (token: string) =>
      (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;
    const before = await signInAsTest(first.url, 'old-key');
    const { code, output } = await runGatehouse(['keys:rotate', '--now'], { ...stores, publicUrl: first.publicUrl });
    expect([code, output]).toEqual([0, expect.stringMatching(/\S/)]);
    let after: Tokens;
    do after = await signInAsTest(first.url, 'new-key');
    while (keyOf(after.access_token) === keyOf(before.access_token));
    expect(await introspect(after.access_token)).toBe(true);
    expect(await introspect(before.access_token)).toBe(true);
    const jwks = (await (await fetch(`${second.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
    expect(jwks.keys.map((key) => key.kid)).toContain(keyOf(after.access_token));
  });
});
