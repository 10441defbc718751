import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig, type MemberEntry } from '@app/config';
import { Database } from '@app/database';
import type { EntityManager } from 'typeorm';
import type { IdentityRecord } from './account.repository.js';
import { entryText, matchingEntries } from './administrators.js';
import { parseEmailAddress } from './email-address.js';

/** An entry with the name of the organization that it stands in. */
interface Placement extends MemberEntry {
  readonly organization: string;
}

interface Change {
  readonly organization_id: string;
  readonly user_id: string;
  readonly role: string | null;
}

const RANK = { member: 0, admin: 1, owner: 2 } as const;

/**
 * The people whom the configuration puts into organizations (D62): at start, and at the sign-in of whoever was not known
 * then. An entry is pinned to the first person that it matches, as those of `admins` are (D17): whoever has the same
 * e-mail address later is not that owner. What the configuration gave, it also takes: an entry that is gone leaves a
 * plain member at home, and nothing elsewhere.
 */
@Injectable()
export class ConfiguredMembers implements OnApplicationBootstrap {
  private readonly placements: readonly Placement[];

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.placements = config.organizations.flatMap(({ name, members }) =>
      members.map((member) => ({ ...member, organization: name })),
    );
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.sync();
  }

  /** Brings organizations and memberships in line with the configuration. Instances do it one after the other. */
  async sync(): Promise<void> {
    const now = this.clock();
    await this.database.transaction(async (manager) => {
      // The same lock as that of the provider records, which make organizations too.
      await manager.query(`SELECT pg_advisory_xact_lock(hashtextextended('gatehouse:provider-records', 0))`);
      await this.makeOrganizations(manager);
      await this.lockEntries(manager);
      await this.withdraw(manager, now);
      await this.align(manager, now);
      const open = await this.unclaimed(manager, this.placements);
      for (const { userId, identity } of await this.candidates(manager, open))
        await this.claim(manager, matchingEntries(open, identity), userId, now, {});
    });
  }

  /**
   * Puts a person who signs in where the configuration says. No statement for the many whom it does not name, and one
   * for those who are there already.
   */
  async join(
    manager: EntityManager,
    identity: IdentityRecord,
    userId: string,
    now: Date,
    context: AuditContext,
  ): Promise<void> {
    const matched = matchingEntries(this.placements, identity);
    if (matched.length === 0 || (await this.unclaimed(manager, matched)).length === 0) return;
    await this.lockEntries(manager);
    await this.claim(manager, await this.unclaimed(manager, matched), userId, now, context);
  }

  private async makeOrganizations(manager: EntityManager): Promise<void> {
    const names = this.config.organizations.map(({ name }) => name);
    const made: { id: string; name: string }[] = await manager.query(
      `INSERT INTO organizations (id, name) SELECT * FROM unnest($1::uuid[], $2::text[]) AS o (id, name)
       WHERE NOT EXISTS (SELECT 1 FROM organizations x WHERE x.name = o.name)
       ON CONFLICT (name) DO NOTHING RETURNING id, name`,
      [names.map(() => randomUUID()), names],
    );
    await this.audit.recordAll(
      manager,
      made.map(({ id, name }) => ({ kind: 'organization.created', organizationId: id, name })),
    );
  }

  /** Until the transaction ends, nobody else takes an entry. */
  private async lockEntries(manager: EntityManager): Promise<void> {
    await manager.query(`SELECT pg_advisory_xact_lock(hashtextextended('gatehouse:configured-members', 0))`);
  }

  private async withdraw(manager: EntityManager, now: Date): Promise<void> {
    const isGone = `
      o.id = m.organization_id AND u.id = m.user_id AND m.entry IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM unnest($1::text[], $2::text[]) AS e (name, entry)
                      WHERE e.name = o.name AND e.entry = m.entry)`;
    const [home]: [Change[], number] = await manager.query(
      `UPDATE organization_members m SET role = 'member', entry = NULL, modified_at = $3
       FROM organizations o, users u WHERE ${isGone} AND u.organization_id = m.organization_id
       RETURNING m.organization_id, m.user_id, m.role`,
      [...this.columns(), now],
    );
    const [elsewhere]: [Change[], number] = await manager.query(
      `DELETE FROM organization_members m USING organizations o, users u WHERE ${isGone}
       RETURNING m.organization_id, m.user_id, NULL AS role`,
      this.columns(),
    );
    await this.tell(manager, [...home, ...elsewhere], {});
  }

  /** A role that the configuration has changed since. */
  private async align(manager: EntityManager, now: Date): Promise<void> {
    const [changed]: [Change[], number] = await manager.query(
      `UPDATE organization_members m SET role = e.role, modified_at = $4
       FROM organizations o, unnest($1::text[], $2::text[], $3::text[]) AS e (name, entry, role)
       WHERE o.id = m.organization_id AND e.name = o.name AND e.entry = m.entry AND m.role <> e.role
       RETURNING m.organization_id, m.user_id, m.role`,
      [...this.columns(), this.placements.map(({ role }) => role), now],
    );
    await this.tell(manager, changed, {});
  }

  private async unclaimed(manager: EntityManager, placements: readonly Placement[]): Promise<readonly Placement[]> {
    if (placements.length === 0) return [];
    const rows: { name: string; entry: string }[] = await manager.query(
      `SELECT o.name, m.entry FROM organization_members m JOIN organizations o ON o.id = m.organization_id
       WHERE o.name = ANY ($1::text[]) AND m.entry = ANY ($2::text[])`,
      [placements.map(({ organization }) => organization), placements.map(entryText)],
    );
    const taken = new Set(rows.map(({ name, entry }) => JSON.stringify([name, entry])));
    return placements.filter((one) => !taken.has(JSON.stringify([one.organization, entryText(one)])));
  }

  /** People who may match; whoever is missed for the spelling of an address is found at the next sign-in. */
  private async candidates(
    manager: EntityManager,
    open: readonly Placement[],
  ): Promise<readonly { userId: string; identity: IdentityRecord }[]> {
    if (open.length === 0) return [];
    const rows: {
      provider_id: string;
      subject: string;
      email: string | null;
      email_verified: boolean;
      user_id: string;
    }[] = await manager.query(
      `SELECT i.provider_id, i.subject, i.email, i.email_verified, i.user_id
       FROM external_identities i
       WHERE i.provider_id = ANY ($1::text[])
         AND (i.subject = ANY ($2::text[]) OR (i.email_verified AND lower(i.email) = ANY ($3::text[])))
       ORDER BY i.created_at, i.id`,
      [
        open.map(({ provider }) => provider),
        open.map(({ subjectOrEmail }) => subjectOrEmail),
        open.flatMap(({ subjectOrEmail }) => parseEmailAddress(subjectOrEmail)?.key ?? []),
      ],
    );
    return rows.map((row) => ({
      userId: row.user_id,
      identity: {
        provider: row.provider_id,
        subject: row.subject,
        email: row.email ?? undefined,
        emailVerified: row.email_verified,
      },
    }));
  }

  /** Whoever has an entry of the organization keeps it; of several that match one person, the highest role counts. */
  private async claim(
    manager: EntityManager,
    matched: readonly Placement[],
    userId: string,
    now: Date,
    context: AuditContext,
  ): Promise<void> {
    const highest = new Map<string, Placement>();
    for (const one of matched) {
      const other = highest.get(one.organization);
      if (other === undefined || RANK[one.role] > RANK[other.role]) highest.set(one.organization, one);
    }
    if (highest.size === 0) return;
    const chosen = [...highest.values()];
    const changed: Change[] = await manager.query(
      `INSERT INTO organization_members AS m (organization_id, user_id, role, entry, created_at, modified_at)
       SELECT o.id, $4, e.role, e.entry, $5, $5
       FROM unnest($1::text[], $2::text[], $3::text[]) AS e (name, entry, role) JOIN organizations o ON o.name = e.name
       WHERE NOT EXISTS (SELECT 1 FROM organization_members t WHERE t.organization_id = o.id AND t.entry = e.entry)
       ON CONFLICT (organization_id, user_id) DO UPDATE
         SET role = excluded.role, entry = excluded.entry, modified_at = excluded.modified_at WHERE m.entry IS NULL
       RETURNING organization_id, user_id, role`,
      [
        chosen.map(({ organization }) => organization),
        chosen.map(entryText),
        chosen.map(({ role }) => role),
        userId,
        now,
      ],
    );
    await this.tell(manager, changed, context);
  }

  private async tell(manager: EntityManager, changes: readonly Change[], context: AuditContext): Promise<void> {
    await this.audit.recordAll(
      manager,
      changes.map((change) => ({
        kind: 'member.changed',
        organizationId: change.organization_id,
        userId: change.user_id,
        role: change.role ?? undefined,
        by: 'configuration',
      })),
      context,
    );
  }

  private columns(): [string[], string[]] {
    return [this.placements.map(({ organization }) => organization), this.placements.map(entryText)];
  }
}
