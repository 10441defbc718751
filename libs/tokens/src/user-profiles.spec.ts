import { TestTokens } from './tokens.spec-support.js';

const MINUTE_MS = 60_000;

let room: TestTokens;
beforeAll(async () => {
  room = await TestTokens.open();
});
afterAll(() => room.close());

/** What the next /oauth2/userinfo of this token shows as groups: the guard asks, then the profile is read. */
async function groupsSeenBy(token: string, userId: string): Promise<readonly string[] | undefined> {
  expect(await room.verifier.verify(token)).toBeDefined();
  return (await room.profiles.find(userId, 'acme'))?.groups;
}

describe('D20 a remembered profile', () => {
  it('is shown no longer than until a login changes it', async () => {
    const { userId } = await room.session('grace', ['admins']);
    const { token } = await room.accessToken(['openid'], 'grace');
    await room.session('grace', ['admins', 'staff']);
    expect(await groupsSeenBy(token, userId)).toEqual(['admins', 'staff']);
    await room.session('grace', ['staff']);
    expect(await groupsSeenBy(token, userId)).toEqual(['staff']);
  });

  it('is not believed once the record of a change may have been purged', async () => {
    const { userId } = await room.session('ada', ['admins']);
    expect((await room.profiles.find(userId, 'acme'))?.groups).toEqual(['admins']);
    const { sessionId } = await room.session('ada', ['staff']);
    // Nobody asks here until the revocation of the profile is gone everywhere, as after a quiet night.
    await room.database.query(`DELETE FROM revocations WHERE subject = $1`, [`profile:${userId}`]);
    room.later(30 * MINUTE_MS);
    await room.revocations.purge();
    const facts = await room.sessions.findAlive(sessionId);
    if (facts === undefined) throw new Error('the session is not alive');
    const { accessToken } = await room.issuer.forUser(facts, ['openid']);
    expect(await groupsSeenBy(accessToken, userId)).toEqual(['staff']);
  });
});
