/** Where a request came from; the shape of edge's `requestContext`. */
export interface AuditContext {
  readonly requestId?: string | undefined;
  readonly remoteAddress?: string | undefined;
}

/** Why a person who proved an identity upstream was not let in (D17, R11). */
export type SignInRefusal = 'unknown_provider' | 'provider_disabled' | 'user_disabled' | 'invalid_identity';

/**
 * Every fact that is kept. A closed union: a new kind needs a line here and one in `audit-row.ts`, and the compiler
 * insists on both. Fields are identifiers, counts and reasons; a token, a secret, a code or a challenge is never one.
 */
export type AuditEvent =
  | {
      readonly kind: 'user.created' | 'identity.linked';
      readonly userId: string;
      readonly organizationId: string;
      readonly providerId: string;
      readonly identityId: string;
    }
  | {
      readonly kind: 'user.signed_in';
      readonly userId: string;
      readonly organizationId: string;
      readonly providerId: string;
      readonly sessionId: string;
      readonly clientId: string;
    }
  | {
      readonly kind: 'sign_in.refused';
      readonly providerId: string;
      readonly reason: SignInRefusal;
      readonly userId?: string;
    }
  | {
      readonly kind: 'account.conflict';
      readonly providerId: string;
      readonly organizationId: string;
      /** The user whose e-mail it was; nothing of his changed. */
      readonly existingUserId: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'session.ended';
      readonly sessionId: string;
      readonly userId: string;
      readonly organizationId?: string;
      readonly reason: string;
    }
  | {
      readonly kind: 'refresh.reused';
      readonly familyId: string;
      readonly sessionId: string;
      readonly userId: string;
      readonly clientId: string;
      readonly organizationId?: string;
    }
  | {
      readonly kind: 'token.revoked';
      /** `jti`, or the family of a refresh token: what names a token without being one. */
      readonly tokenId: string;
      readonly tokenType: 'access_token' | 'refresh_token';
      /** User id or client id of who asked. */
      readonly by: string;
      readonly organizationId?: string;
    }
  | {
      readonly kind: 'client_credential.created' | 'client_credential.deleted';
      readonly clientId: string;
      readonly ownerId: string;
      readonly organizationId: string;
      readonly scopes: readonly string[];
    }
  | { readonly kind: 'client.locked'; readonly clientId: string }
  | {
      readonly kind: 'client.tokens_issued';
      readonly clientId: string;
      readonly organizationId: string;
      /** Tokens since the last event of this client from the same process. */
      readonly count: number;
    }
  | {
      readonly kind: 'administrator.pinned';
      /** As configured: `provider:subject-or-email`. */
      readonly entry: string;
      readonly userId: string;
      readonly identityId: string;
      readonly organizationId: string;
    }
  | {
      readonly kind: 'user.deleted' | 'user.disabled' | 'user.enabled';
      readonly userId: string;
      readonly organizationId: string;
      /** User id of who did it; the person himself, or undefined for the system. */
      readonly by: string | undefined;
    }
  | {
      readonly kind: 'provider.enabled' | 'provider.disabled';
      readonly providerId: string;
      readonly organizationId: string;
      readonly by: string;
    }
  | { readonly kind: 'organization.created'; readonly organizationId: string; readonly name: string }
  | {
      readonly kind: 'service_token.created' | 'service_token.revoked' | 'api_key.created' | 'api_key.revoked';
      /** The public id, which is no secret. */
      readonly keyId: string;
      readonly organizationId: string;
      readonly accesses: readonly string[];
      /** As of `TenantCaller.actor`, or `command`. */
      readonly by: string;
    }
  | {
      readonly kind:
        | 'application.created'
        | 'application.changed'
        | 'application.secret_rotated'
        | 'application.disabled'
        | 'application.enabled'
        | 'application.deleted';
      readonly applicationId: string;
      readonly organizationId: string;
      /** As of `TenantCaller.actor`, or `configuration`, or `command`. */
      readonly by: string;
    }
  | {
      readonly kind: 'consent.granted' | 'consent.withdrawn';
      readonly userId: string;
      readonly applicationId: string;
      readonly organizationId: string;
      readonly scopes: readonly string[];
    }
  | {
      /** A person answered a device without a browser (RFC 8628). */
      readonly kind: 'device.allowed' | 'device.denied';
      readonly userId: string;
      readonly applicationId: string;
      readonly organizationId: string;
      /** Where the device began; the person's own address is that of the event. */
      readonly deviceAddress: string;
    }
  | {
      /** An application was not told of a logout; nobody tries again (D37). */
      readonly kind: 'logout_notice.failed';
      readonly applicationId: string;
      readonly organizationId: string;
      readonly userId: string;
      /** The session by the name that the application knows. */
      readonly sid: string;
      readonly attempts: number;
      readonly reason: string;
    }
  | {
      readonly kind: 'member.changed';
      readonly organizationId: string;
      readonly userId: string;
      /** From now on; undefined: no member any more. */
      readonly role: string | undefined;
      /** As of `TenantCaller.actor`, or `configuration`. */
      readonly by: string;
    }
  | { readonly kind: 'keys.rotated'; readonly purpose: string; readonly keyId: string }
  | {
      /** A SAML response or logout message that was refused; the person saw the reference and nothing else. */
      readonly kind: 'saml.refused';
      readonly providerId: string | undefined;
      readonly message: 'response' | 'logout_request' | 'logout_response';
      readonly reference: string;
      /** The check that failed first. */
      readonly check: string;
      readonly verdicts: readonly SamlVerdict[];
    }
  | {
      /** A refresh found metadata that differs so much that an administrator must accept it. */
      readonly kind: 'saml.metadata_held' | 'saml.metadata_accepted' | 'saml.metadata_changed';
      readonly providerId: string;
      readonly reason: string;
      /** SHA-256 fingerprints of signing certificates. */
      readonly added: readonly string[];
      readonly removed: readonly string[];
    }
  | {
      readonly kind: 'saml.logout';
      readonly providerId: string;
      /** Who began it. */
      readonly initiator: 'idp' | 'us';
      readonly sessions: readonly string[];
      readonly outcome: 'complete' | 'partial' | 'failed';
    }
  | {
      readonly kind: 'certificate.expiring';
      /** Whose: an IdP's (with its provider) or ours. */
      readonly owner: 'idp' | 'sp';
      readonly providerId: string | undefined;
      readonly fingerprint: string;
      readonly notAfter: string;
      /** The threshold that was crossed; 0: it has ended. */
      readonly days: number;
    }
  | {
      readonly kind: 'connection.created' | 'connection.reconnected' | 'connection.deleted';
      readonly connectionId: string;
      readonly organizationId: string;
      readonly providerId: string;
      readonly origin: string;
      /** `user:…`, `client:…`, `api_key:…` or `service_token:…`. */
      readonly by: string;
    }
  | {
      /** Written by the statement that gives the connection up. */
      readonly kind: 'connection.needs_reauth';
      readonly connectionId: string;
      readonly organizationId: string;
      readonly providerId: string;
      readonly reason: string;
    }
  | {
      /** A sign-in went well, but its tokens could not be kept (D61). */
      readonly kind: 'connection.not_kept';
      readonly providerId: string;
      readonly sessionId: string;
      readonly reason: string;
    };

/** As `saml` reports it; text without secrets. A check that passed comes without values: those may be personal data. */
export interface SamlVerdict {
  readonly check: string;
  readonly ok: boolean;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
}

export type AuditKind = AuditEvent['kind'];

/** The event of one kind; kinds that share their fields are told apart as well. */
export type AuditEventOf<K extends AuditKind> = K extends unknown ? Variant<AuditEvent, K> : never;

type Variant<E extends AuditEvent, K extends AuditKind> = E extends unknown
  ? K extends E['kind']
    ? Omit<E, 'kind'> & { readonly kind: K }
    : never
  : never;
