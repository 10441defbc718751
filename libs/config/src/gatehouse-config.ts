/**
 * The one value that every room reads: parsed, validated and frozen at start. Durations are milliseconds unless the
 * name says seconds. Secrets are `Secret`s, which print as `[redacted]` everywhere but `.reveal()`.
 */
import type { ApplicationGrantType } from '@app/oauth2';
import type { JSONWebKeySet } from 'jose';
import type { Secret } from './secret.js';
import type { UpstreamTokenRules } from './upstream-token-rules.js';

/** Signature algorithms that an access token may be signed with (D19). */
export type AccessTokenAlgorithm = 'ES256' | 'RS256' | 'EdDSA';

/** One key that seals secrets at rest: 32 bytes, named by a short id that is stored beside what it sealed. */
export interface MasterKey {
  readonly id: string;
  readonly key: Secret<Buffer>;
}

/** A first-party client (D7 a): known by its callback; `clientId` is the callback URL itself unless one is given. */
export interface ClientCallback {
  readonly clientId: string;
  readonly url: string;
}

/** An entry of `admins`: the person is matched by upstream subject or by e-mail at this provider (D17). */
export interface AdminEntry {
  readonly provider: string;
  readonly subjectOrEmail: string;
}

export type OrganizationRoleName = 'owner' | 'admin' | 'member';

/** A person whom the configuration puts into an organization, now or at the first sign-in (D62). */
export interface MemberEntry extends AdminEntry {
  readonly role: OrganizationRoleName;
}

/** A tenant that exists because the configuration says so. */
export interface OrganizationConfig {
  readonly name: string;
  readonly members: readonly MemberEntry[];
}

interface ProviderBase {
  readonly id: string;
  readonly name: string;
  readonly icon: string | undefined;
  readonly enabled: boolean;
  readonly organization: string;
  /** E-mail domains in which a verified e-mail of this provider may link to an existing user; empty = never (D17). */
  readonly linkByVerifiedEmailDomains: readonly string[];
}

interface OAuthProviderBase extends ProviderBase {
  readonly clientId: string;
  readonly clientSecret: Secret<string> | undefined;
  readonly scopes: readonly string[];
  /** `own`: /oauth2/callback/{idp}; `shared`: /oauth2/callback (D35). */
  readonly callback: 'shared' | 'own';
  readonly tokenEndpointAuthMethod: 'client_secret_basic' | 'client_secret_post' | 'none';
  /** Sent as they are on the authorization request, e.g. `access_type: offline`. */
  readonly authorizationParameters: Readonly<Record<string, string>>;
  /** false: for connections alone; signs nobody in and is not listed to people who sign in. */
  readonly signIn: boolean;
  /** Sign-ins leave their tokens in the vault, as a connection of the provider's organization (D61). */
  readonly storeTokens: boolean;
  /** What the provider does in its own way about tokens that are kept. */
  readonly tokens: UpstreamTokenRules;
}

/** An OpenID Connect provider: everything else comes from its discovery document. */
export interface OidcProviderConfig extends OAuthProviderBase {
  readonly type: 'oidc';
  readonly issuer: string;
  readonly groupsClaim: string;
  /** Which of our own ID-token signing algorithms we accept; default: what discovery offers, never `none` or HS*. */
  readonly idTokenSignedResponseAlg: string | undefined;
}

/** A plain OAuth 2.0 provider (GitHub-like): no ID token, identity read from an API. */
export interface OAuth2ProviderConfig extends OAuthProviderBase {
  readonly type: 'oauth2';
  readonly authorizationUrl: string;
  readonly tokenUrl: string;
  /** undefined only where {@link OAuthProviderBase.signIn} is false. */
  readonly userinfoUrl: string | undefined;
  readonly emailsUrl: string | undefined;
  /** RFC 9207 `iss` value to insist on when the provider sends one. */
  readonly issuer: string | undefined;
  readonly pkce: boolean;
  readonly fields: {
    readonly subject: string;
    readonly email: string;
    readonly emailVerified: string;
    readonly name: string;
    readonly groups: string;
  };
}

/** The built-in provider without an upstream (D22): development only. */
export interface TestProviderConfig extends ProviderBase {
  readonly type: 'test';
}

export type ProviderConfig = OidcProviderConfig | OAuth2ProviderConfig | TestProviderConfig;

/** Where a SAML identity provider's metadata comes from. */
export type SamlMetadataSource =
  | { readonly kind: 'url'; readonly url: string }
  /** Absolute, or relative to the working directory. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'xml'; readonly xml: string };

export type AuthnContextComparison = 'exact' | 'minimum' | 'better' | 'maximum';

/** How people must authenticate (core §3.3.2.2.1). A floor: what one login asks for may only narrow it (D32). */
export interface RequestedAuthnContext {
  /** What is asked for. */
  readonly classes: readonly string[];
  readonly comparison: AuthnContextComparison;
  /** Class references that an answer may carry; never empty. The request passes through the browser, so these decide. */
  readonly accepted: readonly string[];
}

/** Attribute names (`Name` or `FriendlyName`) in the order in which they are tried; empty: the built-in fallbacks. */
export interface SamlAttributeNames {
  /** Instead of the NameID. Needed where the IdP sends only transient NameIDs. */
  readonly subject: readonly string[];
  readonly email: readonly string[];
  readonly name: readonly string[];
  readonly groups: readonly string[];
}

/** A SAML 2.0 identity provider, known by its metadata. */
export interface SamlProviderConfig extends ProviderBase {
  readonly type: 'saml';
  readonly metadata: SamlMetadataSource;
  /** Which entity of the document; needed where it holds several identity providers. */
  readonly idpEntityId: string | undefined;
  /** Metadata that brings any signing key that was not known waits for an administrator. */
  readonly holdNewKeys: boolean;
  /** Ours at this provider (D24). */
  readonly entityId: string;
  readonly allowIdpInitiated: boolean;
  /** Where a login that began at the IdP ends: one of the configured callbacks (D36). */
  readonly idpInitiatedCallback: string | undefined;
  readonly signRequests: boolean;
  /** Insist on a signature of the assertion itself; otherwise one of the whole response is enough. */
  readonly wantAssertionsSigned: boolean;
  readonly wantEncryptedAssertions: boolean;
  /** Accept AES-CBC under a verified outer signature (D53). */
  readonly legacyEncryption: boolean;
  readonly forceAuthn: boolean;
  readonly requestedAuthnContext: RequestedAuthnContext | undefined;
  /** Format URI to ask for; undefined: the IdP chooses. */
  readonly nameIdFormat: string | undefined;
  /** undefined: what the IdP offers, Redirect before POST. */
  readonly requestBinding: 'redirect' | 'post' | undefined;
  readonly attributes: SamlAttributeNames;
  /** Only groups that begin with one of these are taken over; empty: all. */
  readonly groupPrefixes: readonly string[];
  /** Domains in which this provider's e-mail addresses count as verified (D17). */
  readonly verifiedEmailDomains: readonly string[];
}

/** A provider of either protocol; their ids are one namespace (D55). */
export type AnyProviderConfig = ProviderConfig | SamlProviderConfig;

/** What holds for every SAML provider. */
export interface SamlSettings {
  /** Which engine verifies responses. */
  readonly verifier: 'strict' | 'node-saml';
  /** Worker threads; at most. */
  readonly workers: number;
  /** Messages that may wait for a worker before others are refused with 503. */
  readonly queueLimit: number;
  readonly verificationTimeoutMs: number;
  /** At most 120 (D40). */
  readonly clockSkewSeconds: number;
  /** Oldest IssueInstant that is accepted, skew not counted. */
  readonly maxMessageAgeSeconds: number;
  /** How long one of our certificates signs, and how long its successor is published before it does. */
  readonly keyLifetimeSeconds: number;
  readonly keyPublishBeforeSigningSeconds: number;
  /** How long a certificate that no longer signs still decrypts and stays in the metadata. */
  readonly keyRetentionSeconds: number;
  /** Where a browser may be sent after a logout at the IdP, beside the client callbacks (D52). */
  readonly postLogoutRedirectUris: readonly string[];
}

/** Requests allowed per minute and address, per route class (D44, D57). */
export interface RateLimits {
  readonly enabled: boolean;
  readonly interactive: number;
  readonly token: number;
  readonly discovery: number;
  /** Everything with a bearer that is not one of the others. */
  readonly api: number;
  /** Bad tokens at introspection and userinfo. */
  readonly badTokens: number;
  readonly lockoutFailures: number;
  readonly lockoutWindowMs: number;
  readonly lockoutDurationMs: number;
}

export interface Lifetimes {
  readonly accessTokenSeconds: number;
  readonly refreshIdleSeconds: number;
  readonly refreshAbsoluteSeconds: number;
  readonly authorizationCodeSeconds: number;
  readonly loginTransactionSeconds: number;
  /** How long a browser needs no new sign-in for applications (D32). */
  readonly browserSessionSeconds: number;
  readonly clockSkewSeconds: number;
  readonly keyPublishBeforeSigningSeconds: number;
  readonly keySigningSeconds: number;
  readonly jwksMaxAgeSeconds: number;
}

/** A registered application that the file owns (D7 b, D62). Settings are those of RFC 7591 §2 under our names. */
export interface ApplicationConfig {
  readonly clientId: string;
  /** Each is good, the newest first; empty for those that prove themselves by a key or by nothing. */
  readonly clientSecrets: readonly Secret<string>[];
  /** By name. */
  readonly organization: string;
  readonly name: string;
  readonly logoUri: string | undefined;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  readonly scopes: readonly string[];
  readonly grantTypes: readonly ApplicationGrantType[];
  readonly tokenEndpointAuthMethod: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none';
  /** For `private_key_jwt`, and only then: public keys. */
  readonly jwks: JSONWebKeySet | undefined;
  readonly resources: readonly string[];
  readonly consent: 'ask' | 'skip';
  /** It gets no token without a DPoP proof (RFC 9449 §5.2). */
  readonly dpopBoundAccessTokens: boolean;
  readonly backchannelLogoutUri: string | undefined;
  readonly frontchannelLogoutUri: string | undefined;
}

export type WebhookEventKind =
  'connection.needs_reauth' | 'connection.refresh_failed' | 'connection.recovered' | 'connection.expiring';

/** Somebody who is told of events of one organization, by signed POST. */
export interface WebhookEndpoint {
  readonly id: string;
  readonly url: string;
  /** Each signs, the newest first; never empty. */
  readonly secrets: readonly Secret<Buffer>[];
  /** By name. */
  readonly organization: string;
  readonly events: readonly WebhookEventKind[];
}

/** How webhooks are delivered, to every endpoint. */
export interface WebhookDeliveryConfig {
  readonly timeoutMs: number;
  /** Attempts at once, in this process and at one endpoint of it. */
  readonly concurrency: number;
  readonly concurrencyPerEndpoint: number;
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
  readonly giveUpMs: number;
  readonly keepDeliveredMs: number;
  readonly keepFailedMs: number;
}

/** How the vault keeps upstream tokens fresh, in this process. */
export interface VaultConfig {
  /** Whether this process refreshes what is due by itself; false where workers do it. */
  readonly schedule: boolean;
  readonly concurrency: number;
  readonly leaseMs: number;
  /** How long a caller waits for a refresh before he gets what there is. */
  readonly waitMs: number;
  readonly attemptRetentionDays: number;
  /** Where a browser may end after connecting an account, beside the client callbacks (D61). */
  readonly redirectUrls: readonly string[];
}

export interface GatehouseConfig {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  /** Issuer, base of every link (D3): an origin, possibly with a path, without a trailing slash. */
  readonly publicUrl: string;
  /** Hops or networks whose X-Forwarded-For is believed; undefined: none, the peer's address counts. */
  readonly trustProxy: number | readonly string[] | undefined;
  readonly dataDir: string;
  /** undefined: the embedded Postgres under `dataDir` (refused in production). */
  readonly databaseUrl: Secret<string> | undefined;
  readonly databasePoolSize: number;
  /** undefined: the in-process store (refused in production). */
  readonly redisUrl: Secret<string> | undefined;
  /** Newest first. Empty only in development, where a generated file under `dataDir` serves (D63). */
  readonly masterKeys: readonly MasterKey[];
  readonly internalToken: Secret<string> | undefined;
  readonly internalPort: number | undefined;
  /** Where `gatehouse worker` answers for health and metrics. */
  readonly workerHost: string;
  readonly workerPort: number;
  /** Port of the development OIDC provider; undefined: not started, and never in production. */
  readonly testIdpPort: number | undefined;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  readonly clientCallbacks: readonly ClientCallback[];
  readonly admins: readonly AdminEntry[];
  readonly organizations: readonly OrganizationConfig[];
  readonly applications: readonly ApplicationConfig[];
  readonly accessTokenAlgorithm: AccessTokenAlgorithm;
  /** Deliver tokens in the URL fragment to first-party clients that name no response_type (D8). */
  readonly fragmentDelivery: boolean;
  /** Every introspection call must be authenticated (D15). */
  readonly introspectionRequiresAuthentication: boolean;
  readonly corsOrigins: readonly string[];
  readonly outbound: {
    readonly allowPrivate: boolean;
    readonly timeoutMs: number;
    readonly maxBytes: number;
    /** For a request to a token endpoint about kept tokens: in all, and until there is a connection. */
    readonly tokenTimeoutMs: number;
    readonly connectTimeoutMs: number;
  };
  readonly lifetimes: Lifetimes;
  readonly rateLimits: RateLimits;
  readonly providers: readonly ProviderConfig[];
  readonly samlProviders: readonly SamlProviderConfig[];
  readonly saml: SamlSettings;
  readonly webhooks: readonly WebhookEndpoint[];
  readonly webhookDelivery: WebhookDeliveryConfig;
  readonly vault: VaultConfig;
}
