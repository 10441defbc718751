import { randomBytes, randomUUID } from 'node:crypto';
import { DEFAULT_ORGANIZATION } from '@app/database';
import type { SessionEndReason } from './sessions.js';
import { TestTokens } from './tokens.spec-support.js';

let room: TestTokens;
beforeAll(async () => {
  room = await TestTokens.open();
});
afterAll(() => room.close());
afterEach(() => room.database.query(`DELETE FROM logout_notices`));

/** A registered application, told of logouts where it has an address. */
async function application(address: string | null = 'https://wiki.example/logout'): Promise<string> {
  const id = `app_${randomUUID()}`;
  await room.database.query(
    `INSERT INTO applications (id, client_id, organization_id, name, redirect_uris, scopes, grant_types,
                               token_endpoint_auth_method, consent, created_by, backchannel_logout_uri)
     VALUES ($1, $1, $2, 'Wiki', '{https://wiki.example/}', '{openid}', '{authorization_code}', 'none', 'ask', 'test', $3)`,
    [id, DEFAULT_ORGANIZATION.id, address],
  );
  return id;
}

/** A person's session at this server, in a browser of its own unless one is given. */
async function inBrowser(subject: string, cookie = randomBytes(32), former?: Buffer) {
  const session = await room.session(subject);
  await room.sessions.bindToBrowser(session.sessionId, cookie, former, {});
  return { ...session, cookie };
}

/** An application's session out of it, with the `sid` of its ID tokens. */
async function signedInto(parentId: string, clientId: string): Promise<{ sessionId: string; sid: string }> {
  const sessionId = await room.sessions.beginForApplication(parentId, clientId);
  const facts = sessionId === undefined ? undefined : await room.sessions.findAlive(sessionId);
  if (facts === undefined) throw new Error('the session is not alive');
  return { sessionId: facts.sessionId, sid: facts.sid };
}

async function notices(): Promise<{ application_id: string; sid: string; user_id: string }[]> {
  return room.database.query(`SELECT application_id, sid, user_id FROM logout_notices ORDER BY id`);
}

describe('OpenID Connect Back-Channel Logout §2.3, D37', () => {
  it('the end of a person’s session is told to every application that was signed in with it, once, and to no other', async () => {
    const [wiki, chat, deaf, other] = [
      await application(),
      await application(),
      await application(null),
      await application(),
    ];
    const { sessionId: parent, userId } = await inBrowser('ada');
    for (const clientId of [wiki, wiki, chat, deaf]) await signedInto(parent, clientId);
    await signedInto((await inBrowser('ada')).sessionId, other);
    await room.sessions.end(parent, 'logout');
    await room.sessions.end(parent, 'logout');
    const told = await notices();
    expect(new Set(told.map(({ application_id: id }) => id))).toEqual(new Set([wiki, chat]));
    expect(told).toHaveLength(2);
    for (const one of told) expect(one).toMatchObject({ sid: parent, user_id: userId });
  });

  it('is told when another person signs in in that browser', async () => {
    const wiki = await application();
    const ada = await inBrowser('ada');
    await signedInto(ada.sessionId, wiki);
    await inBrowser('bob', randomBytes(32), ada.cookie);
    expect(await notices()).toEqual([{ application_id: wiki, sid: ada.sessionId, user_id: ada.userId }]);
  });

  it('is not told when the same person signs in anew; later it is, by the sid that the application knows', async () => {
    const [wiki, chat] = [await application(), await application()];
    const before = await inBrowser('ada');
    const early = await signedInto(before.sessionId, wiki);
    const after = await inBrowser('ada', randomBytes(32), before.cookie);
    expect(await notices()).toEqual([]);
    expect((await room.sessions.findAlive(early.sessionId))?.sid).toBe(early.sid);
    const late = await signedInto(after.sessionId, chat);
    await room.sessions.end(after.sessionId, 'logout');
    expect((await notices()).map(({ application_id: id, sid }) => [id, sid]).toSorted()).toEqual(
      [
        [wiki, early.sid],
        [chat, late.sid],
      ].toSorted(),
    );
  });

  it.each(['logout', 'consent_withdrawn', 'saml_logout'] satisfies SessionEndReason[])(
    'one application’s session alone that ends by %s is told to it alone',
    async (reason) => {
      const [wiki, chat] = [await application(), await application()];
      const { sessionId: parent } = await inBrowser('ada');
      const { sessionId } = await signedInto(parent, wiki);
      await signedInto(parent, chat);
      await room.sessions.end(sessionId, reason);
      expect(await notices()).toMatchObject([{ application_id: wiki, sid: parent }]);
    },
  );

  it.each(['token_revoked', 'refresh_reused', 'code_replayed'] satisfies SessionEndReason[])(
    'nobody is told of what the application brought about itself: %s',
    async (reason) => {
      const { sessionId: parent } = await inBrowser('ada');
      const { sessionId } = await signedInto(parent, await application());
      await room.sessions.end(sessionId, reason);
      expect(await notices()).toEqual([]);
    },
  );

  it('nobody is told where the transaction did not commit', async () => {
    const { sessionId: parent } = await inBrowser('ada');
    await signedInto(parent, await application());
    await expect(
      room.revocations.transaction(async (manager, revoke) => {
        await room.sessions.endWithin(manager, revoke, parent, 'logout');
        throw new Error('something else failed');
      }),
    ).rejects.toThrow('something else failed');
    expect(await notices()).toEqual([]);
  });

  it('nobody is told of first-party sessions', async () => {
    const { sessionId } = await room.session('ada');
    await room.sessions.end(sessionId, 'logout');
    expect(await notices()).toEqual([]);
  });
});

describe('D37 R11 the end of a person', () => {
  it.each(['disableUser', 'deleteUser'] as const)(
    '%s is told to every application that the person was in',
    async (end) => {
      const [wiki, chat] = [await application(), await application()];
      const { sessionId: first, userId } = await inBrowser(end);
      const { sessionId: second } = await inBrowser(end);
      const { sessionId: others } = await inBrowser('ada');
      await signedInto(first, wiki);
      await signedInto(second, chat);
      await signedInto(others, wiki);
      const { sessionId: gone } = await signedInto(second, wiki);
      await room.sessions.end(gone, 'token_revoked');
      await room.directory[end](userId);
      expect((await notices()).toSorted((one) => (one.application_id === wiki ? -1 : 1))).toEqual([
        { application_id: wiki, sid: first, user_id: userId },
        { application_id: chat, sid: second, user_id: userId },
      ]);
    },
  );

  it('is told once, however often the person is disabled', async () => {
    const { sessionId, userId } = await inBrowser('dora');
    await signedInto(sessionId, await application());
    await room.directory.disableUser(userId);
    await room.directory.disableUser(userId);
    expect(await notices()).toHaveLength(1);
  });
});
