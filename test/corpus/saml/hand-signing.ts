import { rawSignature } from '../../harness/saml-idp-signature.js';
import type { IdpKey } from '../../harness/saml-idp.js';
import { find, parseTree, setText, type XmlElement } from './xml-tree.js';

export const DS = 'http://www.w3.org/2000/09/xmldsig#';
export const EXC_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
export const ENVELOPED = `${DS}enveloped-signature`;
export const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';
export const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';

export interface SignedInfoParts {
  readonly uri: string;
  readonly digest: string;
  /** XML in canonical form. */
  readonly transforms?: string;
}

/** A SignedInfo that is its own exclusive canonical form, so that what is signed by hand is signed rightly. */
export function signedInfo({ uri, digest, transforms }: SignedInfoParts): string {
  return (
    `<ds:SignedInfo xmlns:ds="${DS}">${empty('CanonicalizationMethod', EXC_C14N)}${empty('SignatureMethod', RSA_SHA256)}` +
    `<ds:Reference URI="${uri}"><ds:Transforms>${transforms ?? transform(ENVELOPED) + transform(EXC_C14N)}</ds:Transforms>` +
    `${empty('DigestMethod', SHA256)}<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`
  );
}

export function transform(algorithm: string, content = ''): string {
  return `<ds:Transform Algorithm="${algorithm}">${content}</ds:Transform>`;
}

/** Puts that SignedInfo, signed by the key, into the signature of a message in place of its own. */
export function resign(signature: XmlElement, key: IdpKey, info: string): void {
  const own = find(signature, 'SignedInfo');
  signature.children.splice(signature.children.indexOf(own), 1, parseTree(info));
  setText(find(signature, 'SignatureValue'), rawSignature('rsa-sha256', key.privateKey, info).toString('base64'));
}

function empty(name: string, algorithm: string): string {
  return `<ds:${name} Algorithm="${algorithm}"></ds:${name}>`;
}
