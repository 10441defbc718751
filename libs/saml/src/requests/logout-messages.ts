import { deflateRawSync } from 'node:zlib';
import { createSign } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import type { NameId } from '../message-facts.js';
import type { SamlBinding } from '../metadata/idp-description.js';

const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol';
const ASSERTION = 'urn:oasis:names:tc:SAML:2.0:assertion';
const STATUS = 'urn:oasis:names:tc:SAML:2.0:status';
const USER_LOGOUT = 'urn:oasis:names:tc:SAML:2.0:logout:user';
const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const EXCLUSIVE_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';

interface LogoutMessage {
  /** An NCName of at least 128 random bits. */
  readonly id: string;
  readonly issueInstant: Date;
  /** Our entityID at this provider. */
  readonly issuer: string;
  /** Where it is sent: the endpoint's location, or its responseLocation for an answer. */
  readonly destination: string;
}

/** Our request to the session authority (core §3.7.1). */
export interface LogoutRequestMessage extends LogoutMessage {
  readonly notOnOrAfter: Date;
  readonly nameId: NameId;
  /** Every SessionIndex of the session; none ends every session of the person there. */
  readonly sessionIndexes: readonly string[];
}

/** Our answer to its request (core §3.7.2). */
export interface LogoutResponseMessage extends LogoutMessage {
  readonly inResponseTo: string;
  /** `partial`: what was asked for did not all end here (core §3.2.2.2). */
  readonly outcome: 'complete' | 'partial';
}

/** What signs: RSA, PKCS #8 PEM; the certificate as base64 of DER. */
export interface MessageKey {
  readonly privateKey: string;
  readonly certificate: string;
}

/** A message ready for the browser: an address to send it to, or a form for it to post. */
export type OutgoingMessage =
  | { readonly binding: 'redirect'; readonly url: string }
  | { readonly binding: 'post'; readonly action: string; readonly fields: Readonly<Record<string, string>> };

/**
 * node-saml makes a LogoutRequest with one SessionIndex, no NotOnOrAfter and no POST binding, a LogoutResponse without
 * PartialLogout, and signs other bytes than it sends when RelayState holds one of `!'()~ `. So these are written here.
 */
export function logoutRequestXml(message: LogoutRequestMessage): string {
  const { nameId } = message;
  const qualifiers =
    attribute('Format', nameId.format) +
    attribute('NameQualifier', nameId.nameQualifier) +
    attribute('SPNameQualifier', nameId.spNameQualifier);
  return (
    `${opening('LogoutRequest', message)}` +
    `${attribute('NotOnOrAfter', message.notOnOrAfter.toISOString())}${attribute('Reason', USER_LOGOUT)}>` +
    `<saml:Issuer>${escapeText(message.issuer)}</saml:Issuer>` +
    `<saml:NameID${qualifiers}>${escapeText(nameId.value)}</saml:NameID>` +
    message.sessionIndexes.map((index) => `<samlp:SessionIndex>${escapeText(index)}</samlp:SessionIndex>`).join('') +
    `</samlp:LogoutRequest>`
  );
}

/** The XML of our answer, unsigned. */
export function logoutResponseXml(message: LogoutResponseMessage): string {
  const status =
    message.outcome === 'complete'
      ? `<samlp:StatusCode Value="${STATUS}:Success"/>`
      : `<samlp:StatusCode Value="${STATUS}:Responder"><samlp:StatusCode Value="${STATUS}:PartialLogout"/></samlp:StatusCode>`;
  return (
    `${opening('LogoutResponse', message)}${attribute('InResponseTo', message.inResponseTo)}>` +
    `<saml:Issuer>${escapeText(message.issuer)}</saml:Issuer><samlp:Status>${status}</samlp:Status></samlp:LogoutResponse>`
  );
}

/**
 * Signs a message and encodes it for its binding: over Redirect the signature is of the query (bindings §3.4.4.1), over
 * POST it is inside the XML, after the Issuer (§3.5.4).
 * @param relayState given back as it came; undefined where there was none.
 */
export function encodeLogoutMessage(
  binding: SamlBinding,
  parameter: 'SAMLRequest' | 'SAMLResponse',
  xml: string,
  destination: string,
  relayState: string | undefined,
  key: MessageKey,
): OutgoingMessage {
  if (binding === 'redirect') return { binding, url: redirectUrl(parameter, xml, destination, relayState, key) };
  const encoded = Buffer.from(signedXml(xml, key)).toString('base64');
  const fields = { [parameter]: encoded, ...(relayState === undefined ? {} : { RelayState: relayState }) };
  return { binding, action: destination, fields };
}

/** The signed string is the sent string: built once, so that no two encoders can differ about a character. */
function redirectUrl(
  parameter: string,
  xml: string,
  destination: string,
  relayState: string | undefined,
  key: MessageKey,
): string {
  const message = deflateRawSync(xml).toString('base64');
  const relay = relayState === undefined ? '' : `&RelayState=${encodeURIComponent(relayState)}`;
  const query = `${parameter}=${encodeURIComponent(message)}${relay}&SigAlg=${encodeURIComponent(RSA_SHA256)}`;
  const signature = createSign('sha256').update(query).sign(key.privateKey, 'base64');
  const separator = destination.includes('?') ? '&' : '?';
  return `${destination}${separator}${query}&Signature=${encodeURIComponent(signature)}`;
}

function signedXml(xml: string, key: MessageKey): string {
  const signer = new SignedXml({
    privateKey: key.privateKey,
    publicCert: `-----BEGIN CERTIFICATE-----\n${key.certificate}\n-----END CERTIFICATE-----`,
    signatureAlgorithm: RSA_SHA256,
    canonicalizationAlgorithm: EXCLUSIVE_C14N,
  });
  signer.addReference({ xpath: '/*', transforms: [ENVELOPED, EXCLUSIVE_C14N], digestAlgorithm: SHA256 });
  signer.computeSignature(xml, { prefix: 'ds', location: { reference: '/*/*[1]', action: 'after' } });
  return signer.getSignedXml();
}

function opening(name: string, message: LogoutMessage): string {
  return (
    `<samlp:${name} xmlns:samlp="${PROTOCOL}" xmlns:saml="${ASSERTION}"${attribute('ID', message.id)} Version="2.0"` +
    `${attribute('IssueInstant', message.issueInstant.toISOString())}${attribute('Destination', message.destination)}`
  );
}

function attribute(name: string, value: string | undefined): string {
  return value === undefined ? '' : ` ${name}="${escapeAttribute(value)}"`;
}

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
};

function escapeText(text: string): string {
  return text.replaceAll(/[&<>\r]/g, (character) => REFERENCES[character] ?? character);
}

/** White space too: a parser would turn it into spaces (XML 1.0 §3.3.3), and a NameID's qualifier is compared by bytes. */
function escapeAttribute(text: string): string {
  return text.replaceAll(/[&<>"\t\n\r]/g, (character) => REFERENCES[character] ?? character);
}
