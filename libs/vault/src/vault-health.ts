import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { UpstreamTokenEndpoints } from '@app/upstream-tokens';
import { ProviderBreakers, type OpenBreaker } from './provider-breakers.js';

/** How the connections of one provider are, over all organizations. Counts and times alone. */
export interface ProviderHealth {
  readonly providerId: string;
  readonly connections: boolean;
  /** Due for refresh and not refreshed yet. */
  readonly due: number;
  /** Of those: past their end already. */
  readonly expired: number;
  readonly oldestDueAt: Date | undefined;
  /** Past their end, with nothing to refresh them with. */
  readonly expiredWithoutRefresh: number;
  readonly needsReauth: number;
  /** The next access token to end, among those that are kept fresh. */
  readonly nextExpiresAt: Date | undefined;
  readonly lastRefreshedAt: Date | undefined;
  readonly breaker: OpenBreaker | undefined;
}

export interface VaultHealthReport {
  /** The database's clock. */
  readonly at: Date;
  readonly providers: readonly ProviderHealth[];
}

interface HealthRow {
  readonly provider_id: string;
  readonly at: Date;
  readonly present: boolean;
  readonly due: number;
  readonly expired: number;
  readonly oldest: Date | null;
  readonly without_refresh: number;
  readonly dead: number;
  readonly next_expires_at: Date | null;
  readonly last_refreshed_at: Date | null;
}

/** Each part reads one index, and of it only what it counts. */
const HEALTH = `
  SELECT p.provider_id, app_now() AS at, backlog.due, backlog.expired, backlog.oldest,
    EXISTS (SELECT FROM connections WHERE provider_id = p.provider_id AND next_refresh_at IS NOT NULL)
      OR EXISTS (SELECT FROM connections WHERE provider_id = p.provider_id AND deleted_at IS NULL) AS present,
    (SELECT count(*)::int FROM connections
      WHERE provider_id = p.provider_id AND refresh_token IS NULL AND expires_at IS NOT NULL AND deleted_at IS NULL
        AND expires_at <= app_now()) AS without_refresh,
    (SELECT count(*)::int FROM connections
      WHERE provider_id = p.provider_id AND status = 'needs_reauth' AND deleted_at IS NULL) AS dead,
    upcoming.expires_at AS next_expires_at, upcoming.last_refreshed_at
  FROM unnest($1::text[]) AS p (provider_id)
  CROSS JOIN LATERAL (
    SELECT count(*)::int AS due, min(next_refresh_at) AS oldest,
           count(*) FILTER (WHERE expires_at <= app_now())::int AS expired
    FROM connections WHERE provider_id = p.provider_id AND next_refresh_at <= app_now()
  ) AS backlog
  LEFT JOIN LATERAL (
    SELECT expires_at, last_refreshed_at FROM connections
    WHERE provider_id = p.provider_id AND next_refresh_at IS NOT NULL ORDER BY next_refresh_at LIMIT 1
  ) AS upcoming ON true`;

/** What operators are told: never that something is well which is dead, expired or waiting. */
@Injectable()
export class VaultHealth {
  constructor(
    private readonly database: Database,
    private readonly endpoints: UpstreamTokenEndpoints,
    private readonly breakers: ProviderBreakers,
  ) {}

  /** @throws DatabaseUnavailable */
  async report(): Promise<VaultHealthReport> {
    const ids = this.endpoints.ids();
    const [rows, open] = await Promise.all([
      this.database.queryNamed<HealthRow>('vault-health', HEALTH, [ids]),
      this.breakers.open(),
    ]);
    return {
      at: rows[0]?.at ?? new Date(),
      providers: rows.map((row) => ({
        providerId: row.provider_id,
        connections: row.present,
        due: row.due,
        expired: row.expired,
        oldestDueAt: row.oldest ?? undefined,
        expiredWithoutRefresh: row.without_refresh,
        needsReauth: row.dead,
        nextExpiresAt: row.next_expires_at ?? undefined,
        lastRefreshedAt: row.last_refreshed_at ?? undefined,
        breaker: open.get(row.provider_id),
      })),
    };
  }
}
