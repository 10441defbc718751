import { randomUUID } from 'node:crypto';
import { ApplicationTokens } from './application-tokens.js';
import { TestTokens } from './tokens.spec-support.js';

let room: TestTokens;
let tokens: ApplicationTokens;
beforeAll(async () => {
  room = await TestTokens.open();
  tokens = room.app.get(ApplicationTokens, { strict: false });
});
afterAll(() => room.close());

const WHOLE = { limit: 10, offset: 0 };
const KEEPER = { organizationId: '00000000-0000-4000-8000-000000000001', actor: 'service_token:st_1' };

/** A registered application, as its row. */
async function application(): Promise<string> {
  const id = `app_${randomUUID()}`;
  await room.database.query(
    `INSERT INTO applications (id, client_id, organization_id, name, redirect_uris, scopes, grant_types,
                               token_endpoint_auth_method, consent, created_by)
     VALUES ($1, $1, $2, 'Wiki', '{https://wiki.example/}', '{openid}', '{authorization_code,refresh_token}',
             'client_secret_basic', 'ask', 'test')`,
    [id, KEEPER.organizationId],
  );
  return id;
}

/** What a person gives it: a session under his own, and a refresh family. */
async function given(clientId: string, subject = 'ada', scopes: readonly string[] = ['openid', 'email']) {
  const parent = await room.session(subject);
  const sessionId = await room.sessions.beginForApplication(parent.sessionId, clientId);
  const begun = sessionId === undefined ? undefined : await room.refreshTokens.begin(sessionId, scopes);
  if (begun === undefined) throw new Error('the session is not alive');
  const { accessToken } = await room.issuer.forUser(begun.facts, scopes);
  return { ...begun, accessToken, userId: parent.userId, parentId: parent.sessionId };
}

describe('ApplicationTokens', () => {
  it('shows what people gave one application, newest first, and nothing of any other', async () => {
    const [wiki, chat] = [await application(), await application()];
    const first = await given(wiki, 'ada');
    await given(chat, 'ada');
    await room.family();
    const second = await given(wiki, 'bob', ['openid']);
    const listed = await tokens.list(wiki, WHOLE);
    expect(listed.map(({ id }) => id)).toEqual([second.familyId, first.familyId]);
    expect(listed[1]).toEqual({
      id: first.familyId,
      sessionId: first.facts.sessionId,
      scopes: ['openid', 'email'],
      createdAt: expect.any(Date) as Date,
      refreshedAt: undefined,
      accessTokenExpiresAt: expect.any(Date) as Date,
      user: {
        id: first.userId,
        email: 'ada@acme.example',
        name: 'Person ada',
        createdAt: expect.any(Date) as Date,
        modifiedAt: expect.any(Date) as Date,
      },
      organization: { id: KEEPER.organizationId, name: 'default', createdAt: expect.any(Date) as Date },
    });
    expect(await tokens.list(wiki, { limit: 1, offset: 1 })).toEqual([listed[1]]);
    expect(await tokens.find(wiki, second.familyId)).toEqual(listed[0]);
    expect(await tokens.find(chat, second.familyId)).toBeUndefined();
  });

  it('counts for each application, none as 0', async () => {
    const [wiki, chat, unused] = [await application(), await application(), await application()];
    for (const subject of ['ada', 'bob']) await given(wiki, subject);
    await given(chat);
    const counted = await tokens.count([wiki, chat, unused, 'unknown']);
    expect([...counted]).toEqual([
      [wiki, 2],
      [chat, 1],
      [unused, 0],
      ['unknown', 0],
    ]);
    expect((await tokens.count([])).size).toBe(0);
  });

  it('knows no first-party family, and no id that is none', async () => {
    const { facts } = await room.family();
    const [row] = await room.database.query<{ id: string }>(`SELECT id FROM refresh_families WHERE session_id = $1`, [
      facts.sessionId,
    ]);
    expect(await tokens.find('web', String(row?.id))).toBeUndefined();
    expect(await tokens.list('web', WHOLE)).toEqual([]);
    for (const id of ['', 'x', '\0', String(row?.id).toUpperCase()])
      expect(await tokens.find('web', id)).toBeUndefined();
  });

  it('a rotation keeps the id and moves the end of the access token', async () => {
    const wiki = await application();
    const { familyId, refreshToken } = await given(wiki);
    await room.database.query(`UPDATE refresh_families SET issued_at = issued_at - interval '1 hour' WHERE id = $1`, [
      familyId,
    ]);
    const before = await tokens.find(wiki, familyId);
    await room.refreshTokens.rotate(refreshToken, wiki, []);
    const after = await tokens.find(wiki, familyId);
    expect(after?.refreshedAt).toBeInstanceOf(Date);
    const moved = Number(after?.accessTokenExpiresAt) - Number(before?.accessTokenExpiresAt);
    expect(Math.round(moved / 60_000)).toBe(60);
  });
});

describe('R11 R23 what is over is not there', () => {
  const ENDS: readonly (readonly [
    string,
    (of: Awaited<ReturnType<typeof given>>, clientId: string) => Promise<unknown>,
  ])[] = [
    ['the session ended', ({ facts }) => room.sessions.end(facts.sessionId, 'logout')],
    [
      'the family was revoked',
      ({ familyId }) => room.database.query(`UPDATE refresh_families SET revoked_at = now() WHERE id = $1`, [familyId]),
    ],
    [
      'the family expired',
      ({ familyId }) => room.database.query(`UPDATE refresh_families SET expires_at = now() WHERE id = $1`, [familyId]),
    ],
    [
      'the person is disabled',
      ({ userId }) => room.database.query(`UPDATE users SET disabled_at = now() WHERE id = $1`, [userId]),
    ],
    [
      'the application is disabled',
      (_of, clientId) =>
        room.database.query(`UPDATE applications SET disabled_at = now() WHERE client_id = $1`, [clientId]),
    ],
    [
      'the application was disabled once',
      (_of, clientId) =>
        room.database.query(`UPDATE applications SET generation = generation + 1 WHERE client_id = $1`, [clientId]),
    ],
  ];

  it.each(ENDS)('%s', async (_name, end) => {
    const wiki = await application();
    const held = await given(wiki, `person-${randomUUID()}`);
    expect(await tokens.count([wiki])).toEqual(new Map([[wiki, 1]]));
    await end(held, wiki);
    expect([await tokens.find(wiki, held.familyId), await tokens.list(wiki, WHOLE)]).toEqual([undefined, []]);
    expect(await tokens.count([wiki])).toEqual(new Map([[wiki, 0]]));
    expect(await tokens.end(wiki, held.familyId, KEEPER, {})).toBe(false);
  });
});

describe('D20 ending a token', () => {
  it('ends its access and refresh tokens, and neither the person’s own session nor another application’s', async () => {
    const [wiki, chat] = [await application(), await application()];
    const [ended, other] = [await given(wiki), await given(chat)];
    expect(await tokens.end(chat, ended.familyId, KEEPER, {})).toBe(false);
    expect(await tokens.end(wiki, ended.familyId, KEEPER, {})).toBe(true);
    expect(await room.verifier.verify(ended.accessToken)).toBeUndefined();
    expect(await room.refreshTokens.rotate(ended.refreshToken, wiki, [])).toMatchObject({ kind: 'unknown' });
    expect(await room.verifier.verify(other.accessToken)).toBeDefined();
    expect(await room.sessions.findAlive(ended.parentId)).toBeDefined();
  });

  it('of many at once one ends it, and the audit is told once by whom', async () => {
    const wiki = await application();
    const { familyId } = await given(wiki);
    const endings = await Promise.all(Array.from({ length: 8 }, () => tokens.end(wiki, familyId, KEEPER, {})));
    expect(endings.filter(Boolean)).toEqual([true]);
    const rows = await room.database.query(
      `SELECT actor, organization_id, details FROM audit_events WHERE kind = 'token.revoked' AND subject = $1`,
      [familyId],
    );
    expect(rows).toEqual([
      { actor: KEEPER.actor, organization_id: KEEPER.organizationId, details: { token_type: 'refresh_token' } },
    ]);
  });
});
