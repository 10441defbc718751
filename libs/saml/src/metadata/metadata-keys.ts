import { X509Certificate } from 'node:crypto';
import { quoteFound } from '../verdict.js';
import {
  attributeOf,
  childOf,
  childrenOf,
  DSIG,
  METADATA,
  textOf,
  type XmlElement,
} from '../verification/xml-element.js';
import type { IdpDescription } from './idp-description.js';
import { MetadataError } from './metadata-error.js';

type Keys = Pick<IdpDescription, 'signingCertificates' | 'encryptionCertificates'>;

/**
 * The certificates of a role, by use. A KeyDescriptor without `use` is for both (metadata §2.4.1.1; R8: taking it for
 * none switched another product's signature check off).
 * @throws MetadataError for a certificate that is none, or a `use` that SAML does not know.
 */
export function readKeys(role: XmlElement): Keys {
  const signing = new Set<string>();
  const encryption = new Set<string>();
  for (const descriptor of childrenOf(role, METADATA, 'KeyDescriptor')) {
    const use = attributeOf(descriptor, 'use');
    if (use !== undefined && use !== 'signing' && use !== 'encryption') {
      throw new MetadataError(`a KeyDescriptor has use=${quoteFound(use)}, which is neither signing nor encryption`);
    }
    for (const certificate of certificatesOf(descriptor)) {
      if (use !== 'encryption') signing.add(certificate);
      if (use !== 'signing') encryption.add(certificate);
    }
  }
  return { signingCertificates: [...signing], encryptionCertificates: [...encryption] };
}

function certificatesOf(descriptor: XmlElement): string[] {
  const keyInfo = childOf(descriptor, DSIG, 'KeyInfo');
  if (keyInfo === undefined) return [];
  return childrenOf(keyInfo, DSIG, 'X509Data').flatMap((data) =>
    withoutIssuers(childrenOf(data, DSIG, 'X509Certificate').map((element) => parseCertificate(textOf(element)))),
  );
}

interface Parsed {
  readonly base64: string;
  readonly certificate: X509Certificate;
}

function parseCertificate(text: string): Parsed {
  const base64 = text.replaceAll(/[\t\n\r ]+/g, '');
  const der = Buffer.from(base64, 'base64');
  if (der.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, '') || der.length === 0) {
    throw new MetadataError(`an X509Certificate is not base64: ${quoteFound(base64.slice(0, 60))}`);
  }
  try {
    return { base64: der.toString('base64'), certificate: new X509Certificate(der) };
  } catch {
    throw new MetadataError(`an X509Certificate cannot be parsed: ${quoteFound(base64.slice(0, 60))}`);
  }
}

/**
 * One X509Data is about one key (XMLDSig §4.4.4): with its certificate may come those that issued it, and a certificate
 * authority's key is none that may sign for this IdP. Only what has issued a certificate that is not self-signed goes, so
 * that old and new self-signed ones of the same name stay.
 */
function withoutIssuers(chain: readonly Parsed[]): string[] {
  const issued = chain.filter(({ certificate }) => !isSignedBy(certificate, certificate));
  const isIssuer = (one: Parsed) =>
    issued.some((other) => other !== one && isSignedBy(other.certificate, one.certificate));
  return chain.filter((one) => !isIssuer(one)).map(({ base64 }) => base64);
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
