import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import type { EntityManager } from 'typeorm';

export interface ProviderGroup {
  readonly name: string;
  readonly displayName: string | undefined;
  /** A role, mapping or application of ours names the group (D18). */
  readonly usedInAuthorizations: boolean;
}

interface GroupJson {
  readonly name: string;
  readonly display_name: string | null;
  readonly used: boolean;
}

/** Groups that providers told us of, and who was in them at the last login. */
@Injectable()
export class GroupRepository {
  constructor(private readonly database: Database) {}

  /** Every group ever seen or provisioned for a provider, sorted by name; undefined for an unknown provider (D18). */
  async ofProvider(providerId: string): Promise<readonly ProviderGroup[] | undefined> {
    const [row] = await this.database.query<{ groups: readonly GroupJson[] }>(
      `SELECT (SELECT coalesce(json_agg(json_build_object('name', g.name, 'display_name', g.display_name, 'used',
                        EXISTS (SELECT 1 FROM group_references r
                                WHERE r.provider_id = g.provider_id AND r.group_name = g.name))
                      ORDER BY g.name COLLATE "C"), '[]')
               FROM groups g WHERE g.provider_id = p.id) AS groups
       FROM providers p WHERE p.id = $1`,
      [providerId],
    );
    return row?.groups.map((group) => ({
      name: group.name,
      displayName: group.display_name ?? undefined,
      usedInAuthorizations: group.used,
    }));
  }

  /** Makes these the groups of the identity, in two statements however many they are. */
  async replaceMemberships(
    manager: EntityManager,
    identity: { readonly id: string; readonly providerId: string },
    names: readonly string[],
    now: Date,
  ): Promise<void> {
    // Sorted, so that two logins that bring the same new groups wait for each other instead of deadlocking.
    await manager.query(
      `INSERT INTO groups (id, provider_id, name, first_seen_at, last_seen_at)
       SELECT gen_random_uuid(), $1, w.name, $3, $3
       FROM (SELECT DISTINCT name FROM unnest($2::text[]) AS n (name)) w
       WHERE NOT EXISTS (SELECT 1 FROM groups g WHERE g.provider_id = $1 AND g.name = w.name)
       ORDER BY w.name
       ON CONFLICT (provider_id, name) DO NOTHING`,
      [identity.providerId, names, now],
    );
    // A statement of its own: only a new snapshot sees the groups that the one above waited for.
    await manager.query(
      `WITH wanted AS (SELECT id FROM groups WHERE provider_id = $2 AND name = ANY ($3::text[])),
       gone AS (
         DELETE FROM group_memberships WHERE identity_id = $1 AND group_id NOT IN (SELECT id FROM wanted))
       INSERT INTO group_memberships (identity_id, group_id) SELECT $1, id FROM wanted ON CONFLICT DO NOTHING`,
      [identity.id, identity.providerId, names],
    );
  }
}
