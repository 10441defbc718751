import { Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { Database } from '@app/database';
import { OAuthError } from '@app/oauth2';
import type { EntityManager } from 'typeorm';
import { accessesOfRole, missingAccesses, rankOf, type OrganizationRole, type TenantCaller } from './tenant-caller.js';

export interface Member {
  readonly userId: string;
  readonly email: string;
  readonly name: string | undefined;
  readonly role: OrganizationRole;
  /** Put there by the configuration, and changed only there. */
  readonly isConfigured: boolean;
  readonly createdAt: Date;
}

interface MemberRow {
  readonly user_id: string;
  readonly email: string;
  readonly name: string | null;
  readonly role: OrganizationRole;
  readonly configured: boolean;
  readonly created_at: Date;
}

interface StandingRow {
  readonly role: OrganizationRole | null;
  readonly configured: boolean;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Who belongs to an organization. Every statement is bounded by the caller's (R27). People whose home is another
 * organization come in by the configuration only: their names and addresses are not for its admins to fetch.
 */
@Injectable()
export class Members {
  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /** By e-mail address, and how many there are of all pages. */
  async list(
    organizationId: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<{ members: readonly Member[]; total: number }> {
    const [rows, [counted]] = await Promise.all([
      this.database.query<MemberRow>(
        `SELECT m.user_id, u.email, u.name, m.role, m.entry IS NOT NULL AS configured, m.created_at
         FROM organization_members m JOIN users u ON u.id = m.user_id
         WHERE m.organization_id = $1 ORDER BY u.email, m.user_id LIMIT $2 OFFSET $3`,
        [organizationId, page.limit, page.offset],
      ),
      this.database.query<{ total: number }>(
        `SELECT count(*)::int AS total FROM organization_members WHERE organization_id = $1`,
        [organizationId],
      ),
    ]);
    return { members: rows.map(memberOf), total: counted?.total ?? 0 };
  }

  /**
   * Gives a member another role, or takes one back in whose home this organization is.
   * @throws OAuthError `not_found` for anybody else, `forbidden` above the caller's own role, 409 for the last owner and
   *   for whom the configuration put there
   */
  async put(caller: TenantCaller, userId: string, role: OrganizationRole, context: AuditContext): Promise<void> {
    if (rankOf(role) > rankOfCaller(caller) || missingAccesses(caller, accessesOfRole(role)).length > 0)
      throw new OAuthError('forbidden', `You cannot make anybody ${role}, because you are less yourself`);
    await this.change(caller, userId, async (manager, standing) => {
      if (standing.role === role) return;
      if (standing.role === 'owner') await this.assertAnotherOwner(manager, caller.organizationId, userId);
      await manager.query(
        `INSERT INTO organization_members (organization_id, user_id, role) VALUES ($1, $2, $3)
         ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role, modified_at = now()`,
        [caller.organizationId, userId, role],
      );
      await this.tell(manager, caller, userId, role, context);
    });
  }

  /**
   * Takes a member out; from the next call on it has no access there, nor have its client credentials.
   * @throws as {@link put}
   */
  async remove(caller: TenantCaller, userId: string, context: AuditContext): Promise<void> {
    await this.change(caller, userId, async (manager, standing) => {
      if (standing.role === null) throw noSuchMember();
      if (standing.role === 'owner') await this.assertAnotherOwner(manager, caller.organizationId, userId);
      await manager.query(`DELETE FROM organization_members WHERE organization_id = $1 AND user_id = $2`, [
        caller.organizationId,
        userId,
      ]);
      await this.tell(manager, caller, userId, undefined, context);
    });
  }

  /** Changes of one organization wait for each other; only so is there always an owner left. */
  private async change(
    caller: TenantCaller,
    userId: string,
    work: (manager: EntityManager, standing: StandingRow) => Promise<void>,
  ): Promise<void> {
    if (!UUID.test(userId)) throw noSuchMember();
    await this.database.transaction(async (manager) => {
      await manager.query(`SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE`, [caller.organizationId]);
      const [standing]: StandingRow[] = await manager.query(
        `SELECT m.role, m.entry IS NOT NULL AS configured
         FROM users u LEFT JOIN organization_members m ON m.user_id = u.id AND m.organization_id = $1
         WHERE u.id = $2 AND (m.user_id IS NOT NULL OR u.organization_id = $1)`,
        [caller.organizationId, userId],
      );
      if (standing === undefined) throw noSuchMember();
      if (standing.role !== null && rankOf(standing.role) > rankOfCaller(caller))
        throw new OAuthError('forbidden', `Only an owner changes or removes an ${standing.role}`);
      if (standing.configured)
        throw conflict('This member stands in the configuration file, under organizations; change it there');
      await work(manager, standing);
    });
  }

  /** A disabled owner owns nothing that he could give on. */
  private async assertAnotherOwner(manager: EntityManager, organizationId: string, userId: string): Promise<void> {
    const others: unknown[] = await manager.query(
      `SELECT 1 FROM organization_members m JOIN users u ON u.id = m.user_id AND u.disabled_at IS NULL
       WHERE m.organization_id = $1 AND m.role = 'owner' AND m.user_id <> $2 LIMIT 1`,
      [organizationId, userId],
    );
    if (others.length === 0) throw conflict('This is the last owner; make somebody else owner first');
  }

  private async tell(
    manager: EntityManager,
    { organizationId, actor }: TenantCaller,
    userId: string,
    role: OrganizationRole | undefined,
    context: AuditContext,
  ): Promise<void> {
    await this.audit.record(manager, { kind: 'member.changed', organizationId, userId, role, by: actor }, context);
  }
}

/** A key that may manage the organization stands as high as an admin, so that it makes and unmakes no owner. */
function rankOfCaller({ role }: TenantCaller): number {
  return rankOf(role ?? 'admin');
}

function noSuchMember(): OAuthError {
  return new OAuthError('not_found', 'The organization has no such member, and nobody of that id is at home there');
}

function conflict(description: string): OAuthError {
  return new OAuthError('invalid_request', description, { status: 409 });
}

function memberOf(row: MemberRow): Member {
  return {
    userId: row.user_id,
    email: row.email,
    name: row.name ?? undefined,
    role: row.role,
    isConfigured: row.configured,
    createdAt: row.created_at,
  };
}
