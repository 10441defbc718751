/**
 * What a token of a person says, read in the statement that proved the session alive: user, provider and organization
 * enabled and at the generation of the sign-in (R23). Nobody issues from anything older.
 */
export interface SessionFacts {
  readonly sessionId: string;
  /** What ID tokens call the session: an application's, the person's session here that it came out of first (D32). */
  readonly sid: string;
  readonly userId: string;
  readonly clientId: string;
  readonly providerId: string;
  readonly organizationId: string;
  readonly userGeneration: number;
  readonly providerGeneration: number;
  readonly organizationGeneration: number;
  /** Of the application that the session serves; undefined for first-party clients (D7). */
  readonly clientGeneration: number | undefined;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string | undefined;
  /** Names, sorted; at most {@link GROUPS_IN_TOKEN} + 1 are read, one more than a token carries (D19). */
  readonly groups: readonly string[];
  /** Seconds since the epoch. */
  readonly authTime: number;
  readonly acr: string | undefined;
  readonly amr: readonly string[] | undefined;
}

/** Above this many the `groups` claim is left out and `groups_overage` says so (D19). */
export const GROUPS_IN_TOKEN = 100;

/** A row of {@link SESSION_FACTS_COLUMNS}. */
export interface SessionFactsRow {
  readonly session_id: string;
  readonly sid: string;
  readonly user_id: string;
  readonly client_id: string;
  readonly provider_id: string;
  readonly organization_id: string;
  readonly user_generation: number;
  readonly provider_generation: number;
  readonly organization_generation: number;
  readonly client_generation: number | null;
  readonly email: string;
  readonly email_verified: boolean;
  readonly name: string | null;
  readonly groups: string[];
  /** Text where a bigint is read as a column, a number where it comes inside JSON. */
  readonly auth_time: string | number;
  readonly acr: string | null;
  readonly amr: string[] | null;
}

/** Tables behind the facts, joined to a session `s`. */
export const SESSION_FACTS_TABLES = 'sessions s, users u, providers p, organizations o';

/**
 * The session may be acted on: it has not ended, and nothing above it was switched off or left it behind (D20, R23). An
 * application that is gone has left its sessions behind.
 */
export const SESSION_IS_ALIVE = `
  s.ended_at IS NULL AND s.expires_at > now()
  AND u.id = s.user_id AND u.disabled_at IS NULL AND u.generation = s.user_generation
  AND p.id = s.provider_id AND p.enabled AND p.generation = s.provider_generation
  AND o.id = s.organization_id AND o.generation = s.organization_generation
  AND (s.client_generation IS NULL OR EXISTS (
    SELECT FROM applications a
    WHERE a.client_id = s.client_id AND a.generation = s.client_generation AND a.disabled_at IS NULL))`;

export const SESSION_FACTS_COLUMNS = `
  s.id AS session_id, coalesce(s.sid, s.id) AS sid, s.user_id, s.client_id, s.provider_id, s.organization_id,
  s.user_generation, s.provider_generation, s.organization_generation, s.client_generation,
  u.email, u.email_verified, u.name, s.acr, s.amr,
  extract(epoch FROM s.auth_time)::bigint AS auth_time,
  ARRAY(SELECT g.name FROM group_memberships m JOIN groups g ON g.id = m.group_id
        WHERE m.identity_id = s.identity_id ORDER BY g.name LIMIT ${GROUPS_IN_TOKEN + 1}) AS groups`;

/** The names of {@link SESSION_FACTS_COLUMNS}, for a statement that reads them from a statement. */
export const SESSION_FACTS_NAMES = `session_id, sid, user_id, client_id, provider_id, organization_id, user_generation,
  provider_generation, organization_generation, client_generation, email, email_verified, name, acr, amr, auth_time, groups`;

export function sessionFactsOf(row: SessionFactsRow): SessionFacts {
  return {
    sessionId: row.session_id,
    sid: row.sid,
    userId: row.user_id,
    clientId: row.client_id,
    providerId: row.provider_id,
    organizationId: row.organization_id,
    userGeneration: row.user_generation,
    providerGeneration: row.provider_generation,
    organizationGeneration: row.organization_generation,
    clientGeneration: row.client_generation ?? undefined,
    email: row.email,
    emailVerified: row.email_verified,
    name: row.name ?? undefined,
    groups: row.groups,
    authTime: Number(row.auth_time),
    acr: row.acr ?? undefined,
    amr: row.amr ?? undefined,
  };
}
