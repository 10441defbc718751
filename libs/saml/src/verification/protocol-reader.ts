import type { LogoutRequestFacts, LogoutResponseFacts, ResponseFacts } from '../message-facts.js';
import type { MessageHint } from '../saml-verifier.js';
import { issuerOf, nameIdsOf, type Decrypt } from './assertion-reader.js';
import { refuse } from './refused.js';
import { attributeOf, childOf, childrenOf, SAML, SAMLP, textOf, type XmlElement } from './xml-element.js';

/** Codes inside one another that are read; SAML uses two. */
const MOST_CODES = 8;

/** Everything of a Response but its assertion (core §3.2.2, §3.3.3). */
export function readResponse(response: XmlElement): Omit<ResponseFacts, 'signed' | 'assertion'> {
  return {
    id: attributeOf(response, 'ID'),
    version: attributeOf(response, 'Version'),
    issueInstant: attributeOf(response, 'IssueInstant'),
    issuer: issuerOf(response),
    destination: attributeOf(response, 'Destination'),
    inResponseTo: attributeOf(response, 'InResponseTo'),
    ...readStatus(response),
  };
}

/** Core §3.7.1. */
export function readLogoutRequest(request: XmlElement, decrypt: Decrypt): LogoutRequestFacts {
  return {
    kind: 'LogoutRequest',
    id: idOf(request),
    version: attributeOf(request, 'Version'),
    issueInstant: attributeOf(request, 'IssueInstant'),
    issuer: issuerOf(request),
    destination: attributeOf(request, 'Destination'),
    notOnOrAfter: attributeOf(request, 'NotOnOrAfter'),
    reason: attributeOf(request, 'Reason'),
    nameIds: nameIdsOf(request, decrypt),
    sessionIndexes: childrenOf(request, SAMLP, 'SessionIndex').map(textOf),
  };
}

/** Core §3.7.2: a StatusResponseType and nothing more. */
export function readLogoutResponse(response: XmlElement): LogoutResponseFacts {
  return {
    kind: 'LogoutResponse',
    id: idOf(response),
    version: attributeOf(response, 'Version'),
    issueInstant: attributeOf(response, 'IssueInstant'),
    issuer: issuerOf(response),
    destination: attributeOf(response, 'Destination'),
    inResponseTo: attributeOf(response, 'InResponseTo'),
    ...readStatus(response),
  };
}

/** A response need not name its issuer, but its assertion must (core §3.2.2, §2.3.3). */
export function readHint(message: XmlElement): MessageHint {
  const assertion = childOf(message, SAML, 'Assertion');
  return {
    issuer: issuerOf(message) ?? (assertion === undefined ? undefined : issuerOf(assertion)),
    inResponseTo: attributeOf(message, 'InResponseTo'),
  };
}

function idOf(message: XmlElement): string {
  const id = attributeOf(message, 'ID');
  return id === undefined || id === '' ? refuse('unique-ids', `an ID of the ${message.name}`, 'none') : id;
}

function readStatus(response: XmlElement): { statusCodes: string[]; statusMessage: string | undefined } {
  const status = childOf(response, SAMLP, 'Status');
  if (status === undefined) return { statusCodes: [], statusMessage: undefined };
  const statusCodes: string[] = [];
  let code = childOf(status, SAMLP, 'StatusCode');
  for (; code !== undefined && statusCodes.length < MOST_CODES; code = childOf(code, SAMLP, 'StatusCode')) {
    statusCodes.push(attributeOf(code, 'Value') ?? '');
  }
  const message = childOf(status, SAMLP, 'StatusMessage');
  return { statusCodes, statusMessage: message === undefined ? undefined : textOf(message) };
}
