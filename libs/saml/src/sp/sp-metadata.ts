import { createHash } from 'node:crypto';
import type { SamlProviderConfig } from '@app/config';
import type { PublishedCertificate } from './saml-keys.js';

/** What our metadata for one IdP is made of. */
export interface ServiceProviderFacts {
  readonly publicUrl: string;
  readonly certificates: readonly PublishedCertificate[];
  /** How long an IdP may keep it before it looks again. */
  readonly cacheSeconds: number;
}

const METADATA = 'urn:oasis:names:tc:SAML:2.0:metadata';
const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol';
const REDIRECT = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
const POST = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';

/** What we decrypt, best first (D53). Key transport stands beside content encryption, as metadata §2.4.1.1 has it. */
const ENCRYPTION_METHODS = ['http://www.w3.org/2009/xmlenc11#aes256-gcm', 'http://www.w3.org/2009/xmlenc11#aes128-gcm'];
const LEGACY_ENCRYPTION_METHODS = [
  'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
  'http://www.w3.org/2001/04/xmlenc#aes128-cbc',
];
const KEY_TRANSPORT = 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p';

/** The two addresses that every IdP sends to (D23). */
export function assertionConsumerUrl(publicUrl: string): string {
  return `${publicUrl}/saml/acs`;
}

export function singleLogoutUrl(publicUrl: string): string {
  return `${publicUrl}/saml/slo`;
}

/**
 * Our metadata as one IdP sees it (D24): EntityDescriptor with an SPSSODescriptor, its parts in the order of the schema
 * (saml-schema-metadata-2.0.xsd). Both certificates are there during a rollover; the one that signs comes first, because
 * many IdPs take the first. A certificate that signs no more is listed for signing only: who would begin to encrypt to
 * it now would do so for longer than we decrypt. No `validUntil`, because many IdPs keep a copy by hand, and logins
 * would end with it.
 */
export function serviceProviderMetadata(provider: SamlProviderConfig, facts: ServiceProviderFacts): string {
  const { publicUrl, certificates, cacheSeconds } = facts;
  const slo = singleLogoutUrl(publicUrl);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<md:EntityDescriptor xmlns:md="${METADATA}" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" ` +
      `entityID="${escapeXml(provider.entityId)}" cacheDuration="PT${Math.floor(cacheSeconds)}S">`,
    `  <md:SPSSODescriptor AuthnRequestsSigned="${provider.signRequests}" ` +
      `WantAssertionsSigned="${provider.wantAssertionsSigned}" protocolSupportEnumeration="${PROTOCOL}">`,
    ...certificates.map((one) => keyDescriptor('signing', one.certificate, [])),
    ...certificates
      .filter((one) => one.role !== 'previous')
      .map((one) => keyDescriptor('encryption', one.certificate, encryptionMethods(provider))),
    `    <md:SingleLogoutService Binding="${REDIRECT}" Location="${escapeXml(slo)}"/>`,
    `    <md:SingleLogoutService Binding="${POST}" Location="${escapeXml(slo)}"/>`,
    ...(provider.nameIdFormat === undefined
      ? []
      : [`    <md:NameIDFormat>${escapeXml(provider.nameIdFormat)}</md:NameIDFormat>`]),
    `    <md:AssertionConsumerService Binding="${POST}" Location="${escapeXml(assertionConsumerUrl(publicUrl))}" ` +
      'index="0" isDefault="true"/>',
    '  </md:SPSSODescriptor>',
    '</md:EntityDescriptor>',
  ];
  return `${lines.join('\n')}\n`;
}

/** A strong entity tag (RFC 9110 §8.8.3). */
export function entityTag(document: string): string {
  return `"${createHash('sha256').update(document).digest('base64url').slice(0, 22)}"`;
}

function encryptionMethods({ legacyEncryption }: SamlProviderConfig): string[] {
  return [...ENCRYPTION_METHODS, ...(legacyEncryption ? LEGACY_ENCRYPTION_METHODS : []), KEY_TRANSPORT];
}

function keyDescriptor(use: 'signing' | 'encryption', certificate: string, methods: readonly string[]): string {
  return [
    `    <md:KeyDescriptor use="${use}">`,
    '      <ds:KeyInfo>',
    '        <ds:X509Data>',
    `          <ds:X509Certificate>${certificate}</ds:X509Certificate>`,
    '        </ds:X509Data>',
    '      </ds:KeyInfo>',
    ...methods.map((method) => `      <md:EncryptionMethod Algorithm="${method}"/>`),
    '    </md:KeyDescriptor>',
  ].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
