import type { AuditEvent, AuditEventOf, AuditKind } from './audit-event.js';

/** What of an event goes into which column: who did it, whom or what it concerns, and the rest. */
export interface AuditRow {
  readonly organizationId: string | undefined;
  readonly actor: string | undefined;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
}

type ApplicationKind = Extract<AuditKind, `application.${string}`>;

type Rows = { readonly [K in AuditKind]: (event: AuditEventOf<K>) => AuditRow };

function row(
  organizationId: string | undefined,
  actor: string | undefined,
  subject: string,
  details: Readonly<Record<string, unknown>> = {},
): AuditRow {
  return { organizationId, actor, subject, details };
}

function accountAppeared(event: AuditEventOf<'user.created' | 'identity.linked'>): AuditRow {
  return row(event.organizationId, event.userId, event.userId, {
    provider: event.providerId,
    identity: event.identityId,
  });
}

function credentialChanged(event: AuditEventOf<'client_credential.created' | 'client_credential.deleted'>): AuditRow {
  return row(event.organizationId, event.ownerId, event.clientId, { scopes: event.scopes });
}

function userChanged(event: AuditEventOf<'user.deleted' | 'user.disabled' | 'user.enabled'>): AuditRow {
  return row(event.organizationId, event.by, event.userId);
}

function providerChanged(event: AuditEventOf<'provider.enabled' | 'provider.disabled'>): AuditRow {
  return row(event.organizationId, event.by, event.providerId);
}

function tenantKeyChanged(
  event: AuditEventOf<'service_token.created' | 'service_token.revoked' | 'api_key.created' | 'api_key.revoked'>,
): AuditRow {
  return row(event.organizationId, event.by, event.keyId, { accesses: event.accesses });
}

function metadataChanged(
  event: AuditEventOf<'saml.metadata_held' | 'saml.metadata_accepted' | 'saml.metadata_changed'>,
): AuditRow {
  const { reason, added, removed } = event;
  return row(undefined, undefined, event.providerId, { reason, added, removed });
}

function connectionChanged(
  event: AuditEventOf<'connection.created' | 'connection.reconnected' | 'connection.deleted'>,
): AuditRow {
  const { organizationId, by, connectionId, providerId, origin } = event;
  return row(organizationId, by, connectionId, { provider: providerId, origin });
}

function applicationChanged(event: AuditEventOf<ApplicationKind>): AuditRow {
  return row(event.organizationId, event.by, event.applicationId);
}

function consentChanged(event: AuditEventOf<'consent.granted' | 'consent.withdrawn'>): AuditRow {
  return row(event.organizationId, event.userId, event.userId, {
    application: event.applicationId,
    scopes: event.scopes,
  });
}

function deviceAnswered(event: AuditEventOf<'device.allowed' | 'device.denied'>): AuditRow {
  return row(event.organizationId, event.userId, event.userId, {
    application: event.applicationId,
    device_address: event.deviceAddress,
  });
}

const ROWS: Rows = {
  'application.created': applicationChanged,
  'application.changed': applicationChanged,
  'application.secret_rotated': applicationChanged,
  'application.disabled': applicationChanged,
  'application.enabled': applicationChanged,
  'application.deleted': applicationChanged,
  'consent.granted': consentChanged,
  'consent.withdrawn': consentChanged,
  'device.allowed': deviceAnswered,
  'device.denied': deviceAnswered,
  'logout_notice.failed': (e) =>
    row(e.organizationId, undefined, e.userId, {
      application: e.applicationId,
      session: e.sid,
      attempts: e.attempts,
      reason: e.reason,
    }),
  'connection.created': connectionChanged,
  'connection.reconnected': connectionChanged,
  'connection.deleted': connectionChanged,
  'connection.needs_reauth': (e) =>
    row(e.organizationId, undefined, e.connectionId, { provider: e.providerId, reason: e.reason }),
  'connection.not_kept': (e) => row(undefined, undefined, e.providerId, { session: e.sessionId, reason: e.reason }),
  'user.created': accountAppeared,
  'identity.linked': accountAppeared,
  'user.signed_in': (e) =>
    row(e.organizationId, e.userId, e.userId, { provider: e.providerId, session: e.sessionId, client: e.clientId }),
  'sign_in.refused': (e) => row(undefined, e.userId, e.providerId, { reason: e.reason }),
  'account.conflict': (e) =>
    row(e.organizationId, undefined, e.existingUserId, { provider: e.providerId, reason: e.reason }),
  'session.ended': (e) => row(e.organizationId, undefined, e.userId, { session: e.sessionId, reason: e.reason }),
  'refresh.reused': (e) =>
    row(e.organizationId, e.clientId, e.userId, { session: e.sessionId, family: e.familyId, client: e.clientId }),
  'token.revoked': (e) => row(e.organizationId, e.by, e.tokenId, { token_type: e.tokenType }),
  'client_credential.created': credentialChanged,
  'client_credential.deleted': credentialChanged,
  'client.locked': (e) => row(undefined, undefined, e.clientId),
  'client.tokens_issued': (e) => row(e.organizationId, e.clientId, e.clientId, { count: e.count }),
  'administrator.pinned': (e) => row(e.organizationId, e.userId, e.userId, { entry: e.entry, identity: e.identityId }),
  'user.deleted': userChanged,
  'user.disabled': userChanged,
  'user.enabled': userChanged,
  'provider.enabled': providerChanged,
  'provider.disabled': providerChanged,
  'organization.created': (e) => row(e.organizationId, undefined, e.organizationId, { name: e.name }),
  'service_token.created': tenantKeyChanged,
  'service_token.revoked': tenantKeyChanged,
  'api_key.created': tenantKeyChanged,
  'api_key.revoked': tenantKeyChanged,
  'member.changed': (e) =>
    row(e.organizationId, e.by, e.userId, e.role === undefined ? { removed: true } : { role: e.role }),
  'keys.rotated': (e) => row(undefined, undefined, e.keyId, { purpose: e.purpose }),
  'saml.refused': (e) =>
    row(undefined, undefined, e.providerId ?? 'unknown', {
      message: e.message,
      reference: e.reference,
      check: e.check,
      verdicts: e.verdicts,
    }),
  'saml.metadata_held': metadataChanged,
  'saml.metadata_accepted': metadataChanged,
  'saml.metadata_changed': metadataChanged,
  'saml.logout': (e) =>
    row(undefined, undefined, e.providerId, { initiator: e.initiator, sessions: e.sessions, outcome: e.outcome }),
  'certificate.expiring': (e) =>
    row(undefined, undefined, e.fingerprint, {
      owner: e.owner,
      ...(e.providerId === undefined ? {} : { provider: e.providerId }),
      not_after: e.notAfter,
      days: e.days,
    }),
};

/** Every kind, for whoever must show or test them all. */
export const AUDIT_KINDS = Object.keys(ROWS) as readonly AuditKind[];

/** The columns of an event. Total: `ROWS` has a line for each kind or does not compile. */
export function auditRowOf(event: AuditEvent): AuditRow {
  // The kind picks the function made for it; TypeScript cannot follow that through a union.
  const describe = ROWS[event.kind] as (event: AuditEvent) => AuditRow;
  return describe(event);
}
