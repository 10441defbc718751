import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { GATEHOUSE_CONFIG, type AdminEntry, type GatehouseConfig } from '@app/config';
import { Database } from '@app/database';
import type { EntityManager } from 'typeorm';
import type { HolderRecord, IdentityRecord } from './account.repository.js';
import { parseEmailAddress } from './email-address.js';

/** The pin of the one who used the set-up link (D43). No entry of `admins` can be it: those have a colon. */
export const SET_UP_ENTRY = 'set-up-link';

/** How an entry of `admins` is written, and the key of its pin. */
export function entryText(entry: AdminEntry): string {
  return `${entry.provider}:${entry.subjectOrEmail}`;
}

/**
 * The entries that this identity matches, at exactly that provider (D17). An entry that is an e-mail address counts only
 * against an e-mail that the provider verified: where people choose their own subject, one may look like an address.
 */
export function matchingEntries<E extends AdminEntry>(admins: readonly E[], identity: IdentityRecord): readonly E[] {
  const told = identity.email === undefined || !identity.emailVerified ? undefined : parseEmailAddress(identity.email);
  return admins.filter((entry) => {
    if (entry.provider !== identity.provider) return false;
    const address = parseEmailAddress(entry.subjectOrEmail);
    return address === undefined ? entry.subjectOrEmail === identity.subject : address.key === told?.key;
  });
}

/**
 * Who the administrators of this installation are: `admins`, each pinned to the first identity that it matched, and who
 * used the set-up link while there was nobody (D43).
 */
@Injectable()
export class Administrators {
  private readonly entries: readonly string[];

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {
    this.entries = [...config.admins.map(entryText), SET_UP_ENTRY];
  }

  /** The entries that count, as pins are keyed, for statements that ask along. */
  get configuredEntries(): readonly string[] {
    return this.entries;
  }

  /**
   * Pins the entries that this identity is the first to match. Whoever has the same e-mail later is not that
   * administrator. No statement for the many who match nothing.
   */
  async pin(
    manager: EntityManager,
    identity: IdentityRecord,
    ids: { readonly identityId: string; readonly userId: string; readonly organizationId: string },
    now: Date,
    context: AuditContext,
  ): Promise<void> {
    const matched = matchingEntries(this.config.admins, identity).map(entryText);
    if (matched.length === 0) return;
    const pinned: { entry: string }[] = await manager.query(
      `INSERT INTO administrator_pins (entry, identity_id, pinned_at)
       SELECT entry, $2, $3 FROM unnest($1::text[]) AS e (entry) ORDER BY entry
       ON CONFLICT (entry) DO NOTHING RETURNING entry`,
      [matched, ids.identityId, now],
    );
    await this.audit.recordAll(
      manager,
      pinned.map(({ entry }) => {
        const { identityId, userId, organizationId } = ids;
        return { kind: 'administrator.pinned', entry, identityId, userId, organizationId };
      }),
      context,
    );
  }

  /** Says whether somebody is, or the configuration names somebody who will be. */
  async areThere(): Promise<boolean> {
    if (this.config.admins.length > 0) return true;
    const rows = await this.database.query(`SELECT 1 FROM administrator_pins WHERE entry = $1`, [SET_UP_ENTRY]);
    return rows.length > 0;
  }

  /** Makes the person of this session the first administrator; false when there is one, or the session is no more. */
  async pinFirst(sessionId: string, context: AuditContext): Promise<boolean> {
    if (this.config.admins.length > 0) return false;
    return this.database.transaction(async (manager) => {
      const [pinned]: { identity_id: string; user_id: string; organization_id: string }[] = await manager.query(
        `WITH pinned AS (
           INSERT INTO administrator_pins (entry, identity_id)
           SELECT $2, identity_id FROM sessions WHERE id = $1 AND ended_at IS NULL
           ON CONFLICT (entry) DO NOTHING RETURNING identity_id
         )
         SELECT p.identity_id, s.user_id, s.organization_id FROM pinned p, sessions s WHERE s.id = $1`,
        [sessionId, SET_UP_ENTRY],
      );
      if (pinned === undefined) return false;
      const { identity_id: identityId, user_id: userId, organization_id: organizationId } = pinned;
      await this.audit.record(
        manager,
        { kind: 'administrator.pinned', entry: SET_UP_ENTRY, identityId, userId, organizationId },
        context,
      );
      return true;
    });
  }

  /** Pinned already, or with an identity that the next login would pin: nobody is linked to such a user (D17). */
  isOrWouldBe(holder: HolderRecord): boolean {
    return (
      holder.pinned || holder.identities.some((identity) => matchingEntries(this.config.admins, identity).length > 0)
    );
  }

  /**
   * Says whether a session of this user from this provider is an administrator's. The pin names an identity, so a
   * second identity that was linked to the same person brings no rights along; an entry that is gone from the
   * configuration, and a disabled user, have none.
   */
  async isAdministrator(userId: string, providerId: string): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT 1 FROM administrator_pins a
       JOIN external_identities i ON i.id = a.identity_id
       JOIN users u ON u.id = i.user_id
       WHERE u.id = $1 AND i.provider_id = $2 AND a.entry = ANY ($3::text[]) AND u.disabled_at IS NULL LIMIT 1`,
      [userId, providerId, this.entries],
    );
    return rows.length > 0;
  }
}
