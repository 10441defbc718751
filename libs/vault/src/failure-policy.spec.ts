import type { RefreshAnswer } from '@app/upstream-tokens';
import type { ClaimedConnection } from './claimed-connection.js';
import { failureOf, mayReplay, notReplayed } from './failure-policy.js';

const DAY = 86_400_000;
const connection: ClaimedConnection = {
  connectionId: 'conn_1',
  organizationId: 'o',
  generation: 3n,
  providerId: 'up',
  epoch: 5n,
  dataKeyId: 'k',
  refreshToken: Buffer.alloc(1),
  scope: undefined,
  metadata: {},
  tokenType: 'Bearer',
  lifeMs: 3_600_000,
  status: 'active',
  failures: 0,
  failingForMs: undefined,
  refreshLeftMs: undefined,
  unresolved: false,
  proven: true,
  replays: 0,
  latenessMs: 0,
};
type Failed = Exclude<RefreshAnswer, { kind: 'refreshed' }>;
const told = { code: 'some_code', detail: 'words', status: 500 };
const transient = (giveUp: 'after_a_day' | 'never' = 'never'): Failed => ({ kind: 'transient', giveUp, ...told });
const decide = (
  answer: Failed,
  reuse: 'single_use' | 'grace' | 'reusable' = 'single_use',
  more: Partial<ClaimedConnection> = {},
) => failureOf({ ...connection, ...more }, answer, reuse, 0.5);

describe('vault error class transient', () => {
  it('backs off and counts, for ever where the provider says that it is its own trouble', () => {
    expect(decide(transient())).toMatchObject({ status: 'backing_off', counts: 'failure', intent: 'resolved' });
    expect(decide(transient(), 'single_use', { failingForMs: 30 * DAY, failures: 200 })).toMatchObject({
      status: 'backing_off',
    });
  });

  it('ends after a day where it may as well be for good', () => {
    const answer = transient('after_a_day');
    expect(decide(answer, 'single_use', { failingForMs: DAY - 1 })).toMatchObject({ status: 'backing_off' });
    expect(decide(answer, 'single_use', { failingForMs: DAY })).toMatchObject({
      status: 'needs_reauth',
      reason: 'provider_unusable',
      retryInMs: undefined,
    });
  });

  it('ends when the refresh token has ended meanwhile', () => {
    expect(decide(transient(), 'single_use', { refreshLeftMs: 0 })).toMatchObject({ reason: 'expired_idle' });
    expect(decide(transient(), 'single_use', { refreshLeftMs: 1 })).toMatchObject({ status: 'backing_off' });
  });
});

describe('vault error class throttled', () => {
  it('waits at least as long as the provider asks', () => {
    const answer: Failed = { kind: 'throttled', retryAfterSeconds: 1800, ...told };
    expect(decide(answer).retryInMs).toBe(1_800_000);
    expect(decide({ ...answer, retryAfterSeconds: undefined }).retryInMs).toBeGreaterThanOrEqual(30_000);
  });
});

describe('D60', () => {
  const ambiguous: Failed = { kind: 'ambiguous', ...told };

  it('at a single-use provider an unresolved request is never made again: rotation_lost', () => {
    expect(decide(ambiguous)).toMatchObject({ status: 'needs_reauth', reason: 'rotation_lost', intent: 'open' });
    expect(mayReplay({ ...connection, unresolved: true }, 'single_use')).toBe(false);
    expect(notReplayed()).toMatchObject({ status: 'needs_reauth', reason: 'rotation_lost', intent: 'open' });
  });

  it('in a grace window it is made again once', () => {
    expect(decide(ambiguous, 'grace')).toMatchObject({ status: 'backing_off', intent: 'open' });
    expect(mayReplay({ ...connection, unresolved: true }, 'grace')).toBe(true);
    expect(mayReplay({ ...connection, unresolved: true, replays: 1 }, 'grace')).toBe(false);
    expect(decide(ambiguous, 'grace', { unresolved: true, replays: 1 })).toMatchObject({ reason: 'rotation_lost' });
  });

  it('an answer that changed nothing uses up no right to ask again, and settles no doubt', () => {
    const replay = { unresolved: true, replays: 0 };
    expect(decide(transient(), 'grace', replay)).toMatchObject({ status: 'backing_off', intent: 'as_before' });
    expect(decide({ kind: 'throttled', retryAfterSeconds: 1, ...told }, 'grace', replay).intent).toBe('as_before');
    expect(decide(transient(), 'grace').intent).toBe('resolved');
  });

  it('a reusable token loses nothing by it', () => {
    expect(decide(ambiguous, 'reusable', { unresolved: true, replays: 7 })).toMatchObject({ status: 'backing_off' });
    expect(mayReplay({ ...connection, unresolved: true, replays: 7 }, 'reusable')).toBe(true);
  });
});

describe('vault failure 6', () => {
  const dead: Failed = { kind: 'dead', code: 'invalid_grant', detail: 'words', status: 400 };

  it('invalid_grant means revoked; after a request that got lost it means rotation_lost', () => {
    expect(decide(dead)).toMatchObject({ status: 'needs_reauth', reason: 'revoked' });
    expect(decide(dead, 'grace', { unresolved: true })).toMatchObject({ reason: 'rotation_lost' });
  });
});

describe('vault error class misconfigured', () => {
  it('of an import that never worked is its own fault', () => {
    const answer: Failed = { kind: 'misconfigured', code: 'unauthorized_client', detail: 'words', status: 400 };
    expect(decide(answer, 'single_use', { proven: false })).toMatchObject({ status: 'backing_off', counts: 'failure' });
  });

  it('leaves the connection as it was, and due', () => {
    const answer: Failed = { kind: 'misconfigured', code: 'invalid_client', detail: 'words', status: 401 };
    expect(decide(answer)).toMatchObject({ status: 'active', counts: 'nothing', retryInMs: 60_000 });
    expect(decide(answer, 'single_use', { status: 'backing_off' })).toMatchObject({ status: 'backing_off' });
  });
});
