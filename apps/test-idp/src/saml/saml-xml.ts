import { createHash, randomUUID } from 'node:crypto';
import type { Person } from '../people.js';
import type { IdpSession } from './saml-sessions.js';

/** A message before it is signed. */
export interface UnsignedMessage {
  readonly id: string;
  readonly context: string;
}

/** Between whom a message goes. */
export interface Parties {
  /** Our entityID. */
  readonly identityProvider: string;
  /** Theirs. */
  readonly serviceProvider: string;
  /** The address that the message is sent to. */
  readonly destination: string;
}

const PROTOCOL = 'urn:oasis:names:tc:SAML:2.0:protocol';
const ASSERTION = 'urn:oasis:names:tc:SAML:2.0:assertion';
const URI_NAMES = 'urn:oasis:names:tc:SAML:2.0:attrname-format:uri';
const STATUS = 'urn:oasis:names:tc:SAML:2.0:status:';
export const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
export const REDIRECT_BINDING = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
export const POST_BINDING = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';

const MINUTE = 60_000;
const SESSION = 8 * 60 * MINUTE;

const newId = (): string => `_${randomUUID()}`;

export function escapeXml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A persistent identifier is opaque, always the same for one person and service, and another one elsewhere (core §8.3.7). */
export function persistentNameId(person: Person, serviceProvider: string): string {
  return createHash('sha256').update(`${serviceProvider}\n${person.subject}`).digest('base64url');
}

function nameIdElement(person: Person, { identityProvider, serviceProvider }: Parties): string {
  return `<saml:NameID Format="${PERSISTENT}" NameQualifier="${escapeXml(identityProvider)}" SPNameQualifier="${escapeXml(serviceProvider)}">${persistentNameId(person, serviceProvider)}</saml:NameID>`;
}

/** The attributes of a message's first element, up to what only some kinds have. */
const envelope = (id: string, now: Date, destination: string): string =>
  `xmlns:samlp="${PROTOCOL}" xmlns:saml="${ASSERTION}" ID="${id}" Version="2.0" IssueInstant="${now.toISOString()}" ` +
  `Destination="${escapeXml(destination)}"`;

const issuerElement = ({ identityProvider }: Parties): string =>
  `<saml:Issuer>${escapeXml(identityProvider)}</saml:Issuer>`;

const inResponseToAttribute = (id: string | undefined): string =>
  id === undefined ? '' : ` InResponseTo="${escapeXml(id)}"`;

/** Formal name and friendly name of each attribute, with its values. */
function attributeStatement(person: Person): string {
  const attributes: readonly (readonly [name: string, friendlyName: string, values: readonly string[]])[] = [
    ['urn:oid:0.9.2342.19200300.100.1.3', 'email', [person.login]],
    ['urn:oid:2.16.840.1.113730.3.1.241', 'displayName', [person.name]],
    ['urn:oid:1.3.6.1.4.1.5923.1.5.1.1', 'groups', person.groups],
  ];
  const elements = attributes
    .filter(([, , values]) => values.length > 0)
    .map(([name, friendlyName, values]) => {
      const texts = values.map((value) => `<saml:AttributeValue>${escapeXml(value)}</saml:AttributeValue>`);
      return `<saml:Attribute Name="${name}" NameFormat="${URI_NAMES}" FriendlyName="${friendlyName}">${texts.join('')}</saml:Attribute>`;
    });
  return `<saml:AttributeStatement>${elements.join('')}</saml:AttributeStatement>`;
}

/**
 * A Response with one assertion about who is signed in (profiles §4.1.4.2).
 *
 * @param inResponseTo id of the AuthnRequest; undefined: nobody asked (an IdP-initiated login)
 */
export function loginResponse(
  session: IdpSession,
  parties: Parties,
  inResponseTo: string | undefined,
  now: Date,
): UnsignedMessage {
  const id = newId();
  const { destination, serviceProvider } = parties;
  const until = new Date(now.getTime() + 5 * MINUTE).toISOString();
  const sessionUntil = new Date(session.authenticatedAt.getTime() + SESSION).toISOString();
  const instant = now.toISOString();
  const context =
    `<samlp:Response ${envelope(id, now, destination)}${inResponseToAttribute(inResponseTo)}>${issuerElement(parties)}` +
    `<samlp:Status><samlp:StatusCode Value="${STATUS}Success"/></samlp:Status>` +
    `<saml:Assertion ID="${newId()}" Version="2.0" IssueInstant="${instant}">${issuerElement(parties)}` +
    `<saml:Subject>${nameIdElement(session.person, parties)}` +
    `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData ` +
    `NotOnOrAfter="${until}" Recipient="${escapeXml(destination)}"${inResponseToAttribute(inResponseTo)}/>` +
    `</saml:SubjectConfirmation></saml:Subject>` +
    `<saml:Conditions NotBefore="${instant}" NotOnOrAfter="${until}"><saml:AudienceRestriction>` +
    `<saml:Audience>${escapeXml(serviceProvider)}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
    `<saml:AuthnStatement AuthnInstant="${session.authenticatedAt.toISOString()}" ` +
    `SessionIndex="${session.sessionIndex}" SessionNotOnOrAfter="${sessionUntil}"><saml:AuthnContext>` +
    `<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified</saml:AuthnContextClassRef>` +
    `</saml:AuthnContext></saml:AuthnStatement>${attributeStatement(session.person)}</saml:Assertion></samlp:Response>`;
  return { id, context };
}

/** Why nobody is signed in: the person did not want to, or could not be asked (core §3.2.2.2). */
export type Refusal = 'AuthnFailed' | 'NoPassive';

export function refusalResponse(refusal: Refusal, parties: Parties, inResponseTo: string, now: Date): UnsignedMessage {
  const id = newId();
  const context =
    `<samlp:Response ${envelope(id, now, parties.destination)}${inResponseToAttribute(inResponseTo)}>` +
    `${issuerElement(parties)}<samlp:Status><samlp:StatusCode Value="${STATUS}Responder">` +
    `<samlp:StatusCode Value="${STATUS}${refusal}"/></samlp:StatusCode></samlp:Status></samlp:Response>`;
  return { id, context };
}

export function logoutRequest(session: IdpSession, parties: Parties, now: Date): UnsignedMessage {
  const id = newId();
  const until = new Date(now.getTime() + 5 * MINUTE).toISOString();
  const context =
    `<samlp:LogoutRequest ${envelope(id, now, parties.destination)} NotOnOrAfter="${until}" ` +
    `Reason="urn:oasis:names:tc:SAML:2.0:logout:user">${issuerElement(parties)}` +
    `${nameIdElement(session.person, parties)}<samlp:SessionIndex>${session.sessionIndex}</samlp:SessionIndex>` +
    `</samlp:LogoutRequest>`;
  return { id, context };
}

export function logoutResponse(parties: Parties, inResponseTo: string, now: Date): UnsignedMessage {
  const id = newId();
  const context =
    `<samlp:LogoutResponse ${envelope(id, now, parties.destination)}${inResponseToAttribute(inResponseTo)}>` +
    `${issuerElement(parties)}<samlp:Status><samlp:StatusCode Value="${STATUS}Success"/></samlp:Status>` +
    `</samlp:LogoutResponse>`;
  return { id, context };
}

/** Our own metadata; `certificate` is base64 of DER. The order of elements is the schema's (metadata §2.4.3). */
export function identityProviderMetadata(issuer: string, certificate: string): string {
  const base = escapeXml(issuer);
  const endpoints = (element: string, path: string): string =>
    [REDIRECT_BINDING, POST_BINDING]
      .map((binding) => `<md:${element} Binding="${binding}" Location="${base}${path}"/>`)
      .join('\n    ');
  return `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="${base}/saml/metadata" cacheDuration="PT1H">
  <md:IDPSSODescriptor WantAuthnRequestsSigned="true" protocolSupportEnumeration="${PROTOCOL}">
    <md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    ${endpoints('SingleLogoutService', '/saml/slo')}
    <md:NameIDFormat>${PERSISTENT}</md:NameIDFormat>
    ${endpoints('SingleSignOnService', '/saml/sso')}
  </md:IDPSSODescriptor>
</md:EntityDescriptor>
`;
}
