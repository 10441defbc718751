import { hostname } from 'node:os';
import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { CLAIM_COLUMNS, claimedOf, type ClaimedConnection, type ClaimRow } from './claimed-connection.js';
import { VAULT_SETTINGS, type VaultSettings } from './vault-settings.js';

/** How many connections of a provider may be claimed. */
export interface ProviderSlots {
  readonly providerId: string;
  readonly slots: number;
}

/** How many due connections are looked at for one that is taken, so that no organization takes all places. */
const LOOK_AHEAD = 8;

/**
 * The next due of each provider, oldest first, but round by round over organizations: of those looked at, everybody's
 * first before anybody's second. A provider whose breaker is open is passed over; when its pause is over one is let
 * through (half-open), until that one's outcome closes it or opens it again.
 *
 * $5 is under way in this very process. Its lease may have ended (a suspended machine, a silent database), but here it
 * is known that its request is not lost.
 */
export const CLAIM_DUE = `
  WITH asked AS (
    SELECT p.provider_id, CASE WHEN b.provider_id IS NULL THEN p.slots ELSE least(p.slots, 1) END AS slots,
           b.provider_id IS NOT NULL AS half_open
    FROM unnest($1::text[], $2::int[]) AS p (provider_id, slots)
    LEFT JOIN provider_breakers b ON b.provider_id = p.provider_id
    WHERE b.open_until IS NULL OR b.open_until <= app_now()
  ), picked AS (
    SELECT d.id, a.provider_id, a.half_open FROM asked a CROSS JOIN LATERAL (
      SELECT id FROM connections
      WHERE id IN (
        SELECT id FROM (
          SELECT id, next_refresh_at, row_number() OVER (PARTITION BY organization_id ORDER BY next_refresh_at) AS turn
          FROM (
            SELECT id, next_refresh_at, organization_id FROM connections
            WHERE provider_id = a.provider_id AND next_refresh_at <= app_now()
              AND (lease_until IS NULL OR lease_until <= app_now() AND id <> ALL ($5::text[]))
            ORDER BY next_refresh_at LIMIT a.slots * ${LOOK_AHEAD}
          ) AS due
        ) AS turns
        ORDER BY turn, next_refresh_at LIMIT a.slots
      )
      AND next_refresh_at <= app_now()
      AND (lease_until IS NULL OR lease_until <= app_now() AND id <> ALL ($5::text[]))
      FOR NO KEY UPDATE SKIP LOCKED
    ) AS d
  ), probing AS (
    UPDATE provider_breakers SET open_until = app_now() + $4 * interval '1 ms'
    WHERE provider_id IN (SELECT provider_id FROM picked WHERE half_open)
  )
  UPDATE connections c
  SET lease_owner = $3, lease_until = app_now() + $4 * interval '1 ms', lease_epoch = c.lease_epoch + 1
  FROM picked WHERE c.id = picked.id
  RETURNING ${CLAIM_COLUMNS}`;

const CLAIM_ONE = `
  UPDATE connections c
  SET lease_owner = $3, lease_until = app_now() + $4 * interval '1 ms', lease_epoch = c.lease_epoch + 1
  WHERE c.id = $1 AND c.organization_id = $2 AND c.deleted_at IS NULL AND c.refresh_token IS NOT NULL
    AND c.status IN ('active', 'backing_off') AND c.generation = $5
    AND (c.lease_until IS NULL OR c.lease_until <= app_now())
  RETURNING ${CLAIM_COLUMNS}`;

/** Rows that somebody is just writing are passed over: their lease is long enough to wait for the next beat. */
const RENEW = `
  UPDATE connections SET lease_until = app_now() + $2 * interval '1 ms'
  WHERE id IN (
    SELECT id FROM connections WHERE id = ANY($3) AND lease_owner = $1 FOR NO KEY UPDATE SKIP LOCKED
  )
  RETURNING id`;

const RELEASE = `
  UPDATE connections SET lease_owner = NULL, lease_until = NULL
  WHERE id = ANY($2) AND lease_owner = $1 AND intent_epoch IS DISTINCT FROM lease_epoch`;

/** Who refreshes what: leases in the rows themselves, by the database's clock alone (D59). */
@Injectable()
export class Leases {
  /** Names this process in leases and journal. */
  readonly owner = `${hostname().slice(0, 40)}:${process.pid}:${randomBytes(6).toString('base64url')}`;

  constructor(
    private readonly database: Database,
    @Inject(VAULT_SETTINGS) private readonly settings: VaultSettings,
  ) {}

  /**
   * Takes due connections, at most `slots` of each provider. One short statement; nobody else holds what it returns.
   *
   * @param underWay ids of those that this process refreshes now
   */
  async claimDue(wanted: readonly ProviderSlots[], underWay: readonly string[]): Promise<ClaimedConnection[]> {
    const rows = await this.database.queryNamed<ClaimRow>('vault-claim-due', CLAIM_DUE, [
      wanted.map(({ providerId }) => providerId),
      wanted.map(({ slots }) => slots),
      this.owner,
      this.settings.leaseMs,
      underWay,
    ]);
    return rows.map(claimedOf);
  }

  /**
   * Takes one connection whatever its due time. Undefined: somebody holds it, or its generation has moved, or there is
   * nothing to refresh it with.
   */
  async claimOne(organizationId: string, id: string, generation: bigint): Promise<ClaimedConnection | undefined> {
    const parameters = [id, organizationId, this.owner, this.settings.leaseMs, String(generation)];
    const [row] = await this.database.queryNamed<ClaimRow>('vault-claim-one', CLAIM_ONE, parameters);
    return row === undefined ? undefined : claimedOf(row);
  }

  /** Whether a lease that began at this `performance.now()` may have ended, by this host's clock, if nobody renewed it. */
  mayBeOver(begun: number): boolean {
    return performance.now() - begun >= this.settings.leaseMs;
  }

  /** Prolongs leases that are still ours. Answers which. */
  async renew(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.database.queryNamed<{ id: string }>('vault-renew', RENEW, [
      this.owner,
      this.settings.leaseMs,
      ids,
    ]);
    return new Set(rows.map(({ id }) => id));
  }

  /** Gives back what was claimed and not begun. A connection whose request was sent keeps its lease. */
  async release(ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.database.query(RELEASE, [this.owner, ids]);
  }
}
