import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { OAuthError } from '@app/oauth2';
import type { OrganizationRole } from './tenant-caller.js';

export interface Organization {
  readonly id: string;
  readonly name: string;
}

/** An organization with the role that one person has in it. */
export interface Membership extends Organization {
  readonly role: OrganizationRole;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The tenants (D28). Each is called by its name or by its id; no name has the form of an id. */
@Injectable()
export class Organizations {
  constructor(private readonly database: Database) {}

  /** Undefined when there is none of this name or id. */
  async find(nameOrId: string): Promise<Organization | undefined> {
    if (!isStorable(nameOrId)) return undefined;
    const [found] = await this.database.queryNamed<Organization>(
      UUID.test(nameOrId) ? 'organization-by-id' : 'organization-by-name',
      `SELECT id, name FROM organizations WHERE ${columnOf(nameOrId)} = $1`,
      [nameOrId],
    );
    return found;
  }

  /** @throws OAuthError `not_found` */
  async get(nameOrId: string): Promise<Organization> {
    const found = await this.find(nameOrId);
    if (found === undefined) throw unknownOrganization();
    return found;
  }

  /**
   * This person's place in the organization of that name or id; undefined for a stranger, for an unknown one and for a
   * disabled person alike (R11).
   */
  async membership(userId: string, nameOrId: string): Promise<Membership | undefined> {
    if (!isStorable(nameOrId)) return undefined;
    const [found] = await this.database.queryNamed<Membership>(
      UUID.test(nameOrId) ? 'membership-by-id' : 'membership-by-name',
      `SELECT o.id, o.name, m.role FROM organizations o
       JOIN organization_members m ON m.organization_id = o.id AND m.user_id = $2
       JOIN users u ON u.id = m.user_id AND u.disabled_at IS NULL
       WHERE o.${columnOf(nameOrId)} = $1`,
      [nameOrId, userId],
    );
    return found;
  }

  /** Where this person belongs, by name. @param limit of rows, for who only asks whether there is more than one. */
  async memberships(userId: string, limit: number, offset = 0): Promise<readonly Membership[]> {
    return this.database.queryNamed<Membership>(
      'memberships',
      `SELECT o.id, o.name, m.role FROM organization_members m JOIN organizations o ON o.id = m.organization_id
       WHERE m.user_id = $1 ORDER BY o.name, o.id LIMIT $2 OFFSET $3`,
      [userId, limit, offset],
    );
  }
}

/** One answer for an unknown organization and for another's, so that nobody learns which names exist (R27). */
export function unknownOrganization(): OAuthError {
  return new OAuthError('not_found', 'You have no such organization');
}

const columnOf = (nameOrId: string): 'id' | 'name' => (UUID.test(nameOrId) ? 'id' : 'name');
/** Postgres takes no U+0000, and names come from addresses. */
const isStorable = (nameOrId: string): boolean => !nameOrId.includes('\0');
