import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import { Administrators } from './administrators.js';

/** A person as seen from a session of one provider. */
export interface UserProfile {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string | undefined;
  /** Names of the groups of this provider's identity, sorted. */
  readonly groups: readonly string[];
  /** As /oauth2/userinfo writes them; the identity that made the user is the primary one. */
  readonly providers: readonly { readonly provider: string; readonly is_primary: boolean }[];
  /** In sessions of this provider. */
  readonly isAdministrator: boolean;
  /** The subject at this provider. */
  readonly providerSubject: string;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
  readonly lastLoginAt: Date | undefined;
  readonly profileGeneration: number;
  readonly disabled: boolean;
}

interface ProfileRow {
  readonly id: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly name: string | null;
  readonly groups: readonly string[];
  readonly providers: readonly string[];
  readonly administrator: boolean;
  readonly subject: string;
  readonly created_at: Date;
  readonly modified_at: Date;
  readonly last_login_at: Date | null;
  readonly profile_generation: number;
  readonly disabled: boolean;
}

const PROFILE = `
  SELECT u.id, u.email, u.email_verified, u.name, u.created_at, u.modified_at, u.last_login_at, u.profile_generation,
         u.disabled_at IS NOT NULL AS disabled, i.subject,
         ARRAY(SELECT g.name FROM group_memberships m JOIN groups g ON g.id = m.group_id
               WHERE m.identity_id = i.id ORDER BY g.name COLLATE "C") AS groups,
         ARRAY(SELECT x.provider_id FROM external_identities x
               WHERE x.user_id = u.id ORDER BY x.created_at, x.id) AS providers,
         u.disabled_at IS NULL AND EXISTS (
           SELECT 1 FROM administrator_pins a
           WHERE a.identity_id = i.id AND a.entry = ANY ($3::text[])) AS administrator
  FROM users u
  JOIN external_identities i ON i.user_id = u.id AND i.provider_id = $2
  WHERE u.id = $1
  ORDER BY i.last_login_at DESC NULLS LAST LIMIT 1`;

/** Reads profiles, one statement each. */
@Injectable()
export class UserProfileReader {
  constructor(
    private readonly database: Database,
    private readonly administrators: Administrators,
  ) {}

  /** Undefined when there is no such user, or none with an identity at this provider. */
  async find(userId: string, providerId: string): Promise<UserProfile | undefined> {
    const [row] = await this.database.queryNamed<ProfileRow>('user-profile', PROFILE, [
      userId,
      providerId,
      this.administrators.configuredEntries,
    ]);
    if (row === undefined) return undefined;
    return {
      id: row.id,
      email: row.email,
      emailVerified: row.email_verified,
      name: row.name ?? undefined,
      groups: row.groups,
      providers: row.providers.map((provider, index) => ({ provider, is_primary: index === 0 })),
      isAdministrator: row.administrator,
      providerSubject: row.subject,
      createdAt: row.created_at,
      modifiedAt: row.modified_at,
      lastLoginAt: row.last_login_at ?? undefined,
      profileGeneration: row.profile_generation,
      disabled: row.disabled,
    };
  }
}
