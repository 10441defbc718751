import type { RefreshAnswer, RefreshTokenReuse } from '@app/upstream-tokens';
import type { ClaimedConnection } from './claimed-connection.js';
import { backoffMs } from './refresh-time.js';

/** Why a connection needs its person again; told by the API and by webhooks. */
export type DeadReason =
  /** The provider says that the grant is over. */
  | 'revoked'
  /** A request may have used the refresh token up and its answer is lost (D60). */
  | 'rotation_lost'
  /** The refresh token has reached its end. */
  | 'expired_idle'
  /** The provider answers for a day with what is neither token nor error. */
  | 'provider_unusable';

/** What a failed refresh does to its connection. */
export interface Failure {
  readonly status: 'active' | 'backing_off' | 'needs_reauth';
  readonly reason: DeadReason | undefined;
  /** undefined: not by itself any more; 0: stays due. */
  readonly retryInMs: number | undefined;
  /**
   * `open`: the request may have been processed. `as_before`: it was not, but an earlier one may have been, and this one
   * did not use up the right to ask again.
   */
  readonly intent: 'resolved' | 'open' | 'as_before';
  /** Whether it counts against the connection. */
  readonly counts: 'failure' | 'nothing';
  readonly code: string;
  readonly httpStatus: number | undefined;
  /** Word of the journal. */
  readonly outcome: Exclude<RefreshAnswer['kind'], 'refreshed'> | 'not_replayed' | 'not_sent';
}

const PROBE_ANOTHER_MS = 60_000;
const GIVE_UP_AFTER_MS = 24 * 60 * 60 * 1000;

/** D60: whether a request whose outcome is unknown may be made again, and why not. */
export function mayReplay(connection: ClaimedConnection, reuse: RefreshTokenReuse): boolean {
  if (reuse === 'single_use') return false;
  return reuse === 'reusable' || connection.replays === 0;
}

/** What the journal says after a request that changed nothing. */
function undone(connection: ClaimedConnection): Failure['intent'] {
  return connection.unresolved ? 'as_before' : 'resolved';
}

/** Tokens that do not open here: tried again seldom, for an operator may put the key back. */
export function notOpened(connection: ClaimedConnection, random: number): Failure {
  const failed = {
    kind: 'transient',
    giveUp: 'never',
    code: 'tokens_unreadable',
    detail: '',
    status: undefined,
  } as const;
  const { outcome: _asked, ...rest } = later(connection, failed, random);
  return { ...rest, outcome: 'not_sent' };
}

/** The end of a connection whose earlier request must not be repeated. */
export function notReplayed(): Failure {
  return dead('rotation_lost', { code: 'rotation_lost', status: undefined }, 'not_replayed', 'open');
}

/** A request that was withheld, because the process had slept past its lease: as if there had been none. */
export function notSent(connection: ClaimedConnection): Failure {
  return {
    status: connection.status,
    reason: undefined,
    retryInMs: 0,
    intent: undone(connection),
    counts: 'nothing',
    code: 'lease_over',
    httpStatus: undefined,
    outcome: 'not_sent',
  };
}

/**
 * What to do about an answer that brought no tokens (token-vault.md §3).
 *
 * @param random 0 ≤ random < 1, spreads retries
 */
export function failureOf(
  connection: ClaimedConnection,
  answer: Exclude<RefreshAnswer, { kind: 'refreshed' }>,
  reuse: RefreshTokenReuse,
  random: number,
): Failure {
  switch (answer.kind) {
    case 'dead':
      return dead(connection.unresolved ? 'rotation_lost' : 'revoked', answer, 'dead', 'resolved');
    case 'misconfigured':
      if (isOwnFault(connection, answer)) return later(connection, answer, random);
      // None of the provider's connections is to blame: it stays as it was, and the breaker holds the queue. A minute
      // later than the others, so that when the pause ends another one is asked.
      return {
        ...told(answer),
        status: connection.status,
        reason: undefined,
        retryInMs: PROBE_ANOTHER_MS,
        intent: undone(connection),
        counts: 'nothing',
      };
    case 'ambiguous':
      if (reuse === 'single_use' || (reuse === 'grace' && connection.replays > 0))
        return dead('rotation_lost', answer, 'ambiguous', 'open');
      return { ...later(connection, answer, random), intent: 'open' };
    case 'throttled': {
      const asked = (answer.retryAfterSeconds ?? 0) * 1000;
      const retry = later(connection, answer, random);
      return { ...retry, retryInMs: Math.max(asked, retry.retryInMs ?? 0) };
    }
    case 'transient':
      if (connection.refreshLeftMs !== undefined && connection.refreshLeftMs <= 0)
        return dead('expired_idle', answer, 'transient', 'resolved');
      if (answer.giveUp === 'after_a_day' && (connection.failingForMs ?? 0) >= GIVE_UP_AFTER_MS)
        return dead('provider_unusable', answer, 'transient', 'resolved');
      return later(connection, answer, random);
  }
}

type Failed = Exclude<RefreshAnswer, { kind: 'refreshed' }>;

/**
 * Whether an answer may be about this connection alone. Tokens that somebody imported may be another client's, which
 * providers call `unauthorized_client` and which nobody else is to suffer for; a refused client (`invalid_client`) never
 * is about a token.
 */
export function isOwnFault({ proven }: Pick<ClaimedConnection, 'proven'>, { kind, code }: Failed): boolean {
  return !proven && (kind === 'misconfigured' ? code === 'unauthorized_client' : kind !== 'throttled');
}

function told(answer: Failed): Pick<Failure, 'code' | 'httpStatus' | 'outcome'> {
  return { code: answer.code, httpStatus: answer.status, outcome: answer.kind };
}

function later(connection: ClaimedConnection, answer: Failed, random: number): Failure {
  const retryInMs = backoffMs(connection.failures + 1, connection.lifeMs, random);
  const intent = undone(connection);
  return {
    ...told(answer),
    status: 'backing_off',
    reason: undefined,
    retryInMs,
    intent,
    counts: 'failure',
  };
}

function dead(
  reason: DeadReason,
  { code, status }: { readonly code: string; readonly status: number | undefined },
  outcome: Failure['outcome'],
  intent: Failure['intent'],
): Failure {
  return {
    status: 'needs_reauth',
    reason,
    retryInMs: undefined,
    intent,
    counts: 'failure',
    code,
    httpStatus: status,
    outcome,
  };
}
