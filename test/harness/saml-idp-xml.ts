/** Text of SAML messages, from parts. `null` leaves a part out; undefined takes the usual value. Nothing is signed here. */

export const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';
export const SAMLP = 'urn:oasis:names:tc:SAML:2.0:protocol';
export const SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success';
export const BEARER = 'urn:oasis:names:tc:SAML:2.0:cm:bearer';
export const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
export const TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';
export const EMAIL = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
export const UNSPECIFIED = 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified';

export type Instant = Date | string;

export interface NameIdParts {
  readonly value: string;
  /** Default: persistent. */
  readonly format?: string | null;
  readonly nameQualifier?: string;
  readonly spNameQualifier?: string;
}

export interface ConfirmationParts {
  readonly method?: string;
  readonly recipient?: string | null;
  readonly inResponseTo?: string | null;
  readonly notBefore?: Instant;
  readonly notOnOrAfter?: Instant | null;
}

export interface AuthnParts {
  readonly authnInstant?: Instant | null;
  readonly sessionIndex?: string | null;
  readonly sessionNotOnOrAfter?: Instant;
  readonly authnContextClassRef?: string | null;
}

export interface AttributeParts {
  readonly name: string;
  readonly values: readonly string[];
  readonly friendlyName?: string;
  readonly nameFormat?: string;
}

export interface AssertionParts {
  readonly id?: string | null;
  readonly version?: string | null;
  readonly issueInstant?: Instant | null;
  readonly issuer?: string | null;
  /** A string is a persistent NameID of that value. Several: for what must be refused. */
  readonly nameId?: string | NameIdParts | readonly NameIdParts[] | null;
  /** null or []: none. */
  readonly confirmations?: readonly ConfirmationParts[] | null;
  readonly conditions?: null | {
    readonly notBefore?: Instant | null;
    readonly notOnOrAfter?: Instant | null;
    /** One list for each AudienceRestriction; default: one with `audience`. */
    readonly audiences?: readonly (readonly string[])[];
    /** More conditions, XML. */
    readonly extra?: string;
  };
  readonly authn?: AuthnParts | null;
  /** Values by Name, or full parts. */
  readonly attributes?: Readonly<Record<string, string | readonly string[]>> | readonly AttributeParts[];
}

export interface ResponseParts {
  readonly now: Date;
  /** Our assertion consumer service: Destination and Recipient unless these are given. */
  readonly acsUrl: string;
  /** Our entity id at this IdP. */
  readonly audience: string;
  /** In Response and SubjectConfirmationData, unless given there; undefined: unsolicited. */
  readonly inResponseTo?: string;
  readonly response?: {
    readonly id?: string | null;
    readonly version?: string | null;
    readonly issueInstant?: Instant | null;
    readonly issuer?: string | null;
    readonly destination?: string | null;
    readonly inResponseTo?: string | null;
    /** Codes from the outside in; null: no Status. */
    readonly status?: readonly string[] | null;
    readonly statusMessage?: string;
  };
  /** null: a response without assertion (with a status that says why). */
  readonly assertion?: AssertionParts | null;
}

export interface Ids {
  readonly entityId: string;
  readonly responseId: string;
  readonly assertionId: string;
}

export function escapeXml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' };
  return text.replace(/[&<>"\r]/g, (character) => entities[character] ?? character);
}

export function attribute(name: string, value: string | null | undefined): string {
  return value === null || value === undefined ? '' : ` ${name}="${escapeXml(value)}"`;
}

export function element(name: string, text: string | null | undefined, attributes = ''): string {
  return text === null || text === undefined ? '' : `<${name}${attributes}>${escapeXml(text)}</${name}>`;
}

export function instant(value: Instant | null | undefined): string | null | undefined {
  return value instanceof Date ? value.toISOString() : value;
}

export function after(now: Date, seconds: number): Date {
  return new Date(now.getTime() + seconds * 1000);
}

/** @returns the Response around `assertionXml`, which is put in as it is */
export function responseXml(parts: ResponseParts, ids: Ids, assertionXml: string): string {
  const own = parts.response ?? {};
  return (
    `<samlp:Response xmlns:samlp="${SAMLP}" xmlns:saml="${SAML}"${attribute('ID', own.id === undefined ? ids.responseId : own.id)}` +
    attribute('Version', own.version === undefined ? '2.0' : own.version) +
    attribute('IssueInstant', instant(own.issueInstant === undefined ? parts.now : own.issueInstant)) +
    attribute('Destination', own.destination === undefined ? parts.acsUrl : own.destination) +
    attribute('InResponseTo', own.inResponseTo === undefined ? parts.inResponseTo : own.inResponseTo) +
    `>${element('saml:Issuer', own.issuer === undefined ? ids.entityId : own.issuer)}` +
    `${statusXml(own.status === undefined ? [SUCCESS] : own.status, own.statusMessage)}${assertionXml}</samlp:Response>`
  );
}

export function statusXml(codes: readonly string[] | null, message?: string): string {
  if (codes === null) return '';
  const nested = codes.reduceRight((inner, code) => {
    const value = attribute('Value', code);
    return inner === '' ? `<samlp:StatusCode${value}/>` : `<samlp:StatusCode${value}>${inner}</samlp:StatusCode>`;
  }, '');
  return `<samlp:Status>${nested}${element('samlp:StatusMessage', message)}</samlp:Status>`;
}

export function assertionXml(parts: ResponseParts, ids: Ids): string {
  const own = parts.assertion ?? {};
  return (
    `<saml:Assertion xmlns:saml="${SAML}"${attribute('ID', own.id === undefined ? ids.assertionId : own.id)}` +
    attribute('Version', own.version === undefined ? '2.0' : own.version) +
    attribute('IssueInstant', instant(own.issueInstant === undefined ? parts.now : own.issueInstant)) +
    `>${element('saml:Issuer', own.issuer === undefined ? ids.entityId : own.issuer)}` +
    subjectXml(parts, own) +
    conditionsXml(parts, own) +
    authnXml(parts, own.authn) +
    attributesXml(own.attributes) +
    `</saml:Assertion>`
  );
}

export function nameIdXml(nameId: string | NameIdParts): string {
  const parts: NameIdParts = typeof nameId === 'string' ? { value: nameId } : nameId;
  const attributes =
    attribute('Format', parts.format === undefined ? PERSISTENT : parts.format) +
    attribute('NameQualifier', parts.nameQualifier) +
    attribute('SPNameQualifier', parts.spNameQualifier);
  return element('saml:NameID', parts.value, attributes);
}

function subjectXml(parts: ResponseParts, own: AssertionParts): string {
  const nameId = own.nameId === undefined ? 'user-1' : own.nameId;
  const ids =
    nameId === null ? '' : Array.isArray(nameId) ? nameId.map(nameIdXml).join('') : nameIdXml(nameId as string);
  const confirmations = (own.confirmations === undefined ? [{}] : (own.confirmations ?? [])).map(
    (confirmation: ConfirmationParts) =>
      `<saml:SubjectConfirmation${attribute('Method', confirmation.method ?? BEARER)}><saml:SubjectConfirmationData` +
      attribute(
        'InResponseTo',
        confirmation.inResponseTo === undefined ? parts.inResponseTo : confirmation.inResponseTo,
      ) +
      attribute('NotBefore', instant(confirmation.notBefore)) +
      attribute(
        'NotOnOrAfter',
        instant(confirmation.notOnOrAfter === undefined ? after(parts.now, 300) : confirmation.notOnOrAfter),
      ) +
      attribute('Recipient', confirmation.recipient === undefined ? parts.acsUrl : confirmation.recipient) +
      `/></saml:SubjectConfirmation>`,
  );
  return `<saml:Subject>${ids}${confirmations.join('')}</saml:Subject>`;
}

function conditionsXml(parts: ResponseParts, own: AssertionParts): string {
  if (own.conditions === null) return '';
  const { notBefore, notOnOrAfter, audiences, extra } = own.conditions ?? {};
  const restrictions = (audiences ?? [[parts.audience]]).map(
    (list) =>
      `<saml:AudienceRestriction>${list.map((audience) => element('saml:Audience', audience)).join('')}</saml:AudienceRestriction>`,
  );
  return (
    `<saml:Conditions${attribute('NotBefore', instant(notBefore === undefined ? after(parts.now, -60) : notBefore))}` +
    attribute('NotOnOrAfter', instant(notOnOrAfter === undefined ? after(parts.now, 300) : notOnOrAfter)) +
    `>${restrictions.join('')}${extra ?? ''}</saml:Conditions>`
  );
}

function authnXml(parts: ResponseParts, authn: AuthnParts | null | undefined): string {
  if (authn === null) return '';
  const own = authn ?? {};
  const contextClass =
    own.authnContextClassRef === undefined
      ? 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport'
      : own.authnContextClassRef;
  return (
    `<saml:AuthnStatement${attribute('AuthnInstant', instant(own.authnInstant === undefined ? parts.now : own.authnInstant))}` +
    attribute('SessionIndex', own.sessionIndex === undefined ? 'session-1' : own.sessionIndex) +
    attribute('SessionNotOnOrAfter', instant(own.sessionNotOnOrAfter)) +
    `><saml:AuthnContext>${element('saml:AuthnContextClassRef', contextClass)}</saml:AuthnContext></saml:AuthnStatement>`
  );
}

function attributesXml(attributes: AssertionParts['attributes']): string {
  if (attributes === undefined) return '';
  const list: readonly AttributeParts[] = Array.isArray(attributes)
    ? (attributes as readonly AttributeParts[])
    : Object.entries(attributes as Readonly<Record<string, string | readonly string[]>>).map(([name, values]) => ({
        name,
        values: typeof values === 'string' ? [values] : values,
      }));
  if (list.length === 0) return '';
  const rows = list.map(
    (row) =>
      `<saml:Attribute${attribute('Name', row.name)}${attribute('NameFormat', row.nameFormat)}${attribute('FriendlyName', row.friendlyName)}>` +
      row.values.map((value) => element('saml:AttributeValue', value)).join('') +
      `</saml:Attribute>`,
  );
  return `<saml:AttributeStatement>${rows.join('')}</saml:AttributeStatement>`;
}
