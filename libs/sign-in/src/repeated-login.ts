import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig } from '@app/config';
import { Database } from '@app/database';
import { Directory, type IdentityClaim } from '@app/directory';
import type { RequestContext } from '@app/edge';
import { samlPrincipalColumns } from '@app/saml';
import type { ProvenIdentity } from './proven-identity.js';

/**
 * A person whose login brings nothing new: known, enabled, with the claim of the last time, and with a profile that
 * `updateProfile` would leave as it is. Conservative: what it does not find may still be unchanged.
 */
const PERSON = `
  SELECT i.id AS identity_id, i.user_id, p.generation AS provider_generation, p.organization_id,
         o.generation AS organization_generation
  FROM providers p
  JOIN organizations o ON o.id = p.organization_id
  JOIN external_identities i ON i.provider_id = p.id AND i.issuer = $2 AND i.subject = $3
  JOIN users u ON u.id = i.user_id
  WHERE p.id = $1 AND p.enabled AND u.disabled_at IS NULL
    AND i.email IS NOT DISTINCT FROM $4 AND i.email_verified = $5 AND i.name IS NOT DISTINCT FROM $6
    AND (u.name IS NOT NULL OR $6 IS NULL)
    AND ($4 IS NULL OR (
      u.email = $4 AND u.email_verified = $5
      AND ($5 OR NOT EXISTS (SELECT 1 FROM external_identities x
                             WHERE x.user_id = u.id AND x.id <> i.id AND x.email_verified))))
    AND ARRAY(SELECT g.name FROM group_memberships m JOIN groups g ON g.id = m.group_id
              WHERE m.identity_id = i.id ORDER BY g.name COLLATE "C") = $7::text[]
    AND NOT EXISTS (SELECT 1 FROM group_memberships m JOIN groups g ON g.id = m.group_id
                    WHERE m.identity_id = i.id AND g.last_seen_at < $8::timestamptz - interval '1 hour')`;

/** Everything hangs on the row that it updates, which is the newest one: no row, nothing written. */
const SIGNED_IN = `
  UPDATE users u SET last_login_at = $8 FROM person
  WHERE u.id = person.user_id AND u.disabled_at IS NULL
  RETURNING u.id AS user_id, u.generation AS user_generation, person.identity_id, person.organization_id,
            person.provider_generation, person.organization_generation`;

const WRITES = `
  seen AS (UPDATE external_identities i SET last_login_at = $8 FROM signed_in WHERE i.id = signed_in.identity_id),
  session AS (
    INSERT INTO sessions (id, user_id, identity_id, provider_id, organization_id, client_id, user_generation,
                          provider_generation, organization_generation, auth_time, acr, amr, expires_at)
    SELECT $9::uuid, user_id, identity_id, $1, organization_id, $10, user_generation, provider_generation,
           organization_generation, $11::timestamptz, $12, $13::text[],
           LEAST(now() + make_interval(secs => $14), $15::timestamptz)
    FROM signed_in),
  audited AS (
    INSERT INTO audit_events (kind, organization_id, actor, subject, request_id, remote_address, details)
    SELECT 'user.signed_in', organization_id, user_id::text, user_id::text, $16, $17,
           jsonb_build_object('provider', $1::text, 'session', $9::uuid, 'client', $10::text)
    FROM signed_in)`;

const LOGIN = `
  WITH person AS MATERIALIZED (${PERSON}), signed_in AS (${SIGNED_IN}), ${WRITES}
  SELECT 1 FROM signed_in`;

/** The check for a logout, whose lock lasts until this statement has committed, stands in front of every write (D25). */
const SAML_LOGIN = `
  WITH known AS MATERIALIZED (${PERSON}),
  asked AS MATERIALIZED (SELECT *, saml_was_logged_out($18, $1, $19, $20, $21, $8) AS logged_out FROM known),
  person AS MATERIALIZED (SELECT * FROM asked WHERE NOT logged_out), signed_in AS (${SIGNED_IN}), ${WRITES},
  assertion AS (
    INSERT INTO saml_sessions (session_id, provider_id, idp_entity_id, subject, name_id, session_indexes, authn_instant)
    SELECT $9::uuid, $1, $2, $19, $22::jsonb, $20, $21 FROM signed_in)
  SELECT 1 FROM signed_in`;

/**
 * The login of a person of whom nothing is new, which is nearly every login, in one statement that is its own transaction
 * (docs/decisions/0016). It writes what {@link SignIn}'s steps would write, or nothing at all: then those steps decide.
 */
@Injectable()
export class RepeatedLogin {
  private readonly sessionSeconds: number;

  constructor(
    private readonly database: Database,
    private readonly directory: Directory,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
  ) {
    this.sessionSeconds = config.lifetimes.refreshAbsoluteSeconds;
  }

  /** Answers the id of the new session; undefined where something is new, refused or unknown, and nothing was written. */
  async begin(
    identity: ProvenIdentity,
    clientId: string,
    now: Date,
    context: RequestContext,
  ): Promise<string | undefined> {
    const claim = this.directory.claimWithoutPolicy(identity);
    if (claim === undefined) return undefined;
    const sessionId = randomUUID();
    const common = [...claimColumns(claim), now, sessionId, clientId, ...this.sessionColumns(identity, now, context)];
    const saml = samlColumns(identity);
    const rows =
      saml === undefined
        ? await this.database.queryNamed('repeated-login', LOGIN, common)
        : await this.database.queryNamed('repeated-saml-login', SAML_LOGIN, [...common, ...saml]);
    return rows.length === 0 ? undefined : sessionId;
  }

  private sessionColumns({ authTime, acr, amr, saml }: ProvenIdentity, now: Date, context: RequestContext) {
    return [
      authTime === undefined ? now : new Date(authTime * 1000),
      acr ?? null,
      amr ?? null,
      this.sessionSeconds,
      saml?.sessionNotOnOrAfter ?? null,
      context.requestId ?? null,
      context.remoteAddress ?? null,
    ];
  }
}

/** Groups are sorted almost as the statement sorts them; where it differs, the login only takes the long way. */
function claimColumns({ provider, issuer, subject, email, emailVerified, name, groups }: IdentityClaim) {
  return [provider, issuer, subject, email ?? null, emailVerified, name ?? null, groups.toSorted()];
}

function samlColumns({ provider, saml }: ProvenIdentity) {
  if (saml?.nameId === undefined) return undefined;
  const { sessionIndexes, authnInstant } = saml;
  const { lockName, subject, nameId } = samlPrincipalColumns({ providerId: provider, nameId: saml.nameId });
  return [lockName, subject, sessionIndexes, authnInstant, nameId];
}
