import { randomUUID } from 'node:crypto';
import { Database, DEFAULT_ORGANIZATION, dataSourceOptions, openDataSource, runMigrations } from '@app/database';
import fc from 'fast-check';
import type { EntityManager } from 'typeorm';
import { freshDatabase } from '../../../../test/harness/postgres.js';
import type { NameId } from '../message-facts.js';
import { SamlSessions, type SamlSession } from './saml-sessions.js';

const IDP = 'https://idp.example/metadata';
const noon = new Date('2026-11-21T12:00:00Z');
const minutes = (n: number) => new Date(noon.getTime() + n * 60_000);
const named = (value: string, parts: Partial<NameId> = {}): NameId => ({
  format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  nameQualifier: IDP,
  spNameQualifier: undefined,
  value,
  ...parts,
});

let database: Database;
let sessions: SamlSessions;
let close: () => Promise<void>;
let identity: { readonly userId: string; readonly identityId: string };

beforeAll(async () => {
  const fresh = await freshDatabase();
  await runMigrations(fresh.url);
  const source = await openDataSource(dataSourceOptions({ url: fresh.url, poolSize: 4, warn: () => {} }));
  database = new Database(source);
  sessions = new SamlSessions(database);
  identity = await aPerson();
  close = async () => {
    await source.destroy();
    await fresh.drop();
  };
});
afterAll(() => close());

async function aPerson() {
  const [userId, identityId] = [randomUUID(), randomUUID()];
  await database.query(`INSERT INTO providers (id, organization_id) VALUES ('acme', $1), ('other', $1)`, [
    DEFAULT_ORGANIZATION.id,
  ]);
  await database.query(
    `INSERT INTO users (id, organization_id, email, email_key, email_verified) VALUES ($1, $2, 'a@x', 'a@x', true)`,
    [userId, DEFAULT_ORGANIZATION.id],
  );
  await database.query(
    `INSERT INTO external_identities (id, provider_id, issuer, subject, user_id, email_verified)
     VALUES ($1, 'acme', $2, 's', $3, true)`,
    [identityId, IDP, userId],
  );
  return { userId, identityId };
}

function begin(nameId: NameId, over: Partial<SamlSession> = {}): Promise<string> {
  return database.transaction((manager) => beginWithin(manager, nameId, over));
}

async function beginWithin(manager: EntityManager, nameId: NameId, over: Partial<SamlSession> = {}): Promise<string> {
  const sessionId = randomUUID();
  await manager.query(
    `INSERT INTO sessions (id, user_id, identity_id, provider_id, organization_id, client_id, user_generation,
                           provider_generation, organization_generation, auth_time, expires_at)
     VALUES ($1, $2, $3, 'acme', $4, 'web', 1, 1, 1, now(), now() + interval '1 day')`,
    [sessionId, identity.userId, identity.identityId, DEFAULT_ORGANIZATION.id],
  );
  await sessions.begin(manager, {
    sessionId,
    providerId: 'acme',
    idpEntityId: IDP,
    nameId,
    sessionIndexes: ['_1'],
    authnInstant: noon,
    ...over,
  });
  return sessionId;
}

/** Resolves when a transaction waits for an advisory lock. */
async function somebodyWaits(): Promise<void> {
  for (;;) {
    const waiting = await database.query(
      `SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
       WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()`,
    );
    if (waiting.length > 0) return;
  }
}

const logout = (
  nameId: NameId,
  sessionIndexes: readonly string[] = [],
  over: { providerId?: string; idpEntityId?: string; until?: Date } = {},
) =>
  database.transaction((manager) =>
    sessions.recordLogout(manager, {
      providerId: 'acme',
      idpEntityId: IDP,
      nameId,
      sessionIndexes,
      issuedAt: noon,
      until: minutes(5),
      ...over,
    }),
  );

const wasLoggedOut = (
  nameId: NameId,
  at: { authnInstant: Date; now: Date },
  sessionIndexes: readonly string[] = ['_1'],
  providerId = 'acme',
) =>
  database.transaction((manager) =>
    sessions.wasLoggedOut(manager, { providerId, nameId, sessionIndexes, authnInstant: at.authnInstant }, at.now),
  );

describe('D46', () => {
  it('a logout finds the sessions of exactly that person: every part of the NameID counts, byte for byte', async () => {
    const ada = named('ada');
    const sessionId = await begin(ada);
    const strangers = [
      named('Ada'),
      named('ada '),
      named('ada', { format: undefined }),
      named('ada', { nameQualifier: undefined }),
      named('ada', { nameQualifier: '' }),
      named('ada', { spNameQualifier: IDP }),
      named('ada', { nameQualifier: undefined, spNameQualifier: IDP }),
    ];
    for (const stranger of strangers) expect(await logout(stranger)).toEqual([]);
    expect(await logout(ada, [], { providerId: 'other' })).toEqual([]);
    expect(await logout(ada, [], { idpEntityId: 'https://idp.example/other' })).toEqual([]);
    expect(await logout(ada)).toEqual([sessionId]);
  });

  it('gives the NameID back as it came, for our own logout', async () => {
    for (const nameId of [named('grace'), named('grace', { format: undefined, nameQualifier: undefined })]) {
      const sessionId = await begin(nameId, { sessionIndexes: ['_b', '_a'] });
      expect(await sessions.of(sessionId)).toEqual({
        sessionId,
        providerId: 'acme',
        idpEntityId: IDP,
        nameId,
        sessionIndexes: ['_b', '_a'],
        authnInstant: noon,
      });
    }
    expect(await sessions.of(randomUUID())).toBeUndefined();
  });
});

describe('D25', () => {
  it('a logout with indexes names exactly the sessions that have one of them; without, all of the person', async () => {
    const index = fc.constantFrom('_1', '_2', '_3', '_4');
    const indexes = fc.uniqueArray(index, { maxLength: 3 });
    let person = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(indexes, { minLength: 1, maxLength: 5 }), indexes, async (all, asked) => {
        const nameId = named(`person-${person++}`);
        const begun: string[] = [];
        for (const sessionIndexes of all) begun.push(await begin(nameId, { sessionIndexes }));
        const expected = begun.filter(
          (_, i) => asked.length === 0 || all[i]?.some((one) => asked.includes(one)) === true,
        );
        expect(await logout(nameId, asked)).toEqual(expected.toSorted());
      }),
      { numRuns: 40 },
    );
  });

  it('a session that has ended is not named again', async () => {
    const [nameId, sessionId] = [named('ended'), await begin(named('ended'))];
    await database.query(`UPDATE sessions SET ended_at = now() WHERE id = $1`, [sessionId]);
    expect(await logout(nameId)).toEqual([]);
  });
});

describe('core §3.7.3.1', () => {
  it('a logout reaches assertions that arrive after it, until its end, if the person authenticated before it', async () => {
    const nameId = named('late');
    await logout(nameId, ['_1', '_2']);
    const before = { authnInstant: noon, now: minutes(4) };
    expect(await wasLoggedOut(nameId, before)).toBe(true);
    expect(await wasLoggedOut(nameId, { authnInstant: minutes(1), now: minutes(4) })).toBe(false);
    expect(await wasLoggedOut(nameId, { authnInstant: noon, now: minutes(5) })).toBe(false);
    expect(await wasLoggedOut(nameId, before, ['_3'])).toBe(false);
    expect(await wasLoggedOut(nameId, before, [])).toBe(false);
    expect(await wasLoggedOut(nameId, before, ['_1'], 'other')).toBe(false);
    expect(await wasLoggedOut(named('other'), before)).toBe(false);
  });

  it('one that says it lasts for ever lasts a day', async () => {
    const nameId = named('for ever');
    await logout(nameId, [], { until: new Date('9999-12-31T00:00:00Z') });
    expect(await wasLoggedOut(nameId, { authnInstant: noon, now: minutes(24 * 60 - 1) })).toBe(true);
    expect(await wasLoggedOut(nameId, { authnInstant: noon, now: minutes(24 * 60) })).toBe(false);
  });

  it('one that named no index reaches an assertion without any', async () => {
    await logout(named('all'));
    for (const indexes of [[], ['_9']])
      expect(await wasLoggedOut(named('all'), { authnInstant: noon, now: noon }, indexes)).toBe(true);
  });

  it('of a login and a logout at once, the logout either sees the session or is seen by the login', async () => {
    const nameId = named('racing');
    let ended: Promise<string[]> | undefined;
    const { refused, sessionId } = await database.transaction(async (manager) => {
      const principal = { providerId: 'acme', nameId, sessionIndexes: ['_1'], authnInstant: noon };
      const answer = await sessions.wasLoggedOut(manager, principal, noon);
      // The logout comes between the login's question and its commit.
      ended = logout(nameId);
      await Promise.race([ended, somebodyWaits()]);
      const id = await beginWithin(manager, nameId);
      return { refused: answer, sessionId: id };
    });
    expect(await ended).toEqual([sessionId]);
    expect(refused).toBe(false);
  });
});

describe('housekeeping', () => {
  it('a session takes its SAML side with it', async () => {
    const sessionId = await begin(named('gone'));
    await database.query(`DELETE FROM sessions WHERE id = $1`, [sessionId]);
    expect(await sessions.of(sessionId)).toBeUndefined();
  });

  it('logouts are erased when their time is over, and no sooner', async () => {
    const count = async () =>
      (await database.query<{ subject: string }>(`SELECT subject FROM saml_logouts WHERE provider_id = 'purge'`))
        .length;
    const at = (until: Date) =>
      database.transaction((manager) =>
        sessions.recordLogout(manager, {
          providerId: 'purge',
          idpEntityId: IDP,
          nameId: named('purge'),
          sessionIndexes: [],
          issuedAt: new Date(until.getTime() - 1000),
          until,
        }),
      );
    await at(new Date(Date.now() - 2 * 86_400_000));
    await at(new Date(Date.now() + 60_000));
    await sessions.purge();
    expect(await count()).toBe(1);
  });
});
