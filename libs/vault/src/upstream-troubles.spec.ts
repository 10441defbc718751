import type { FaultRule, IssuedTokenSet } from '../../../test/harness/fake-upstream.js';
import { setVaultClock, VaultWorld, type VaultInstance } from './vault.spec-support.js';

let world: VaultWorld;
let one: VaultInstance;

beforeAll(async () => {
  world = await VaultWorld.start();
  one = await world.instance();
});
afterEach(async () => {
  await world.upstream.clearFaults();
  await one.database.query('DELETE FROM provider_breakers');
  await setVaultClock(one.database, 0);
});
afterAll(() => world.stop());

async function connected(): Promise<{ id: string; issued: IssuedTokenSet }> {
  const [issued] = await world.upstream.issue(1);
  if (issued === undefined) throw new Error('nothing was issued');
  return { id: (await one.connect(issued)).id, issued };
}

/** Seconds until the next try, by the database's clock. */
async function retryIn(id: string): Promise<number> {
  const { nextRefreshAt, readAt } = await one.find(id);
  return ((nextRefreshAt?.getTime() ?? Number.NaN) - readAt.getTime()) / 1000;
}

describe('vault failure 5', () => {
  const faults: readonly [name: string, rule: FaultRule, leastRetrySeconds: number][] = [
    ['500 with an OAuth body', { fault: 'oauth_500' }, 29],
    ['503 with an OAuth body', { fault: 'oauth_503' }, 29],
    ['502 with HTML', { fault: 'html_502' }, 29],
    ['503 with Retry-After as a date', { fault: 'unavailable_until', seconds: 600 }, 595],
    ['429 with Retry-After in seconds', { fault: 'throttled', seconds: 1200 }, 1195],
    ['429 without', { fault: 'throttled_silent' }, 29],
    ['408', { fault: 'status_408' }, 29],
    ['403 of a firewall', { fault: 'html_403' }, 29],
    ['200 with HTML', { fault: 'html_200' }, 29],
  ];
  it.each(faults)('%s: tried later, nothing lost, no earlier than asked', async (_name, rule, least) => {
    const { id, issued } = await connected();
    await world.upstream.plan({ ...rule, family: issued.family, times: 1 });
    await expect(one.force(id)).resolves.toMatchObject({ kind: 'unavailable' });
    expect((await one.find(id)).status).toBe('backing_off');
    expect(await retryIn(id)).toBeGreaterThanOrEqual(least);
    // Stale while error: the token in force lives, and says so.
    await expect(one.get(id)).resolves.toMatchObject({ token: { accessToken: issued.access_token } });
    const { presented } = await world.upstream.grants(issued.family);
    await one.force(id);
    expect((await world.upstream.grants(issued.family)).presented).toBe(presented);
    await setVaultClock(one.database, 3_000);
    await one.sweeper.sweep();
    const { status, generation, consecutiveFailures } = await one.find(id);
    expect({ status, generation, consecutiveFailures }).toEqual({
      status: 'active',
      generation: 2n,
      consecutiveFailures: 0,
    });
    expect((await world.upstream.grants(issued.family)).replayed).toBe(0);
  });
});

describe('vault failure 6', () => {
  it('invalid_grant by race is no death: the sibling’s token is everybody’s', async () => {
    const { id, issued } = await connected();
    const other = await world.instance();
    const answers = await Promise.all([one.force(id), other.force(id), one.force(id), other.force(id)]);
    const { current } = await world.upstream.grants(issued.family);
    expect(answers.map((answer) => answer.kind === 'token' && answer.token.accessToken)).toEqual(
      answers.map(() => current.access_token),
    );
    expect(await world.upstream.grants(issued.family)).toMatchObject({
      replayed: 0,
      duplicate_grants: 0,
      status: 'active',
    });
  });

  it('an answer that got lost after the request was processed is rotation_lost, and never sent again', async () => {
    const { id, issued } = await connected();
    await world.upstream.plan({ fault: 'reset_after', family: issued.family, times: 1 });
    await expect(one.force(id)).resolves.toEqual({ kind: 'dead', reason: 'rotation_lost' });
    await setVaultClock(one.database, 3_500);
    await one.sweeper.sweep();
    expect(await world.upstream.grants(issued.family)).toMatchObject({ presented: 1, replayed: 0, status: 'active' });
    expect(await one.outcomes(id)).toEqual(['ambiguous']);
  });
});

describe('vault failure 14', () => {
  it('tokens that do not open are tried seldom, and the upstream is never asked', async () => {
    const { id, issued } = await connected();
    await one.database.query(
      `UPDATE connections SET refresh_token = set_byte(refresh_token, 20, 255 - get_byte(refresh_token, 20)) WHERE id = $1`,
      [id],
    );
    await expect(one.force(id)).resolves.toMatchObject({ kind: 'unavailable', code: 'tokens_unreadable' });
    expect(await retryIn(id)).toBeGreaterThan(29);
    expect(await one.outcomes(id)).toEqual(['not_sent']);
    expect((await world.upstream.grants(issued.family)).presented).toBe(0);
  });
});

describe('vault failure 7', () => {
  it('invalid_client at a provider of many: the queue rests, and no connection is marked dead', async () => {
    const issued = await world.upstream.issue(300);
    await Promise.all(issued.map((tokens) => one.connect(tokens)));
    await world.upstream.plan({ fault: 'invalid_client' });
    const before = (await world.upstream.stats()).refresh.requests;
    await setVaultClock(one.database, 3_000);
    await one.sweeper.sweep();
    const [row] = await one.database.query<{ dead: number; failing: number }>(
      `SELECT count(*) FILTER (WHERE status = 'needs_reauth' AND status_reason = 'revoked' AND last_error_at > now() - interval '1 hour'
                               AND last_error_code = 'invalid_client')::int AS dead,
              count(*) FILTER (WHERE consecutive_failures > 0 AND last_error_code = 'invalid_client')::int AS failing
       FROM connections`,
    );
    expect(row).toEqual({ dead: 0, failing: 0 });
    // Those that were under way when the first answer came, and nobody after.
    const asked = (await world.upstream.stats()).refresh.requests - before;
    expect(asked).toBeLessThanOrEqual(40);
    await world.upstream.clearFaults();
    await setVaultClock(one.database, 3_000 + 600);
    await one.sweeper.sweep();
    const [left] = await one.database.query<{ due: number }>(
      `SELECT count(*)::int AS due FROM connections WHERE next_refresh_at <= app_now()`,
    );
    expect(left).toEqual({ due: 0 });
  });
});

describe('R27', () => {
  it('tokens that somebody imported from another client stop nobody else’s refreshes', async () => {
    const strangers = await Promise.all(Array.from({ length: 12 }, connected));
    const { id, issued } = await connected();
    await one.force(id);
    for (const stranger of strangers) {
      await world.upstream.plan({ fault: 'unauthorized_client', family: stranger.issued.family });
      await expect(one.force(stranger.id)).resolves.toMatchObject({ kind: 'unavailable', code: 'unauthorized_client' });
      expect(await retryIn(stranger.id)).toBeGreaterThan(29);
    }
    await expect(one.force(id)).resolves.toMatchObject({ kind: 'token', token: { generation: 3n } });
    expect((await world.upstream.grants(issued.family)).granted).toBe(2);
  });

  it('an answer that cannot be stored costs nobody else his tokens', async () => {
    const good = await Promise.all(Array.from({ length: 5 }, connected));
    const bad = await connected();
    const body = {
      access_token: 'x',
      token_type: 'Bearer',
      refresh_token: 'y',
      expires_in: 3600,
      scope: 'a\u0000b \ud800',
    };
    await world.upstream.plan({ fault: 'custom', family: bad.issued.family, status: 200, body });
    const answers = await Promise.all([...good, bad].map(({ id }) => one.force(id)));
    expect(answers.map(({ kind }) => kind)).toEqual(answers.map(() => 'token'));
  });
});

describe('vault failure 8', () => {
  const answers: readonly [name: string, rule: FaultRule, seconds: number | undefined][] = [
    ['expires_in as text', { fault: 'expires_in_string' }, 3600],
    ['an epoch in milliseconds', { fault: 'expires_at_ms' }, 3600],
    ['no refresh token: the old one stays', { fault: 'no_refresh_token' }, 3600],
    ['no expiry at all', { fault: 'no_expires_in' }, undefined],
  ];
  it.each(answers)('%s', async (_name, rule, seconds) => {
    const { id, issued } = await connected();
    await world.upstream.plan({ ...rule, family: issued.family, times: 1 });
    await expect(one.force(id)).resolves.toMatchObject({ kind: 'token', token: { generation: 2n } });
    const { expiresAt, issuedAt, refreshable } = await one.find(id);
    expect(refreshable).toBe(true);
    const life = expiresAt === undefined ? undefined : (expiresAt.getTime() - issuedAt.getTime()) / 1000;
    if (seconds === undefined) expect(life).toBeUndefined();
    else expect(Math.abs((life ?? 0) - seconds)).toBeLessThan(5);
  });

  it('a body that says no though the status says 200 is dead, by its own words', async () => {
    const { id, issued } = await connected();
    await world.upstream.plan({ fault: 'slack_error', family: issued.family, error: 'invalid_refresh_token' });
    await expect(one.force(id)).resolves.toEqual({ kind: 'dead', reason: 'revoked' });
  });
});
