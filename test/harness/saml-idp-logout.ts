import { deflateRawSync } from 'node:zlib';
import type { IdpKey } from './saml-idp-keys.js';
import { defaultSignatureName, rawSignature, signatureUri, type SignatureName } from './saml-idp-signature.js';
import {
  after,
  attribute,
  element,
  instant,
  nameIdXml,
  SAML,
  SAMLP,
  statusXml,
  SUCCESS,
  type Instant,
  type NameIdParts,
} from './saml-idp-xml.js';

interface LogoutParts {
  readonly now: Date;
  /** Our single logout service. */
  readonly destination: string | null;
  readonly id?: string | null;
  readonly version?: string | null;
  readonly issueInstant?: Instant | null;
  readonly issuer?: string | null;
}

export interface LogoutRequestParts extends LogoutParts {
  readonly nameId: string | NameIdParts | readonly NameIdParts[] | null;
  readonly sessionIndexes?: readonly string[];
  /** Default: five minutes after `now`; null: absent. */
  readonly notOnOrAfter?: Instant | null;
  readonly reason?: string;
}

export interface LogoutResponseParts extends LogoutParts {
  readonly inResponseTo: string | null;
  /** Codes from the outside in. */
  readonly status?: readonly string[] | null;
  readonly statusMessage?: string;
}

export interface RedirectOptions {
  readonly key?: IdpKey;
  readonly algorithm?: SignatureName;
  readonly relayState?: string;
  /** `none`: neither SigAlg nor Signature. */
  readonly sign?: 'query' | 'none';
  /** Edits the XML before it is deflated, and the text that is signed, and the whole query afterwards. */
  readonly edit?: {
    readonly xml?: (xml: string) => string;
    readonly signedText?: (query: string) => string;
    readonly query?: (query: string) => string;
  };
}

export function logoutRequestXml(parts: LogoutRequestParts, id: string, entityId: string): string {
  const list = parts.nameId === null ? [] : Array.isArray(parts.nameId) ? parts.nameId : [parts.nameId];
  const notOnOrAfter = parts.notOnOrAfter === undefined ? after(parts.now, 300) : parts.notOnOrAfter;
  return (
    `<samlp:LogoutRequest ${common(parts, id)}${attribute('NotOnOrAfter', instant(notOnOrAfter))}` +
    `${attribute('Reason', parts.reason)}>${issuer(parts, entityId)}` +
    (list as readonly (string | NameIdParts)[]).map(nameIdXml).join('') +
    (parts.sessionIndexes ?? []).map((index) => element('samlp:SessionIndex', index)).join('') +
    `</samlp:LogoutRequest>`
  );
}

export function logoutResponseXml(parts: LogoutResponseParts, id: string, entityId: string): string {
  const status = parts.status === undefined ? [SUCCESS] : parts.status;
  return (
    `<samlp:LogoutResponse ${common(parts, id)}${attribute('InResponseTo', parts.inResponseTo)}>` +
    `${issuer(parts, entityId)}${statusXml(status, parts.statusMessage)}</samlp:LogoutResponse>`
  );
}

/** The query of the Redirect binding, without `?`; the signature is over these very bytes (bindings §3.4.4.1). */
export function redirectQuery(
  parameter: 'SAMLRequest' | 'SAMLResponse',
  xml: string,
  key: IdpKey,
  options: RedirectOptions = {},
): string {
  const signingKey = options.key ?? key;
  const message = deflateRawSync(options.edit?.xml?.(xml) ?? xml).toString('base64');
  let query = `${parameter}=${encodeURIComponent(message)}`;
  if (options.relayState !== undefined) query += `&RelayState=${encodeURIComponent(options.relayState)}`;
  if (options.sign !== 'none') {
    const algorithm = options.algorithm ?? defaultSignatureName(signingKey);
    query += `&SigAlg=${encodeURIComponent(signatureUri(algorithm))}`;
    query = options.edit?.signedText?.(query) ?? query;
    const signature = rawSignature(algorithm, signingKey.privateKey, query).toString('base64');
    query += `&Signature=${encodeURIComponent(signature)}`;
  }
  return options.edit?.query?.(query) ?? query;
}

function common(parts: LogoutParts, id: string): string {
  return (
    `xmlns:samlp="${SAMLP}" xmlns:saml="${SAML}"${attribute('ID', parts.id === undefined ? id : parts.id)}` +
    attribute('Version', parts.version === undefined ? '2.0' : parts.version) +
    attribute('IssueInstant', instant(parts.issueInstant === undefined ? parts.now : parts.issueInstant)) +
    attribute('Destination', parts.destination)
  );
}

function issuer(parts: LogoutParts, entityId: string): string {
  return element('saml:Issuer', parts.issuer === undefined ? entityId : parts.issuer);
}
