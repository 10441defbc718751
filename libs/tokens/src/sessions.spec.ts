import { revokeEverythingIssued } from '@app/revocation';
import { TestTokens } from './tokens.spec-support.js';

let room: TestTokens;
beforeAll(async () => {
  room = await TestTokens.open();
});
afterAll(() => room.close());

async function revocationsOf(sessionId: string): Promise<number> {
  const [row] = await room.database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM revocations WHERE subject = $1`,
    [`session:${sessionId}`],
  );
  return row?.n ?? 0;
}

describe('D50 after a restore', () => {
  it('no session, refresh token or access token of before is good, and people sign in again', async () => {
    const { refreshToken, sessionId, facts } = await room.family();
    const { accessToken } = await room.issuer.forUser(facts, ['openid']);
    await revokeEverythingIssued(room.revocations);
    expect(await room.verifier.verify(accessToken)).toBeUndefined();
    expect(await room.sessions.findAlive(sessionId)).toBeUndefined();
    expect(await room.refreshTokens.rotate(refreshToken, undefined, [])).toEqual({ kind: 'unknown' });
    expect(await room.verifier.verify((await room.accessToken()).token)).toBeDefined();
  });
});

describe('D14 D20 ending a session', () => {
  it('says whether it ended one, and writes nothing for one that has ended', async () => {
    const { sessionId, token } = await room.accessToken();
    expect(await room.sessions.end(sessionId, 'logout')).toBe('ended');
    expect(await room.sessions.end(sessionId, 'refresh_reused')).toBe('already-ended');
    expect(await revocationsOf(sessionId)).toBe(1);
    expect(await room.verifier.verify(token)).toBeUndefined();
  });

  it('of many at once, one ends it', async () => {
    const { sessionId } = await room.accessToken();
    const endings = await Promise.all(Array.from({ length: 8 }, () => room.sessions.end(sessionId, 'code_replayed')));
    expect(endings.filter((ending) => ending === 'ended')).toHaveLength(1);
    expect(await revocationsOf(sessionId)).toBe(1);
  });

  it('tells the audit who asked from where', async () => {
    const { sessionId } = await room.accessToken();
    await room.sessions.end(sessionId, 'logout', { requestId: 'request-1', remoteAddress: '192.0.2.7' });
    const rows = await room.database.query(
      `SELECT request_id, remote_address, organization_id IS NOT NULL AS placed
       FROM audit_events WHERE kind = 'session.ended' AND audit_events::text LIKE '%' || $1 || '%'`,
      [sessionId],
    );
    expect(rows).toEqual([{ request_id: 'request-1', remote_address: '192.0.2.7', placed: true }]);
  });
});
