import fc from 'fast-check';
import { hashOpaqueToken, mintOpaqueToken } from '@app/oauth2';
import { mintSuccessor } from './family-handle.js';
import type { Rotated } from './refresh-tokens.js';
import { openSuccessor } from './successor-seal.js';
import { TestTokens } from './tokens.spec-support.js';

let room: TestTokens;

beforeAll(async () => {
  room = await TestTokens.open();
});
afterAll(() => room.close());

async function rotated(token: string, clientId?: string, scopes: readonly string[] = []): Promise<Rotated> {
  const outcome = await room.refreshTokens.rotate(token, clientId, scopes);
  if ('kind' in outcome) throw new Error(`refused: ${outcome.kind}`);
  return outcome;
}
const successorOf = async (token: string) => (await rotated(token)).refreshToken;
const kindOf = async (token: string, clientId?: string, scopes: readonly string[] = []) => {
  const outcome = await room.refreshTokens.rotate(token, clientId, scopes);
  return 'kind' in outcome ? outcome.kind : 'rotated';
};
/** Moves every rotation of the session into the past, by the clock that the grace is measured with. */
const rotatedEarlier = (sessionId: string, seconds: number) =>
  room.database.query(
    `UPDATE refresh_families SET rotated_at = rotated_at - make_interval(secs => $2) WHERE session_id = $1`,
    [sessionId, seconds],
  );
const liveTokens = async (sessionId: string) => {
  const [row] = await room.database.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM refresh_families
     WHERE session_id = $1 AND revoked_at IS NULL AND expires_at > now()`,
    [sessionId],
  );
  return row?.n;
};

describe('D13 D45 a refresh token', () => {
  it('is opaque and stored as a hash alone', async () => {
    const { refreshToken } = await room.family();
    expect(refreshToken).toMatch(/^gth_rt_[A-Za-z0-9_-]{49}$/);
    const successor = await successorOf(refreshToken);
    const rows = await room.database.query<{ row: string }>('SELECT f::text AS row FROM refresh_families f');
    const stored = rows.map(({ row }) => row).join();
    for (const token of [refreshToken, successor]) {
      expect(stored).not.toContain(token);
      expect(stored).not.toContain(Buffer.from(token).toString('hex'));
      expect(stored).toContain(hashOpaqueToken(token).toString('hex'));
    }
  });

  it('shares half of its random bits with its family, and no more', async () => {
    const { refreshToken } = await room.family();
    const bytesOf = (token: string) => Buffer.from(token.slice(7, 50), 'base64url');
    const line = [refreshToken];
    for (let n = 0; n < 20; n++) line.push(await successorOf(line.at(-1) ?? ''));
    expect(new Set(line.map((token) => bytesOf(token).subarray(0, 16).toString('hex'))).size).toBe(1);
    expect(new Set(line.map((token) => bytesOf(token).subarray(16).toString('hex'))).size).toBe(line.length);
    const { refreshToken: stranger } = await room.family();
    expect(bytesOf(stranger).subarray(0, 16)).not.toEqual(bytesOf(refreshToken).subarray(0, 16));
  });

  it('with the handle of a family and no token of it counts as a reuse: only who saw one knows the handle', async () => {
    const { refreshToken } = await room.family();
    expect(await kindOf(mintSuccessor(refreshToken))).toBe('reused');
    expect(await room.refreshTokens.find(mintSuccessor(refreshToken))).toMatchObject({ active: false });
  });

  it('gives a successor and the facts of its session', async () => {
    const { refreshToken, sessionId, userId } = await room.family(['openid', 'email']);
    const outcome = await rotated(refreshToken, 'web');
    expect(outcome.refreshToken).not.toBe(refreshToken);
    expect(outcome.scopes).toEqual(['openid', 'email']);
    expect(outcome.facts).toMatchObject({ sessionId, userId, clientId: 'web', email: 'ada@acme.example' });
    expect(await successorOf(outcome.refreshToken)).not.toBe(outcome.refreshToken);
  });

  it.each([
    ['nothing', () => ''],
    ['any text', () => 'x'],
    ['a code', () => mintOpaqueToken('ac')],
    ['one that nobody gave out', () => mintOpaqueToken('rt')],
  ])('that is %s is unknown', async (_what, mint) => {
    const text = mint();
    expect(await kindOf(text)).toBe('unknown');
    expect(await room.refreshTokens.find(text)).toBeUndefined();
  });

  it('of another client is unknown, and stays good', async () => {
    const { refreshToken, sessionId } = await room.family();
    expect(await kindOf(refreshToken, 'other')).toBe('unknown');
    await successorOf(refreshToken);
    // Not even its reuse is another client's to cause.
    await rotatedEarlier(sessionId, 11);
    expect(await kindOf(refreshToken, 'other')).toBe('unknown');
    expect(await liveTokens(sessionId)).toBe(1);
  });
});

describe('D13 the immediate predecessor', () => {
  it('gets the same successor within ten seconds, however often', async () => {
    const { refreshToken } = await room.family();
    const successor = await successorOf(refreshToken);
    expect(await successorOf(refreshToken)).toBe(successor);
    expect(await successorOf(refreshToken)).toBe(successor);
  });

  it('gets the same successor for a hundred callers at once, and there is one', async () => {
    const { refreshToken, sessionId } = await room.family();
    const successors = await Promise.all(Array.from({ length: 100 }, () => successorOf(refreshToken)));
    expect(new Set(successors).size).toBe(1);
    expect(await liveTokens(sessionId)).toBe(1);
  });

  it.each([
    [9, 'rotated'],
    [11, 'reused'],
  ])('%i seconds after the first rotation, by the clock of the database, is %s', async (seconds, outcome) => {
    const { refreshToken, sessionId } = await room.family();
    await successorOf(refreshToken);
    await rotatedEarlier(sessionId, seconds);
    // The clock of the process says nothing about it.
    room.later(3_600_000);
    expect(await kindOf(refreshToken)).toBe(outcome);
    room.later(-3_600_000);
  });

  it('does not lengthen its ten seconds by coming back', async () => {
    const { refreshToken, sessionId } = await room.family();
    await successorOf(refreshToken);
    await rotatedEarlier(sessionId, 6);
    await successorOf(refreshToken);
    await rotatedEarlier(sessionId, 6);
    expect(await kindOf(refreshToken)).toBe('reused');
  });

  it('is reused once its successor was used', async () => {
    const { refreshToken, sessionId, facts } = await room.family();
    await successorOf(await successorOf(refreshToken));
    const outcome = await room.refreshTokens.rotate(refreshToken, 'web', []);
    expect(outcome).toMatchObject({ kind: 'reused', facts: { sessionId, userId: facts.userId } });
  });

  it('is reused when there are two after it', async () => {
    const { refreshToken } = await room.family();
    const second = await successorOf(refreshToken);
    const third = await successorOf(second);
    await successorOf(third);
    expect(await kindOf(second)).toBe('reused');
    expect(await kindOf(refreshToken)).toBe('reused');
  });
});

describe('D13 the sealed successor', () => {
  /** The seal that the holder of this token could open; undefined: the family's is for another. */
  const sealOf = async (token: string) => {
    const [row] = await room.database.query<{ successor_sealed: Buffer | null }>(
      'SELECT successor_sealed FROM refresh_families WHERE predecessor_hash = $1',
      [hashOpaqueToken(token)],
    );
    return row?.successor_sealed;
  };

  it('cannot be read by who has the database and not the predecessor', async () => {
    const { refreshToken } = await room.family();
    const successor = await successorOf(refreshToken);
    const sealed = await sealOf(refreshToken);
    if (!sealed) throw new Error('there is no seal');
    expect(openSuccessor(sealed, refreshToken)).toBe(successor);
    for (const key of [successor, hashOpaqueToken(refreshToken).toString('hex'), mintOpaqueToken('rt')])
      expect(() => openSuccessor(sealed, key)).toThrow();
  });

  it('is erased when the successor is used', async () => {
    const { refreshToken } = await room.family();
    const successor = await successorOf(refreshToken);
    const erased = await sealOf(refreshToken);
    await successorOf(successor);
    expect(await sealOf(refreshToken)).toBeUndefined();
    expect(await sealOf(successor)).toEqual(expect.any(Buffer));
    expect(await sealOf(successor)).not.toEqual(erased);
  });

  it('is erased by who wrote it after the ten seconds, not before', async () => {
    const { refreshToken, sessionId } = await room.family();
    await successorOf(refreshToken);
    await room.refreshTokens.eraseSpentSeals();
    await room.refreshTokens.eraseSpentSeals();
    expect(await sealOf(refreshToken)).toEqual(expect.any(Buffer));
    const { refreshToken: second, sessionId: another } = await room.family();
    await successorOf(second);
    for (const id of [sessionId, another]) await rotatedEarlier(id, 11);
    await room.refreshTokens.eraseSpentSeals();
    expect(await sealOf(second)).toEqual(expect.any(Buffer));
    await room.refreshTokens.eraseSpentSeals();
    expect(await sealOf(second)).toBeNull();
    expect(await kindOf(second)).toBe('reused');
  });

  it('is erased by anybody when its writer is gone', async () => {
    const { refreshToken, sessionId } = await room.family();
    await successorOf(refreshToken);
    await room.refreshTokens.eraseForgottenSeals();
    expect(await sealOf(refreshToken)).toEqual(expect.any(Buffer));
    await rotatedEarlier(sessionId, 11);
    await room.refreshTokens.eraseForgottenSeals();
    expect(await sealOf(refreshToken)).toBeNull();
  });
});

describe('RFC 6749 §6 scope', () => {
  it('may be narrowed for the access token, and what was granted stays', async () => {
    const { refreshToken } = await room.family(['openid', 'email', 'profile']);
    const narrowed = await rotated(refreshToken, undefined, ['openid']);
    expect(narrowed.scopes).toEqual(['openid']);
    expect((await rotated(narrowed.refreshToken)).scopes).toEqual(['openid', 'email', 'profile']);
  });

  it('may not be widened, and the attempt uses nothing up', async () => {
    const { refreshToken } = await room.family(['openid']);
    expect(await kindOf(refreshToken, undefined, ['openid', 'email'])).toBe('scope');
    expect(await kindOf(refreshToken, undefined, ['openid'])).toBe('rotated');
    expect(await kindOf(refreshToken, undefined, ['email'])).toBe('scope');
    expect(await kindOf(refreshToken)).toBe('rotated');
  });
});

type Killing = readonly [string, (sessionId: string, userId: string) => Promise<unknown>, () => Promise<unknown>];
const sql = (text: string) => async (sessionId: string, userId: string) =>
  room.database.query(text.replaceAll('$session', `'${sessionId}'`).replaceAll('$user', `'${userId}'`));
const nothing = async () => {};

describe('R23 R11 what is over gives nothing', () => {
  const killings: Killing[] = [
    ['the session was ended', (id) => room.sessions.end(id, 'logout'), nothing],
    ['the session has expired', sql(`UPDATE sessions SET expires_at = now() WHERE id = $session`), nothing],
    ['the user was disabled', (_id, userId) => room.directory.disableUser(userId), nothing],
    ['the user was deleted', (_id, userId) => room.directory.deleteUser(userId), nothing],
    ['the generation of the user rose', sql(`UPDATE users SET generation = generation + 1 WHERE id = $user`), nothing],
    [
      'the provider was disabled',
      () => room.providers.disable('acme', { by: 'somebody' }),
      () => room.providers.enable('acme', { by: 'somebody' }),
    ],
    [
      'the generation of the provider rose',
      sql(`UPDATE providers SET generation = generation + 1 WHERE id = 'acme'`),
      nothing,
    ],
    ['the generation of the organization rose', sql(`UPDATE organizations SET generation = generation + 1`), nothing],
  ];

  it.each(killings)('%s', async (_why, kill, revive) => {
    const fresh = await room.family();
    const used = await room.refreshTokens.begin(fresh.sessionId, ['openid']);
    if (used === undefined) throw new Error('not alive');
    await successorOf(used.refreshToken);
    expect((await room.refreshTokens.find(fresh.refreshToken))?.active).toBe(true);
    const { userId } = fresh;
    await kill(fresh.sessionId, userId);
    try {
      expect(await kindOf(fresh.refreshToken)).toBe('unknown');
      // Within its grace, but of something that is over.
      expect(await kindOf(used.refreshToken)).not.toBe('rotated');
      expect((await room.refreshTokens.find(fresh.refreshToken))?.active ?? false).toBe(false);
      expect(await room.refreshTokens.begin(fresh.sessionId, ['openid'])).toBeUndefined();
      expect(await room.sessions.findAlive(fresh.sessionId)).toBeUndefined();
    } finally {
      await revive();
      await room.directory.enableUser(userId).catch(() => {});
    }
    // What is ended stays ended when the person or the provider is let in again.
    expect(await kindOf(fresh.refreshToken)).toBe('unknown');
  });
});

describe('D40 times', () => {
  const DAY = 86_400;
  const secondsLeft = async (token: string) => {
    const state = await room.refreshTokens.find(token);
    return (state?.expiresAt ?? 0) - Math.floor(Date.now() / 1000);
  };

  it('thirty days without use', async () => {
    const { refreshToken } = await room.family();
    expect(Math.abs((await secondsLeft(refreshToken)) - 30 * DAY)).toBeLessThan(60);
    await room.database.query('UPDATE refresh_families SET expires_at = now() WHERE current_hash = $1', [
      hashOpaqueToken(refreshToken),
    ]);
    expect(await kindOf(refreshToken)).toBe('unknown');
  });

  it('each use begins the thirty days anew, up to the end of the session', async () => {
    const { refreshToken, sessionId } = await room.family();
    await room.database.query(`UPDATE refresh_families SET expires_at = now() + interval '1 hour'`);
    const second = await successorOf(refreshToken);
    expect(Math.abs((await secondsLeft(second)) - 30 * DAY)).toBeLessThan(60);
    await room.database.query(`UPDATE sessions SET expires_at = now() + interval '2 days' WHERE id = $1`, [sessionId]);
    expect(Math.abs((await secondsLeft(await successorOf(second))) - 2 * DAY)).toBeLessThan(60);
  });

  it('ninety days altogether', async () => {
    const { sessionId } = await room.family();
    const [row] = await room.database.query<{ days: number }>(
      `SELECT round(extract(epoch FROM expires_at - created_at) / 86400)::int AS days FROM sessions WHERE id = $1`,
      [sessionId],
    );
    expect(row?.days).toBe(90);
  });

  it('housekeeping deletes what ended a week ago and nothing else', async () => {
    const [living, dead] = [await room.family(), await room.family()];
    await room.database.query(`UPDATE sessions SET expires_at = now() - interval '8 days' WHERE id = $1`, [
      dead.sessionId,
    ]);
    await room.refreshTokens.purge();
    expect(await room.refreshTokens.find(dead.refreshToken)).toBeUndefined();
    expect(await kindOf(living.refreshToken)).toBe('rotated');
  });
});

describe('D13 R21 whatever comes in whatever order', () => {
  /** `back` counts from the newest token; `callers` come at once; `age` passes before. */
  const step = fc.record({
    back: fc.nat(3),
    callers: fc.constantFrom(1, 1, 1, 4),
    aged: fc.boolean(),
  });

  it('one token of a family is live at most, and each call ends as the rule says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const { refreshToken, sessionId } = await room.family();
        const tokens = [refreshToken];
        let inGrace = false;
        let ended = false;
        for (const { back, callers, aged } of steps) {
          if (aged) {
            await rotatedEarlier(sessionId, 11);
            inGrace = false;
          }
          const at = tokens.length - 1 - Math.min(back, tokens.length - 1);
          const presented = tokens[at] ?? '';
          const newest = at === tokens.length - 1;
          const outcomes = await Promise.all(
            Array.from({ length: callers }, () => room.refreshTokens.rotate(presented, undefined, [])),
          );
          if (!ended && newest) {
            const successors = new Set(
              outcomes.map((outcome) => ('kind' in outcome ? outcome.kind : outcome.refreshToken)),
            );
            expect(successors.size).toBe(1);
            const [successor = ''] = successors;
            expect(successor).toMatch(/^gth_rt_/);
            tokens.push(successor);
            inGrace = true;
          } else if (!ended && at === tokens.length - 2 && inGrace) {
            for (const outcome of outcomes) expect(outcome).toMatchObject({ refreshToken: tokens[at + 1] });
          } else {
            for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: newest ? 'unknown' : 'reused' });
            if (!newest) await room.sessions.end(sessionId, 'refresh_reused');
            ended = true;
          }
          expect(await liveTokens(sessionId)).toBe(ended ? 0 : 1);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('D14 D32 the end of a session', () => {
  it('takes its families along, and is audited once', async () => {
    const { refreshToken, sessionId, userId } = await room.family();
    const sibling = await room.refreshTokens.begin(sessionId, ['openid']);
    await room.sessions.end(sessionId, 'logout');
    await room.sessions.end(sessionId, 'refresh_reused');
    expect(await kindOf(refreshToken)).toBe('unknown');
    expect(await kindOf(sibling?.refreshToken ?? '')).toBe('unknown');
    const [row] = await room.database.query('SELECT end_reason FROM sessions WHERE id = $1', [sessionId]);
    expect(row).toEqual({ end_reason: 'logout' });
    const events = await room.audited('session.ended');
    expect(events.filter((event) => JSON.stringify(event).includes('logout')).length).toBeGreaterThan(0);
    const [count] = await room.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM audit_events e WHERE kind = 'session.ended' AND e::text LIKE '%' || $1 || '%'`,
      [sessionId],
    );
    expect(count?.n).toBe(1);
    expect(userId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('leaves the other sessions of the same person alone', async () => {
    const [one, other] = [await room.family(), await room.family()];
    expect(one.userId).toBe(other.userId);
    await room.sessions.end(one.sessionId, 'logout');
    expect(await kindOf(other.refreshToken)).toBe('rotated');
  });
});
