import { Injectable } from '@nestjs/common';
import { Database } from '@app/database';

/** A person as others of the same provider may find them. */
export interface ProviderUser {
  readonly userId: string;
  readonly email: string;
  /** The e-mail address where the provider told no name. */
  readonly name: string;
  /** Through this provider; undefined: not yet. */
  readonly lastLoginAt: Date | undefined;
}

/** Which people, and which page of them. */
export interface ProviderUserQuery {
  readonly providerId: string;
  /** Part of the address in lower case; undefined: everybody. */
  readonly emailPart: string | undefined;
  readonly limit: number;
  readonly offset: number;
}

interface PageRow {
  readonly total: number;
  readonly users: readonly {
    readonly id: string;
    readonly email: string;
    readonly name: string;
    readonly last_login: string | null;
  }[];
}

const PAGE = `
  WITH found AS (
    SELECT u.id, u.email, coalesce(u.name, u.email) AS name, max(i.last_login_at) AS last_login
    FROM external_identities i JOIN users u ON u.id = i.user_id
    WHERE i.provider_id = $1 AND u.disabled_at IS NULL AND ($2::text IS NULL OR strpos(u.email_key, $2) > 0)
    GROUP BY u.id),
  page AS (SELECT * FROM found ORDER BY email COLLATE "C", id LIMIT $3 OFFSET $4)
  SELECT (SELECT count(*)::int FROM found) AS total,
         (SELECT coalesce(json_agg(page ORDER BY page.email COLLATE "C", page.id), '[]') FROM page) AS users`;

/** People by the provider that they sign in with. */
@Injectable()
export class ProviderUsersRepository {
  constructor(private readonly database: Database) {}

  /**
   * One page of the people who can sign in through a provider, by e-mail, and how many there are in all. Disabled people
   * are left out, and somebody with two identities there is one person. One statement, so page and total agree.
   */
  async page(query: ProviderUserQuery): Promise<{ readonly users: readonly ProviderUser[]; readonly total: number }> {
    const { providerId, emailPart, limit, offset } = query;
    const [row] = await this.database.query<PageRow>(PAGE, [providerId, emailPart ?? null, limit, offset]);
    const users = (row?.users ?? []).map((user) => ({
      userId: user.id,
      email: user.email,
      name: user.name,
      lastLoginAt: user.last_login === null ? undefined : new Date(user.last_login),
    }));
    return { users, total: row?.total ?? 0 };
  }
}
