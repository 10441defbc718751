import { constants, createCipheriv, publicEncrypt, randomBytes, X509Certificate } from 'node:crypto';
import type { CipherGCM } from 'node:crypto';

const XENC = 'http://www.w3.org/2001/04/xmlenc#';
const XENC11 = 'http://www.w3.org/2009/xmlenc11#';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';

export type ContentEncryption =
  'aes128-gcm' | 'aes192-gcm' | 'aes256-gcm' | 'aes128-cbc' | 'aes192-cbc' | 'aes256-cbc' | 'tripledes-cbc';
export type KeyTransport =
  /** OAEP with SHA-1 and MGF1-SHA1: what xml-encryption and most IdPs speak. */
  | 'rsa-oaep-mgf1p'
  /** XML Encryption 1.1: OAEP with SHA-256 and MGF1-SHA256. */
  | 'rsa-oaep-sha256'
  | 'rsa-1_5';

export interface EncryptionOptions {
  /** Of the receiver: base64 of DER. */
  readonly certificate: string;
  /** Default aes256-gcm. */
  readonly content?: ContentEncryption;
  /** Default rsa-oaep-mgf1p. */
  readonly keyTransport?: KeyTransport;
  /** Where the EncryptedKey stands: inside EncryptedData (default), or after it (found by RetrievalMethod). */
  readonly keyPlace?: 'inside' | 'beside';
}

const CIPHERS: Record<ContentEncryption, { readonly uri: string; readonly cipher: string; readonly keyBytes: number }> =
  {
    'aes128-gcm': { uri: `${XENC11}aes128-gcm`, cipher: 'aes-128-gcm', keyBytes: 16 },
    'aes192-gcm': { uri: `${XENC11}aes192-gcm`, cipher: 'aes-192-gcm', keyBytes: 24 },
    'aes256-gcm': { uri: `${XENC11}aes256-gcm`, cipher: 'aes-256-gcm', keyBytes: 32 },
    'aes128-cbc': { uri: `${XENC}aes128-cbc`, cipher: 'aes-128-cbc', keyBytes: 16 },
    'aes192-cbc': { uri: `${XENC}aes192-cbc`, cipher: 'aes-192-cbc', keyBytes: 24 },
    'aes256-cbc': { uri: `${XENC}aes256-cbc`, cipher: 'aes-256-cbc', keyBytes: 32 },
    'tripledes-cbc': { uri: `${XENC}tripledes-cbc`, cipher: 'des-ede3-cbc', keyBytes: 24 },
  };

const METHODS: Record<KeyTransport, string> = {
  'rsa-oaep-mgf1p': `<xenc:EncryptionMethod Algorithm="${XENC}rsa-oaep-mgf1p"><ds:DigestMethod Algorithm="${DSIG}sha1"/></xenc:EncryptionMethod>`,
  'rsa-oaep-sha256':
    `<xenc:EncryptionMethod Algorithm="${XENC11}rsa-oaep"><ds:DigestMethod Algorithm="${XENC}sha256"/>` +
    `<xenc11:MGF xmlns:xenc11="${XENC11}" Algorithm="${XENC11}mgf1sha256"/></xenc:EncryptionMethod>`,
  'rsa-1_5': `<xenc:EncryptionMethod Algorithm="${XENC}rsa-1_5"/>`,
};

/**
 * Encrypts an element as SAML core §2.3.4 wants it (XML Encryption 1.1, type Element). Written against node:crypto:
 * xml-encryption speaks neither OAEP with SHA-256 nor the standard digest identifiers.
 *
 * @param wrapper name of the element around it, declared prefix and all: `saml:EncryptedAssertion`
 */
export function encryptElement(xml: string, options: EncryptionOptions, wrapper = 'saml:EncryptedAssertion'): string {
  const { uri, cipher, keyBytes } = CIPHERS[options.content ?? 'aes256-gcm'];
  const transport = options.keyTransport ?? 'rsa-oaep-mgf1p';
  const contentKey = randomBytes(keyBytes);
  const encryptedKey =
    `<xenc:EncryptedKey xmlns:xenc="${XENC}" Id="_ek">${METHODS[transport]}` +
    cipherData(wrapKey(contentKey, options.certificate, transport)) +
    `</xenc:EncryptedKey>`;
  const beside = options.keyPlace === 'beside';
  const keyInfo = beside
    ? `<ds:RetrievalMethod Type="${XENC}EncryptedKey" URI="#_ek"/>`
    : encryptedKey.replace(' Id="_ek"', '');
  return (
    `<${wrapper} xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:ds="${DSIG}">` +
    `<xenc:EncryptedData xmlns:xenc="${XENC}" Type="${XENC}Element"><xenc:EncryptionMethod Algorithm="${uri}"/>` +
    `<ds:KeyInfo>${keyInfo}</ds:KeyInfo>${cipherData(encryptBytes(cipher, contentKey, xml))}</xenc:EncryptedData>` +
    `${beside ? encryptedKey : ''}</${wrapper}>`
  );
}

function cipherData(bytes: Buffer): string {
  return `<xenc:CipherData><xenc:CipherValue>${bytes.toString('base64')}</xenc:CipherValue></xenc:CipherData>`;
}

function wrapKey(key: Buffer, certificate: string, transport: KeyTransport): Buffer {
  const { publicKey } = new X509Certificate(Buffer.from(certificate, 'base64'));
  if (transport === 'rsa-1_5') return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, key);
  const oaepHash = transport === 'rsa-oaep-sha256' ? 'sha256' : 'sha1';
  return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, key);
}

/** IV, ciphertext and, for GCM, the tag (XML Encryption 1.1 §5.2). The padding of PKCS #7 is a legal one of theirs. */
function encryptBytes(cipher: string, key: Buffer, xml: string): Buffer {
  const gcm = cipher.endsWith('gcm');
  const iv = randomBytes(gcm ? 12 : cipher.startsWith('des') ? 8 : 16);
  const machine = createCipheriv(cipher, key, iv);
  const body = Buffer.concat([machine.update(xml, 'utf8'), machine.final()]);
  return Buffer.concat([iv, body, ...(gcm ? [(machine as CipherGCM).getAuthTag()] : [])]);
}
