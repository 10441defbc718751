import { Injectable, Logger } from '@nestjs/common';
import { Database } from '@app/database';
import type { RefreshAnswer } from '@app/upstream-tokens';
import type { ClaimedConnection } from './claimed-connection.js';
import { isOwnFault } from './failure-policy.js';

/** Why a provider's queue rests. */
export type BreakerReason = 'misconfigured' | 'unavailable' | 'throttled';

export interface OpenBreaker {
  readonly reason: BreakerReason;
  readonly errorCode: string | undefined;
  readonly openUntil: Date;
}

/** Failures of a provider in a row, over all its connections, that stop its queue. */
const FAILURES_TO_OPEN = 10;
const MINUTE = 60_000;
const FIRST_PAUSE_MS: Readonly<Record<BreakerReason, number>> = {
  misconfigured: 5 * MINUTE,
  unavailable: MINUTE / 2,
  throttled: MINUTE / 2,
};
const LONGEST_PAUSE_MS: Readonly<Record<BreakerReason, number>> = {
  misconfigured: 60 * MINUTE,
  unavailable: 10 * MINUTE,
  throttled: 60 * MINUTE,
};

/** Only what was sent after the last opening opens it again: refreshes under way fail together, and count as one. */
const OPEN = `
  INSERT INTO provider_breakers (provider_id, reason, error_code, opened_at, open_until)
  VALUES ($1, $2, $3, app_now(), app_now() + greatest($4::float8, $6) * interval '1 ms')
  ON CONFLICT (provider_id) DO UPDATE
  SET reason = excluded.reason, error_code = excluded.error_code, opened_at = app_now(),
      openings = provider_breakers.openings + 1,
      open_until = app_now() + greatest($6, least($5, $4 * 2 ^ least(provider_breakers.openings, 20))) * interval '1 ms'
  WHERE provider_breakers.opened_at < app_now() - $7 * interval '1 ms'
  RETURNING openings, open_until`;

/**
 * Providers whose queue rests for all instances: our client is refused, the provider is down, or it asked for patience.
 * Their connections stay due and lose nothing. When the pause is over one refresh is let through, and its outcome
 * decides.
 */
@Injectable()
export class ProviderBreakers {
  private readonly logger = new Logger(ProviderBreakers.name);
  private readonly failuresInRow = new Map<string, number>();
  /** As last read; only whether a success has something to close. */
  private known = new Set<string>();
  /** How often a queue was let go on: who found nothing to do before may find something now. */
  closings = 0;

  constructor(private readonly database: Database) {}

  /** Learns what other instances opened and closed. */
  async reload(): Promise<void> {
    const rows = await this.database.queryNamed<{ provider_id: string }>(
      'vault-breakers',
      `SELECT provider_id FROM provider_breakers`,
    );
    this.known = new Set(rows.map((row) => row.provider_id));
  }

  /** After a start, whoever was refused for our settings may be asked once at once: they may be other settings now. */
  async retryMisconfigured(): Promise<void> {
    await this.database.query(
      `UPDATE provider_breakers SET open_until = app_now() WHERE reason = 'misconfigured' AND open_until > app_now()`,
    );
  }

  /** All that are not closed, for health and metrics. */
  async open(): Promise<ReadonlyMap<string, OpenBreaker>> {
    const rows = await this.database.query<{
      provider_id: string;
      reason: BreakerReason;
      error_code: string | null;
      open_until: Date;
    }>(`SELECT provider_id, reason, error_code, open_until FROM provider_breakers`);
    return new Map(
      rows.map((row) => [
        row.provider_id,
        { reason: row.reason, errorCode: row.error_code ?? undefined, openUntil: row.open_until },
      ]),
    );
  }

  /**
   * What an answer says of its provider.
   *
   * @param sinceSentMs how long ago its request was sent: older than the breaker, it says nothing about now.
   */
  async heard(
    connection: Pick<ClaimedConnection, 'providerId' | 'proven'>,
    answer: RefreshAnswer,
    sinceSentMs: number,
  ): Promise<void> {
    if (answer.kind !== 'refreshed' && isOwnFault(connection, answer)) return;
    const { providerId } = connection;
    switch (answer.kind) {
      case 'refreshed':
      // The provider is well; this grant is not.
      case 'dead':
        return this.close(providerId, sinceSentMs);
      case 'misconfigured':
        return this.trip(providerId, 'misconfigured', answer.code, 0, sinceSentMs);
      case 'throttled': {
        const asked = (answer.retryAfterSeconds ?? 0) * 1000;
        return this.trip(providerId, 'throttled', answer.code, asked, sinceSentMs);
      }
      default: {
        const failures = (this.failuresInRow.get(providerId) ?? 0) + 1;
        this.failuresInRow.set(providerId, failures);
        // Half-open: the one that was let through has failed.
        if (failures >= FAILURES_TO_OPEN || this.known.has(providerId))
          await this.trip(providerId, 'unavailable', answer.code, 0, sinceSentMs);
      }
    }
  }

  private async close(providerId: string, sinceSentMs: number): Promise<void> {
    this.failuresInRow.delete(providerId);
    if (!this.known.has(providerId)) return;
    const closed = await this.database.query<{ provider_id: string }>(
      `DELETE FROM provider_breakers WHERE provider_id = $1 AND opened_at < app_now() - $2 * interval '1 ms'
       RETURNING provider_id`,
      [providerId, sinceSentMs],
    );
    if (closed.length === 0) return;
    this.known.delete(providerId);
    this.closings += 1;
    this.logger.log(`Provider ${providerId} answers again; its refreshes go on`);
  }

  private async trip(
    providerId: string,
    reason: BreakerReason,
    code: string,
    leastMs: number,
    sinceSentMs: number,
  ): Promise<void> {
    this.failuresInRow.delete(providerId);
    this.known.add(providerId);
    const [opened] = await this.database.query<{ openings: number; open_until: Date }>(OPEN, [
      providerId,
      reason,
      code,
      FIRST_PAUSE_MS[reason],
      LONGEST_PAUSE_MS[reason],
      leastMs,
      sinceSentMs,
    ]);
    if (opened === undefined) return;
    const until = `its refreshes rest until ${opened.open_until.toISOString()}`;
    if (reason === 'misconfigured')
      this.logger.error(
        `Provider ${providerId} refuses our client (${code}): check its client_id and client_secret; ${until}. ` +
          'No connection is given up for this.',
      );
    else this.logger.warn(`Provider ${providerId} is ${reason} (${code}); ${until}`);
  }
}
