import { attribute, element, instant, type Instant } from './saml-idp-xml.js';

export type MetadataBinding = 'redirect' | 'post' | 'soap' | 'artifact';

const BINDINGS: Record<MetadataBinding, string> = {
  redirect: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect',
  post: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST',
  soap: 'urn:oasis:names:tc:SAML:2.0:bindings:SOAP',
  artifact: 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact',
};

export interface MetadataParts {
  readonly ssoUrl: string;
  /** Absent: the IdP speaks no single logout. */
  readonly sloUrl?: string;
  readonly sloResponseUrl?: string;
  /** Default: redirect and post. */
  readonly bindings?: readonly MetadataBinding[];
  /** `use` of the KeyDescriptors; null leaves it out (then it is for both). Default: signing. */
  readonly use?: 'signing' | 'encryption' | null;
  readonly entityId?: string;
  /** Default: every key of the IdP. */
  readonly certificates?: readonly string[];
  readonly wantAuthnRequestsSigned?: boolean;
  readonly nameIdFormats?: readonly string[];
  readonly validUntil?: Instant;
  /** An xs:duration: `PT1H`. */
  readonly cacheDuration?: string;
}

const MD = 'urn:oasis:names:tc:SAML:2.0:metadata';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';

/** One EntityDescriptor with an IDPSSODescriptor. */
export function idpMetadataXml(parts: MetadataParts, entityId: string, certificates: readonly string[]): string {
  const bindings = parts.bindings ?? ['redirect', 'post'];
  const keys = (parts.certificates ?? certificates).map(
    (certificate) =>
      `<md:KeyDescriptor${attribute('use', parts.use === undefined ? 'signing' : parts.use)}><ds:KeyInfo xmlns:ds="${DSIG}">` +
      `<ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
  );
  const service = (name: string, url: string | undefined, answers?: string) =>
    url === undefined
      ? ''
      : bindings
          .map(
            (binding) =>
              `<md:${name}${attribute('Binding', BINDINGS[binding])}${attribute('Location', url)}${attribute('ResponseLocation', answers)}/>`,
          )
          .join('');
  return (
    `<md:EntityDescriptor xmlns:md="${MD}"${attribute('entityID', parts.entityId ?? entityId)}` +
    `${attribute('validUntil', instant(parts.validUntil))}${attribute('cacheDuration', parts.cacheDuration)}>` +
    `<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"` +
    `${attribute('WantAuthnRequestsSigned', parts.wantAuthnRequestsSigned === undefined ? null : String(parts.wantAuthnRequestsSigned))}>` +
    keys.join('') +
    service('SingleLogoutService', parts.sloUrl, parts.sloResponseUrl) +
    (parts.nameIdFormats ?? []).map((format) => element('md:NameIDFormat', format)).join('') +
    service('SingleSignOnService', parts.ssoUrl) +
    `</md:IDPSSODescriptor></md:EntityDescriptor>`
  );
}

/** Several entities in one document, as federations publish them. */
export function entitiesDescriptorXml(
  entities: readonly string[],
  options: { readonly validUntil?: Instant; readonly cacheDuration?: string } = {},
): string {
  return (
    `<md:EntitiesDescriptor xmlns:md="${MD}"${attribute('validUntil', instant(options.validUntil))}` +
    `${attribute('cacheDuration', options.cacheDuration)}>${entities.join('')}</md:EntitiesDescriptor>`
  );
}
