import type {
  AssertionFacts,
  Attribute,
  AuthnStatement,
  Conditions,
  NameId,
  SubjectConfirmation,
} from '../message-facts.js';
import { refuse } from './refused.js';
import {
  attributeOf,
  childOf,
  childrenOf,
  contentOf,
  elementsOf,
  isElement,
  SAML,
  textOf,
  trimmedTextOf,
  type XmlElement,
} from './xml-element.js';
import { readXml } from './xml-document.js';

/** Opens an EncryptedID or EncryptedAttribute: gives the XML inside, which has passed the guard. */
export type Decrypt = (container: XmlElement) => string;

const KNOWN_CONDITIONS = new Set(['AudienceRestriction', 'OneTimeUse', 'ProxyRestriction']);

/**
 * What an assertion says (core §2.3 to §2.7). `assertion` must come from octets that a signature covered; what of it is
 * valid is judged elsewhere. Nothing is left out silently that could narrow its meaning.
 */
export function readAssertion(
  assertion: XmlElement,
  by: { readonly signed: boolean; readonly encrypted: boolean; readonly decrypt: Decrypt },
): AssertionFacts {
  const id = attributeOf(assertion, 'ID');
  if (id === undefined || id === '') return refuse('unique-ids', 'an ID of the Assertion', 'none');
  const subject = childOf(assertion, SAML, 'Subject');
  const conditions = childOf(assertion, SAML, 'Conditions');
  return {
    id,
    version: attributeOf(assertion, 'Version'),
    issueInstant: attributeOf(assertion, 'IssueInstant'),
    issuer: issuerOf(assertion),
    signed: by.signed,
    encrypted: by.encrypted,
    nameIds: subject === undefined ? [] : nameIdsOf(subject, by.decrypt),
    confirmations: subject === undefined ? [] : childrenOf(subject, SAML, 'SubjectConfirmation').map(readConfirmation),
    conditions: conditions === undefined ? undefined : readConditions(conditions),
    authnStatements: childrenOf(assertion, SAML, 'AuthnStatement').map(readAuthnStatement),
    attributes: childrenOf(assertion, SAML, 'AttributeStatement').flatMap((statement) =>
      readAttributes(statement, by.decrypt),
    ),
  };
}

export function issuerOf(message: XmlElement): string | undefined {
  const issuer = childOf(message, SAML, 'Issuer');
  return issuer === undefined ? undefined : textOf(issuer);
}

/** NameID and EncryptedID of a Subject or a LogoutRequest, in their order; the caller wants exactly one. */
export function nameIdsOf(parent: XmlElement, decrypt: Decrypt): NameId[] {
  return elementsOf(parent).flatMap((child) => {
    if (isElement(child, SAML, 'NameID')) return [readNameId(child)];
    if (isElement(child, SAML, 'BaseID')) return refuse('name-id', 'a NameID', 'a BaseID');
    if (!isElement(child, SAML, 'EncryptedID')) return [];
    const inside = readXml(decrypt(child));
    if (!isElement(inside, SAML, 'NameID')) refuse('name-id', 'a NameID in the EncryptedID', 'another element');
    return [readNameId(inside)];
  });
}

/** Its text to the last character: white space, case and all are part of the identity (D46). */
function readNameId(nameId: XmlElement): NameId {
  return {
    format: attributeOf(nameId, 'Format'),
    nameQualifier: attributeOf(nameId, 'NameQualifier'),
    spNameQualifier: attributeOf(nameId, 'SPNameQualifier'),
    value: textOf(nameId),
  };
}

function readConfirmation(confirmation: XmlElement): SubjectConfirmation {
  const data = childOf(confirmation, SAML, 'SubjectConfirmationData');
  const of = (name: string) => (data === undefined ? undefined : attributeOf(data, name));
  return {
    method: attributeOf(confirmation, 'Method'),
    recipient: of('Recipient'),
    inResponseTo: of('InResponseTo'),
    notBefore: of('NotBefore'),
    notOnOrAfter: of('NotOnOrAfter'),
  };
}

function readConditions(conditions: XmlElement): Conditions {
  const all = elementsOf(conditions);
  return {
    notBefore: attributeOf(conditions, 'NotBefore'),
    notOnOrAfter: attributeOf(conditions, 'NotOnOrAfter'),
    audienceRestrictions: childrenOf(conditions, SAML, 'AudienceRestriction').map((restriction) =>
      childrenOf(restriction, SAML, 'Audience').map(trimmedTextOf),
    ),
    oneTimeUse: childrenOf(conditions, SAML, 'OneTimeUse').length > 0,
    unknown: all
      .filter((child) => child.namespaceUri !== SAML || !KNOWN_CONDITIONS.has(child.name))
      .map((child) => child.name),
  };
}

function readAuthnStatement(statement: XmlElement): AuthnStatement {
  const context = childOf(statement, SAML, 'AuthnContext');
  const classRef = context === undefined ? undefined : childOf(context, SAML, 'AuthnContextClassRef');
  return {
    authnInstant: attributeOf(statement, 'AuthnInstant'),
    sessionIndex: attributeOf(statement, 'SessionIndex'),
    sessionNotOnOrAfter: attributeOf(statement, 'SessionNotOnOrAfter'),
    authnContextClassRef: classRef === undefined ? undefined : trimmedTextOf(classRef),
  };
}

/** A list, never an object: an attribute may be called `__proto__`. */
function readAttributes(statement: XmlElement, decrypt: Decrypt): Attribute[] {
  return elementsOf(statement).flatMap((child) => {
    if (isElement(child, SAML, 'Attribute')) return [readAttribute(child)];
    if (!isElement(child, SAML, 'EncryptedAttribute')) return [];
    const inside = readXml(decrypt(child));
    return isElement(inside, SAML, 'Attribute') ? [readAttribute(inside)] : [];
  });
}

function readAttribute(attribute: XmlElement): Attribute {
  return {
    name: attributeOf(attribute, 'Name') ?? '',
    friendlyName: attributeOf(attribute, 'FriendlyName'),
    nameFormat: attributeOf(attribute, 'NameFormat'),
    values: childrenOf(attribute, SAML, 'AttributeValue').map(readValue),
  };
}

/** Any XML may be in a value (core §2.7.3.1.1); of what holds elements we know only eduPersonTargetedID's NameID. */
function readValue(value: XmlElement): string {
  const nameId = childOf(value, SAML, 'NameID');
  return nameId === undefined ? contentOf(value) : textOf(nameId);
}
