import { randomBytes } from 'node:crypto';
import { encryptElement, type EncryptionOptions } from './saml-idp-encryption.js';
import { makeIdpKey, type IdpKey, type IdpKeyOptions, type IdpKeyType } from './saml-idp-keys.js';
import {
  logoutRequestXml,
  logoutResponseXml,
  redirectQuery,
  type LogoutRequestParts,
  type LogoutResponseParts,
  type RedirectOptions,
} from './saml-idp-logout.js';
import { idpMetadataXml, type MetadataParts } from './saml-idp-metadata.js';
import { signElement, type SignatureOptions } from './saml-idp-signature.js';
import { assertionXml, responseXml, type Ids, type ResponseParts } from './saml-idp-xml.js';

export type { EncryptionOptions } from './saml-idp-encryption.js';
export { makeIdpKey, toPem, type IdpKey } from './saml-idp-keys.js';
export type { LogoutRequestParts, LogoutResponseParts, RedirectOptions } from './saml-idp-logout.js';
export { entitiesDescriptorXml, type MetadataParts } from './saml-idp-metadata.js';
export type { SignatureOptions } from './saml-idp-signature.js';
export type { AssertionParts, NameIdParts, ResponseParts } from './saml-idp-xml.js';

export interface IdpOptions {
  readonly entityId?: string;
  readonly keyType?: IdpKeyType;
  /** Validity of its certificates; default 2020 to 2045. */
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface ResponseOptions extends ResponseParts {
  /** Default: assertion. */
  readonly sign?: 'assertion' | 'response' | 'both' | 'none';
  readonly signature?: SignatureOptions;
  /** For the response's own signature, where it differs. */
  readonly responseSignature?: SignatureOptions;
  /** The assertion is signed (if at all) before it is encrypted, the response after it. */
  readonly encrypt?: EncryptionOptions;
  /** Edits of the text, in this order. */
  readonly edit?: {
    readonly assertion?: (xml: string) => string;
    readonly signedAssertion?: (xml: string) => string;
    readonly response?: (xml: string) => string;
    readonly signed?: (xml: string) => string;
  };
}

export interface PostLogoutOptions {
  readonly sign?: 'enveloped' | 'none';
  readonly signature?: SignatureOptions;
  readonly edit?: {
    readonly beforeSigning?: (xml: string) => string;
    readonly afterSigning?: (xml: string) => string;
  };
}

/** A message for the POST binding: `value` is the form field. */
export interface PostMessage {
  readonly id: string;
  readonly xml: string;
  /** Base64 of the XML. */
  readonly value: string;
}

export interface ResponseMessage extends PostMessage {
  readonly assertionId: string;
}

/** A message for the Redirect binding: `query` is all after the `?`. */
export interface RedirectMessage {
  readonly id: string;
  readonly xml: string;
  readonly query: string;
}

/**
 * An identity provider for tests: it signs what it is told, right or wrong. It shares no code with ours (xml-crypto signs,
 * node:crypto encrypts), so that an error of ours is not made twice. Time is always an argument.
 *
 * ```ts
 * const idp = await SigningIdp.create({ entityId: 'https://idp.test/metadata' });
 * const { value } = idp.response({ now, acsUrl, audience, inResponseTo, assertion: { nameId: 'alice', attributes: { mail: 'a@x.test' } } });
 * const { query } = idp.logoutRequestRedirect({ now, destination: sloUrl, nameId: 'alice' });
 * ```
 */
export class SigningIdp {
  /** Oldest first; the metadata lists all of them. */
  readonly keys: IdpKey[] = [];
  /** Signs unless a message names another. */
  signingKey: IdpKey;

  private constructor(
    readonly entityId: string,
    private readonly options: IdpOptions,
    key: IdpKey,
  ) {
    this.keys.push(key);
    this.signingKey = key;
  }

  static async create(options: IdpOptions = {}): Promise<SigningIdp> {
    return new SigningIdp(options.entityId ?? 'https://idp.test/metadata', options, await newKey(options));
  }

  /** Of the key that signs: base64 of DER. */
  get certificate(): string {
    return this.signingKey.certificate;
  }

  /** Of all keys, oldest first. */
  get certificates(): readonly string[] {
    return this.keys.map((key) => key.certificate);
  }

  /** Adds a key to the metadata; it signs only once `signingKey` is set to it. */
  async addKey(options: IdpKeyOptions = {}): Promise<IdpKey> {
    const key = await newKey({
      ...this.options,
      ...options,
      ...(options.type === undefined ? {} : { keyType: options.type }),
    });
    this.keys.push(key);
    return key;
  }

  /** Takes a key out of the metadata. */
  removeKey(key: IdpKey): void {
    this.keys.splice(this.keys.indexOf(key), 1);
  }

  metadata(parts: MetadataParts): string {
    return idpMetadataXml(parts, this.entityId, this.certificates);
  }

  response(options: ResponseOptions): ResponseMessage {
    const ids = this.ids(options);
    const sign = options.sign ?? 'assertion';
    const edit = options.edit ?? {};
    let assertion = '';
    if (options.assertion !== null) {
      assertion = assertionXml(options, ids);
      assertion = edit.assertion?.(assertion) ?? assertion;
      if (sign === 'assertion' || sign === 'both') assertion = this.sign(assertion, options.signature);
      assertion = edit.signedAssertion?.(assertion) ?? assertion;
      if (options.encrypt !== undefined) assertion = encryptElement(assertion, options.encrypt);
    }
    let xml = responseXml(options, ids, assertion);
    xml = edit.response?.(xml) ?? xml;
    if (sign === 'response' || sign === 'both') {
      xml = this.sign(xml, options.responseSignature ?? options.signature);
    }
    xml = edit.signed?.(xml) ?? xml;
    return { ...postMessage(ids.responseId, xml), assertionId: ids.assertionId };
  }

  logoutRequestPost(parts: LogoutRequestParts, options: PostLogoutOptions = {}): PostMessage {
    const id = parts.id ?? newId();
    return this.postLogout(id, logoutRequestXml(parts, id, this.entityId), options);
  }

  logoutResponsePost(parts: LogoutResponseParts, options: PostLogoutOptions = {}): PostMessage {
    const id = parts.id ?? newId();
    return this.postLogout(id, logoutResponseXml(parts, id, this.entityId), options);
  }

  logoutRequestRedirect(parts: LogoutRequestParts, options: RedirectOptions = {}): RedirectMessage {
    const id = parts.id ?? newId();
    const xml = logoutRequestXml(parts, id, this.entityId);
    return { id, xml, query: redirectQuery('SAMLRequest', xml, this.signingKey, options) };
  }

  logoutResponseRedirect(parts: LogoutResponseParts, options: RedirectOptions = {}): RedirectMessage {
    const id = parts.id ?? newId();
    const xml = logoutResponseXml(parts, id, this.entityId);
    return { id, xml, query: redirectQuery('SAMLResponse', xml, this.signingKey, options) };
  }

  /**
   * An enveloped signature for any document.
   *
   * @param target XPath of the element that is signed; default: the root
   */
  sign(xml: string, options: SignatureOptions = {}, target = '/*'): string {
    return signElement(xml, target, this.signingKey, options);
  }

  private postLogout(id: string, xml: string, options: PostLogoutOptions): PostMessage {
    const edited = options.edit?.beforeSigning?.(xml) ?? xml;
    const signed = options.sign === 'none' ? edited : this.sign(edited, options.signature);
    return postMessage(id, options.edit?.afterSigning?.(signed) ?? signed);
  }

  private ids(options: ResponseOptions): Ids {
    return {
      entityId: this.entityId,
      responseId: options.response?.id ?? newId(),
      assertionId: options.assertion?.id ?? newId(),
    };
  }
}

/** The form field for any text or bytes. */
export function postMessage(id: string, xml: string): PostMessage {
  return { id, xml, value: Buffer.from(xml, 'utf8').toString('base64') };
}

function newId(): string {
  return `_${randomBytes(16).toString('hex')}`;
}

function newKey(options: IdpOptions): Promise<IdpKey> {
  return makeIdpKey({
    type: options.keyType ?? 'rsa',
    ...(options.notBefore === undefined ? {} : { notBefore: options.notBefore }),
    ...(options.notAfter === undefined ? {} : { notAfter: options.notAfter }),
  });
}
