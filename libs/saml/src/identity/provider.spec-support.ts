import type { SamlProviderConfig } from '@app/config';

/** A provider as the configuration makes it from its metadata alone, but for one verified domain. */
export function aProvider(parts: Partial<SamlProviderConfig> = {}): SamlProviderConfig {
  return {
    type: 'saml',
    id: 'corp',
    name: 'Corp',
    icon: undefined,
    enabled: true,
    organization: 'default',
    linkByVerifiedEmailDomains: [],
    metadata: { kind: 'url', url: 'https://idp.test/metadata' },
    idpEntityId: undefined,
    holdNewKeys: false,
    entityId: 'https://gate.test/saml/corp/metadata',
    allowIdpInitiated: false,
    idpInitiatedCallback: undefined,
    signRequests: true,
    wantAssertionsSigned: false,
    wantEncryptedAssertions: false,
    legacyEncryption: false,
    forceAuthn: false,
    requestedAuthnContext: undefined,
    nameIdFormat: undefined,
    requestBinding: undefined,
    attributes: { subject: [], email: [], name: [], groups: [] },
    groupPrefixes: [],
    verifiedEmailDomains: ['corp.test'],
    ...parts,
  };
}
