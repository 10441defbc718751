import { randomUUID } from 'node:crypto';
import { Applications, type Application } from '@app/clients';
import { hashOpaqueToken, mintOpaqueToken } from '@app/oauth2';
import { SilentSessions, type SilentRequest } from './silent-sessions.js';
import { TestTokens } from './tokens.spec-support.js';

const ORGANIZATION = '00000000-0000-4000-8000-000000000001';
const ASKED = ['openid', 'email'];

let room: TestTokens;
let silent: SilentSessions;
beforeAll(async () => {
  room = await TestTokens.open();
  silent = room.app.get(SilentSessions, { strict: false });
});
afterAll(() => room.close());

interface Signed {
  readonly request: SilentRequest;
  readonly parentId: string;
  readonly userId: string;
}

/** A registered application, as it is remembered. */
async function application(consent = 'ask', method = 'client_secret_basic'): Promise<Application> {
  const id = `app_${randomUUID()}`;
  await room.database.query(
    `INSERT INTO applications (id, client_id, organization_id, name, redirect_uris, scopes, grant_types,
                               token_endpoint_auth_method, consent, created_by)
     VALUES ($1, $1, $2, 'Wiki', '{https://wiki.example/}', '{openid,email}', '{authorization_code}', $3, $4, 'test')`,
    [id, ORGANIZATION, method, consent],
  );
  const found = await room.app.get(Applications, { strict: false }).find(id);
  if (found === undefined) throw new Error('the application is not there');
  return found;
}

/** A person at his browser, who has allowed the application what it will ask for. */
async function signedIn(wiki?: Application): Promise<Signed> {
  const { sessionId: parentId, userId } = await room.session(`p-${randomUUID()}`);
  const cookieHash = hashOpaqueToken(mintOpaqueToken('bs'));
  await room.sessions.bindToBrowser(parentId, cookieHash, undefined, {});
  const known = wiki ?? (await application());
  const request = { cookieHash, application: known, scopes: ASKED, providerId: undefined };
  await room.database.query(`INSERT INTO consents (user_id, application_id, scopes) VALUES ($1, $2, $3)`, [
    userId,
    known.id,
    [...ASKED, 'profile'],
  ]);
  return { request, parentId, userId };
}

async function rowOf(id: string | undefined) {
  const [row] = await room.database.query<Record<string, unknown>>(`SELECT * FROM sessions WHERE id = $1`, [id]);
  if (row === undefined) throw new Error('there is no such session');
  return { ...row, id: 'any', created_at: 'any' };
}

const sql = (text: string, ...parameters: unknown[]) => room.database.query(text, parameters);

describe('D32 a session without a question', () => {
  it('is the one that the long way writes', async () => {
    const { request, parentId } = await signedIn();
    const short = await silent.begin(request);
    const long = await room.sessions.beginForApplication(parentId, request.application.clientId);
    expect(await rowOf(short)).toEqual(await rowOf(long));
  });

  it('is there at the provider that was asked for alone', async () => {
    const { request } = await signedIn();
    expect(await silent.begin({ ...request, providerId: 'acme' })).toBeDefined();
    expect(await silent.begin({ ...request, providerId: 'other' })).toBeUndefined();
  });

  it('ends with the parent', async () => {
    const { request, parentId } = await signedIn();
    const begun = await silent.begin(request);
    await room.sessions.end(parentId, 'logout');
    expect(await room.sessions.findAlive(String(begun))).toBeUndefined();
    expect(await silent.begin(request)).toBeUndefined();
  });

  it.each([
    ['R11 the person is disabled', (s: Signed) => sql(`UPDATE users SET disabled_at = now() WHERE id = $1`, s.userId)],
    ['D20 the person was revoked', (s: Signed) => sql(`UPDATE users SET generation = 9 WHERE id = $1`, s.userId)],
    ['R23 the session ran out', (s: Signed) => sql(`UPDATE sessions SET expires_at = now() WHERE id = $1`, s.parentId)],
    [
      'the browser was signed in too long ago',
      (s: Signed) => sql(`UPDATE sessions SET created_at = now() - interval '12 hours' WHERE id = $1`, s.parentId),
    ],
    [
      'the cookie is another',
      (s: Signed) => sql(`UPDATE sessions SET cookie_hash = '\\x00' WHERE id = $1`, s.parentId),
    ],
    [
      'R11 the application is disabled',
      (s: Signed) => sql(`UPDATE applications SET disabled_at = now() WHERE id = $1`, s.request.application.id),
    ],
    [
      'D20 the application changed since it was remembered',
      (s: Signed) => sql(`UPDATE applications SET revision = revision + 1 WHERE id = $1`, s.request.application.id),
    ],
    [
      'the application was deleted, and another has its client_id',
      async (s: Signed) => {
        const { id } = s.request.application;
        await sql(`DELETE FROM consents WHERE application_id = $1`, id);
        await sql(`UPDATE applications SET id = id || '-new' WHERE id = $1`, id);
        await sql(
          `INSERT INTO consents (user_id, application_id, scopes) VALUES ($1, $2, $3)`,
          s.userId,
          `${id}-new`,
          ASKED,
        );
      },
    ],
    [
      'R27 the application went to another organization',
      async (s: Signed) => {
        const other = randomUUID();
        await sql(`INSERT INTO organizations (id, name) VALUES ($1, $2)`, other, `o-${other}`);
        await sql(`UPDATE applications SET organization_id = $2 WHERE id = $1`, s.request.application.id, other);
      },
    ],
    ['D49 nothing was allowed', (s: Signed) => sql(`DELETE FROM consents WHERE user_id = $1`, s.userId)],
    [
      'D49 less was allowed',
      (s: Signed) => sql(`UPDATE consents SET scopes = '{openid,profile}' WHERE user_id = $1`, s.userId),
    ],
  ])('is not there, and nothing is written, where %s', async (_why, change) => {
    const signed = await signedIn();
    expect(await silent.begin(signed.request)).toBeDefined();
    await change(signed);
    const before = await sql(`SELECT count(*) FROM sessions`);
    expect(await silent.begin(signed.request)).toBeUndefined();
    expect(await sql(`SELECT count(*) FROM sessions`)).toEqual(before);
  });

  it('D49 is there without consent where the application is registered so', async () => {
    const { request, userId } = await signedIn(await application('skip'));
    await sql(`DELETE FROM consents WHERE user_id = $1`, userId);
    expect(await silent.begin(request)).toBeDefined();
    await sql(`UPDATE applications SET revision = revision + 1 WHERE id = $1`, request.application.id);
    expect(await silent.begin(request)).toBeUndefined();
  });

  it('RFC 8252 §8.6 is not there for a public application, whatever was allowed', async () => {
    const { request } = await signedIn(await application('ask', 'none'));
    expect(await silent.begin(request)).toBeUndefined();
  });

  it('D49 waits for who is taking the consent back, and is not there then', async () => {
    const { request, userId } = await signedIn();
    const begun = await room.database.transaction(async (manager) => {
      await manager.query(`DELETE FROM consents WHERE user_id = $1`, [userId]);
      const waiting = silent.begin(request);
      // It stands at the lock when it no longer runs. Asked outside: a transaction sees the activity of one moment.
      for (let stands: unknown = false; stands !== true;)
        [{ stands } = { stands: false }] = await room.database.query<{ stands: boolean }>(
          `SELECT count(*) > 0 AS stands FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%parent AS MATERIALIZED%'`,
        );
      return { waiting };
    });
    expect(await begun.waiting).toBeUndefined();
  });
});
