import type {
  RequestedAuthnContext,
  SamlAttributeNames,
  SamlMetadataSource,
  SamlProviderConfig,
  SamlSettings,
} from './gatehouse-config.js';
import { defaultEntityId } from './saml-provider-rules.js';
import type { SamlProviderSettings } from './saml-provider.schema.js';
import type { Settings } from './settings.schema.js';

/** The provider as the rooms read it: wire names become ours, and what is absent gets its default. */
export function toSamlProviderConfig(settings: SamlProviderSettings, publicUrl: string): SamlProviderConfig {
  return {
    type: 'saml',
    id: settings.id,
    name: settings.name ?? settings.id,
    icon: settings.icon,
    enabled: settings.enabled,
    organization: settings.organization,
    linkByVerifiedEmailDomains: settings.link_by_verified_email,
    metadata: metadataSource(settings),
    idpEntityId: settings.idp_entity_id,
    holdNewKeys: settings.hold_new_keys,
    entityId: settings.entity_id ?? defaultEntityId(publicUrl, settings.id),
    allowIdpInitiated: settings.allow_idp_initiated,
    idpInitiatedCallback: settings.idp_initiated_callback,
    signRequests: settings.sign_requests,
    wantAssertionsSigned: settings.want_assertions_signed,
    wantEncryptedAssertions: settings.want_encrypted_assertions,
    legacyEncryption: settings.legacy_encryption,
    forceAuthn: settings.force_authn,
    requestedAuthnContext: authnContext(settings.requested_authn_context),
    nameIdFormat: settings.name_id_format,
    requestBinding: settings.request_binding,
    attributes: settings.attributes,
    groupPrefixes: settings.group_prefixes,
    verifiedEmailDomains: settings.verified_email_domains,
  };
}

function authnContext(context: SamlProviderSettings['requested_authn_context']): RequestedAuthnContext | undefined {
  // checkSamlProviders has seen to it that `accepted` is missing only with `exact`.
  return context === undefined ? undefined : { ...context, accepted: context.accepted ?? context.classes };
}

function metadataSource(settings: SamlProviderSettings): SamlMetadataSource {
  if (settings.metadata_url !== undefined) return { kind: 'url', url: settings.metadata_url };
  if (settings.metadata_file !== undefined) return { kind: 'file', path: settings.metadata_file };
  // checkSamlProviders has seen to it that one of the three is there.
  return { kind: 'xml', xml: settings.metadata_xml ?? '' };
}

export function toSamlSettings(saml: Settings['saml']): SamlSettings {
  return {
    verifier: saml.verifier,
    workers: saml.workers,
    queueLimit: saml.queue_limit,
    verificationTimeoutMs: saml.verification_timeout_ms,
    clockSkewSeconds: saml.clock_skew_seconds,
    maxMessageAgeSeconds: saml.max_message_age_seconds,
    keyLifetimeSeconds: saml.key_lifetime_seconds,
    keyPublishBeforeSigningSeconds: saml.key_publish_before_signing_seconds,
    keyRetentionSeconds: saml.key_retention_seconds,
    postLogoutRedirectUris: saml.post_logout_redirect_uris,
  };
}

const usualAttributes: SamlAttributeNames = { subject: [], email: [], name: [], groups: [] };

/** What the development provider depends on. */
export interface DevelopmentPlace {
  readonly testIdpPort: number;
  readonly publicUrl: string;
  readonly callbackUrls: readonly string[];
  readonly fragmentDelivery: boolean;
}

/**
 * The SAML identity provider that development starts beside the server (D22), connected by its metadata like any other.
 * Its own mail domain is corp.test; idp.test is there for the one person whom it shares with `dev` (D63).
 */
export function developmentSamlProvider(place: DevelopmentPlace): SamlProviderConfig {
  const { testIdpPort, publicUrl, callbackUrls, fragmentDelivery } = place;
  const home = `${publicUrl}/`;
  return {
    type: 'saml',
    id: 'dev-saml',
    name: 'Test SAML IdP',
    icon: undefined,
    enabled: true,
    organization: 'default',
    linkByVerifiedEmailDomains: ['idp.test'],
    metadata: { kind: 'url', url: `http://localhost:${testIdpPort}/saml/metadata` },
    idpEntityId: undefined,
    holdNewKeys: false,
    entityId: defaultEntityId(publicUrl, 'dev-saml'),
    allowIdpInitiated: fragmentDelivery,
    idpInitiatedCallback: fragmentDelivery && callbackUrls.includes(home) ? home : undefined,
    signRequests: true,
    wantAssertionsSigned: false,
    wantEncryptedAssertions: false,
    legacyEncryption: false,
    forceAuthn: false,
    requestedAuthnContext: undefined,
    nameIdFormat: undefined,
    requestBinding: undefined,
    attributes: { ...usualAttributes, groups: ['groups'] },
    groupPrefixes: [],
    verifiedEmailDomains: ['corp.test', 'idp.test'],
  };
}
