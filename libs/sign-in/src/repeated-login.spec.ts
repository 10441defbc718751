import { Directory, ProviderRecords } from '@app/directory';
import { SamlSessions } from '@app/saml';
import { Sessions } from '@app/tokens';
import fc from 'fast-check';
import pg from 'pg';
import type { QueryRunner } from 'typeorm';
import type { ProvenIdentity } from './proven-identity.js';
import { RepeatedLogin } from './repeated-login.js';
import { SignIn } from './sign-in.js';
import { TestSignIn, nameId, saml, person, outcome, CONTEXT, IDP } from './repeated-login.spec-support.js';

const time = { now: new Date() };
let t: TestSignIn;
beforeAll(async () => {
  t = await TestSignIn.open(time, { admins: [{ provider: 'acme', subjectOrEmail: 'root' }] });
});
afterAll(() => t.close());

const complete = (identity: ProvenIdentity) => t.signIn.complete(identity, 'web', CONTEXT);

/** The statements of one login, in their order. */
async function statements(login: () => Promise<unknown>): Promise<string[]> {
  const query = jest.spyOn(pg.Client.prototype, 'query');
  try {
    await login();
    return query.mock.calls.map(([statement]) =>
      typeof statement === 'string' ? statement : (statement as unknown as { text: string }).text.trim(),
    );
  } finally {
    query.mockRestore();
  }
}

describe('what a repeated login costs', () => {
  it('is one statement where nothing is new, by SAML or not', async () => {
    const ada = person('cost');
    expect((await statements(() => complete(ada))).length).toBeGreaterThan(5);
    expect(await statements(() => complete({ ...ada, groups: ['a', 'b', 'a'] }))).toHaveLength(1);
    expect(await statements(() => complete({ ...ada, saml: saml('cost', time.now) }))).toHaveLength(1);
    expect((await statements(() => complete({ ...ada, name: 'Augusta' }))).length).toBeGreaterThan(5);
  });

  it('is the long way where the same claim would still change the profile, and the profile follows it', async () => {
    const ada = person('healed');
    const login = () => complete(ada);
    await login();
    for (const damage of ['email_verified = false', 'name = NULL', `email = 'HEALED@acme.example'`]) {
      await t.database.query(`UPDATE users SET ${damage} WHERE id = $1`, [await t.userOf('healed')]);
      expect((await statements(login)).length).toBeGreaterThan(5);
      expect(await t.of(Directory).profile(await t.userOf('healed'), 'acme')).toMatchObject({
        email: 'healed@acme.example',
        emailVerified: true,
        name: 'Ada',
      });
      expect(await statements(login)).toHaveLength(1);
    }
  });

  it('is the long way once an hour for each group, which so stays seen', async () => {
    const ada = person('hourly', { groups: ['hourly'] });
    await complete(ada);
    await t.database.query(`UPDATE groups SET last_seen_at = $1 WHERE name = 'hourly'`, [
      new Date(time.now.getTime() - 3_600_001),
    ]);
    expect((await statements(() => complete(ada))).length).toBeGreaterThan(5);
    expect(await statements(() => complete(ada))).toHaveLength(1);
  });

  it('is the long way for whom the configuration names: a pin that was lost comes back', async () => {
    const root = person('root');
    await complete(root);
    await t.database.query('DELETE FROM administrator_pins');
    await complete(root);
    expect(await t.database.query('SELECT entry FROM administrator_pins')).toEqual([{ entry: 'acme:root' }]);
  });
});

describe('R12', () => {
  type Step =
    | { readonly kind: 'login'; readonly identity: ProvenIdentity; readonly afterMs: number }
    | { readonly kind: 'logout' | 'disable' | 'enable' | 'switch'; readonly subject: string };
  const subjects = fc.constantFrom('s1', 's2');
  const login = fc
    .record({
      provider: fc.constantFrom('acme', 'acme', 'other'),
      subject: subjects,
      email: fc.constantFrom('a@acme.example', 'a@acme.example', 'A@acme.example', 'b@acme.example', undefined),
      emailVerified: fc.constantFrom(true, true, false),
      name: fc.constantFrom('Ada', 'Ada', 'Bea', undefined),
      groups: fc.constantFrom(['x'], ['x', 'y'], [], ['\u{1f600}', '\ue000']),
      by: fc.constantFrom('saml', 'oauth'),
      afterMs: fc.constantFrom(0, 1000, 2 * 3_600_000),
      times: fc.integer({ min: 1, max: 3 }),
    })
    .map(({ by, afterMs, times, ...claim }): Step[] =>
      Array.from({ length: times }, () => ({
        kind: 'login',
        afterMs,
        identity: person(claim.subject, by === 'saml' ? { ...claim, saml: saml(claim.subject, new Date(0)) } : claim),
      })),
    );
  const event = fc
    .record({ kind: fc.constantFrom('logout', 'disable', 'enable', 'enable', 'switch'), subject: subjects })
    .map((step) => [step as Step]);

  async function take(where: TestSignIn, how: SignIn, step: Step): Promise<string> {
    if (step.kind === 'login') {
      const { identity } = step;
      // The IdP's authentication is older than every logout or newer than all of them, by turns of the clock.
      const instant = identity.saml && { ...identity.saml, authnInstant: time.now };
      return outcome(how.complete(instant ? { ...identity, saml: instant } : identity, 'web', CONTEXT));
    }
    if (step.kind === 'logout') return String((await where.logout(step.subject)).length);
    if (step.kind === 'switch') {
      const [row] = await where.database.query<{ enabled: boolean }>(`SELECT enabled FROM providers WHERE id = 'acme'`);
      const records = where.of(ProviderRecords);
      await (row?.enabled === true ? records.disable('acme', { by: 'test' }) : records.enable('acme', { by: 'test' }));
      return 'switched';
    }
    const directory = where.of(Directory);
    const userId = await where.userOf(step.subject);
    if (userId === '') return 'nobody';
    await (step.kind === 'disable' ? directory.disableUser(userId) : directory.enableUser(userId));
    return step.kind;
  }

  it('one policy: by the short way and by the long one everything turns out the same', async () => {
    const [a, b] = await Promise.all([TestSignIn.open(time), TestSignIn.open(time)]);
    const begin = jest.spyOn(a.of(RepeatedLogin), 'begin');
    await fc.assert(
      fc
        .asyncProperty(fc.array(fc.oneof({ weight: 4, arbitrary: login }, event), { maxLength: 12 }), async (lists) => {
          for (const step of lists.flat()) {
            if (step.kind === 'login') time.now = new Date(time.now.getTime() + step.afterMs);
            const inShort = await take(a, a.signIn, step);
            expect(inShort).toBe(await take(b, b.theLongWay, step));
          }
          expect(await a.everything()).toEqual(await b.everything());
        })
        .beforeEach(async () => {
          await Promise.all([a.forgetEverybody(), b.forgetEverybody()]);
        }),
      { numRuns: 60 },
    );
    const begun = await Promise.all(begin.mock.results.map(({ value }) => value as Promise<string | undefined>));
    begin.mockRestore();
    await Promise.all([a.close(), b.close()]);
    // Some eight of a hundred logins bring nothing new; without any, the two ways would have been one.
    expect(begun.filter((sessionId) => sessionId !== undefined).length).toBeGreaterThan(5);
  });
});

describe('races', () => {
  /** A transaction of somebody else that stays open until it is told to end. */
  async function meanwhile(statement: string, parameters: unknown[]): Promise<QueryRunner> {
    const runner = t.database.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(statement, parameters);
    return runner;
  }

  async function commit(runner: QueryRunner): Promise<void> {
    await runner.commitTransaction();
    await runner.release();
  }

  /** Resolves when so many statements of this database wait for a lock. */
  async function waiting(count = 1): Promise<void> {
    for (;;) {
      const rows = await t.database.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      if (rows.length >= count) return;
    }
  }

  const signedIn = async (subject: string) => {
    const [row] = await t.database.query<{ count: string }>(
      `SELECT count(*) FROM audit_events WHERE kind = 'user.signed_in' AND subject = $1`,
      [await t.userOf(subject)],
    );
    return Number(row?.count);
  };
  const lockUser = async (subject: string) =>
    meanwhile(`SELECT 1 FROM users WHERE id = $1 FOR UPDATE`, [await t.userOf(subject)]);

  it('D25: a logout that commits while the login waits for it is seen, by its newer snapshot', async () => {
    const ada = person('late', { saml: saml('late', time.now) });
    await complete(ada);
    const sessions = t.of(SamlSessions);
    const runner = t.database.dataSource.createQueryRunner();
    await runner.startTransaction();
    await sessions.recordLogout(runner.manager, {
      providerId: 'acme',
      idpEntityId: IDP,
      nameId: nameId('late'),
      sessionIndexes: [],
      issuedAt: time.now,
      until: new Date(time.now.getTime() + 60_000),
    });
    const login = outcome(complete(ada));
    await waiting();
    await commit(runner);
    expect(await login).toBe('access_denied');
    expect(await signedIn('late')).toBe(1);
  });

  it('D25: a logout that comes while the login writes waits for it, and finds its session', async () => {
    const ada = person('early', { saml: saml('early', time.now) });
    await complete(ada);
    const runner = await lockUser('early');
    const login = complete(ada);
    await waiting();
    const logout = t.logout('early');
    await waiting(2);
    await commit(runner);
    expect(await logout).toContain(await login);
  });

  it('R11: somebody who is disabled while he signs in is not signed in', async () => {
    const ada = person('disabled');
    await complete(ada);
    const runner = await meanwhile(`UPDATE users SET disabled_at = now(), generation = generation + 1 WHERE id = $1`, [
      await t.userOf('disabled'),
    ]);
    const login = outcome(complete(ada));
    await waiting();
    await commit(runner);
    expect(await login).toBe('access_denied');
    expect(await signedIn('disabled')).toBe(1);
  });

  it('R23: a session is of the generation that its user had last, also when the login waited for it', async () => {
    const ada = person('generation');
    await complete(ada);
    const runner = await meanwhile(`UPDATE users SET generation = generation + 1 WHERE id = $1`, [
      await t.userOf('generation'),
    ]);
    const login = complete(ada);
    await waiting();
    await commit(runner);
    expect(await t.of(Sessions).findAlive(await login)).toMatchObject({ userGeneration: 2 });
  });

  it('R11: a provider that is switched off while somebody signs in through it leaves a dead session at most', async () => {
    const ada = person('switched');
    await complete(ada);
    const runner = await lockUser('switched');
    const login = complete(ada);
    await waiting();
    await t.of(ProviderRecords).disable('acme', { by: 'test' });
    await commit(runner);
    expect(await t.of(Sessions).findAlive(await login)).toBeUndefined();
    expect(await outcome(complete(ada))).toBe('access_denied');
    await t.of(ProviderRecords).enable('acme', { by: 'test' });
    expect(await t.of(Sessions).findAlive(await login)).toBeUndefined();
  });

  it('D17: somebody who is deleted while he signs in is another person from then on', async () => {
    const ada = person('deleted');
    await complete(ada);
    const before = await t.userOf('deleted');
    const runner = await meanwhile(`DELETE FROM users WHERE id = $1`, [before]);
    const login = complete(ada);
    await waiting();
    await commit(runner);
    expect(await login).not.toBe('');
    expect(await t.userOf('deleted')).not.toBe(before);
  });

  it('D17: two first logins of one person together make one user with two sessions', async () => {
    const ada = person('twins', { saml: saml('twins', time.now) });
    const [one, two] = await Promise.all([complete(ada), complete(ada)]);
    expect(one).not.toBe(two);
    expect(await signedIn('twins')).toBe(2);
  });
});
