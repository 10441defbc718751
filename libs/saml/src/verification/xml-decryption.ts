import { constants, createDecipheriv, privateDecrypt, type KeyObject } from 'node:crypto';
import { quoteFound } from '../verdict.js';
import { isKey, privateKeyOf } from './key-cache.js';
import { decodeBase64, guardXml, MESSAGE_LIMITS } from './message-guard.js';
import { refuse, type Verdicts } from './refused.js';
import {
  attributeOf,
  childOf,
  childrenOf,
  DSIG,
  elementsOf,
  isElement,
  textOf,
  XENC,
  XENC11,
  type XmlElement,
} from './xml-element.js';

const GCM_IV = 12;
const GCM_TAG = 16;
const CBC_BLOCK = 16;
/** Recipients of one message; each costs an RSA operation per key of ours. */
const MOST_KEYS = 4;

interface ContentCipher {
  readonly name: 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' | 'aes-128-cbc' | 'aes-192-cbc' | 'aes-256-cbc';
  readonly mode: 'gcm' | 'cbc';
  readonly keyBytes: number;
}

/** XML Encryption 1.1 §5.2. Triple-DES is not here, and so never taken. */
const CONTENT_CIPHERS: ReadonlyMap<string, ContentCipher> = new Map(
  ([128, 192, 256] as const).flatMap((bits): [string, ContentCipher][] => [
    [`${XENC11}aes${bits}-gcm`, { name: `aes-${bits}-gcm`, mode: 'gcm', keyBytes: bits / 8 }],
    [`${XENC}aes${bits}-cbc`, { name: `aes-${bits}-cbc`, mode: 'cbc', keyBytes: bits / 8 }],
  ]),
);

const OAEP_DIGESTS: ReadonlyMap<string, string> = new Map([
  [`${DSIG}sha1`, 'sha1'],
  [`${XENC}sha256`, 'sha256'],
  ['http://www.w3.org/2001/04/xmldsig-more#sha384', 'sha384'],
  [`${XENC}sha512`, 'sha512'],
]);

/** A session key for one recipient. */
interface WrappedKey {
  readonly hash: string;
  readonly octets: Buffer;
}

export interface DecryptionRules {
  /** PKCS #8 PEM, all are tried. */
  readonly keys: readonly string[];
  /**
   * D53: CBC has no integrity of its own. It is taken only from octets that a verified signature covered: then nobody can
   * send variants of a ciphertext and learn from our answers.
   */
  readonly cbc: 'allowed' | 'refused';
}

/**
 * What an EncryptedAssertion, EncryptedID or EncryptedAttribute hides (core §2.3.4, §2.2.4, §2.7.3.2): XML that has passed
 * the guard. It must declare its own namespaces, as exclusive canonicalization leaves it. Every way to fail to decrypt has
 * one and the same verdict, whichever key or step it was.
 */
export function decryptedXml(container: XmlElement, rules: DecryptionRules, verdicts: Verdicts): string {
  const data = childOf(container, XENC, 'EncryptedData');
  if (data === undefined) return refuse('encryption-algorithm', 'EncryptedData', 'none');
  const type = attributeOf(data, 'Type');
  if (type !== undefined && type !== `${XENC}Element`)
    refuse('encryption-algorithm', 'a whole element', quoteFound(type));
  const cipher = contentCipher(data, rules);
  const wrapped = wrappedKeys(container, data);
  verdicts.pass(
    'encryption-algorithm',
    `${cipher.name} under ${wrapped.map(({ hash }) => `RSA-OAEP with ${hash}`).join(', ')}`,
  );
  const octets = cipherOctets(data);
  const keys = rules.keys.map(privateKeyOf).filter(isKey);
  const plain = firstOf(keys, (key) => firstOf(wrapped, (one) => decrypt(cipher, octets, one, key)));
  const expected = `it opened by one of our ${keys.length} keys`;
  if (plain === undefined) return refuse('decryption', expected, 'not so');
  verdicts.pass('decryption', expected, 'so');
  return guardXml(plain, MESSAGE_LIMITS, verdicts);
}

function contentCipher(data: XmlElement, rules: DecryptionRules): ContentCipher {
  const uri = algorithmOf(data);
  const cipher = uri === undefined ? undefined : CONTENT_CIPHERS.get(uri);
  if (cipher === undefined) return refuse('encryption-algorithm', 'AES-GCM', quoteFound(uri));
  if (cipher.mode === 'cbc' && rules.cbc === 'refused') {
    refuse('encryption-algorithm', 'AES-GCM (AES-CBC only with legacy_encryption, in a signed response)', cipher.name);
  }
  return cipher;
}

/** In EncryptedData's KeyInfo, or beside EncryptedData (core §2.3.4 allows both). */
function wrappedKeys(container: XmlElement, data: XmlElement): WrappedKey[] {
  const keyInfo = childOf(data, DSIG, 'KeyInfo');
  const inside = keyInfo === undefined ? [] : childrenOf(keyInfo, XENC, 'EncryptedKey');
  const keys = [...inside, ...childrenOf(container, XENC, 'EncryptedKey')];
  if (keys.length === 0 || keys.length > MOST_KEYS) {
    refuse('encryption-algorithm', `one to ${MOST_KEYS} EncryptedKey`, `${keys.length}`);
  }
  return keys.map((key) => ({ hash: oaepHash(key), octets: cipherOctets(key) }));
}

/**
 * XML Encryption 1.1 §5.5.2: RSA-OAEP, SHA-1 included (D53: its collisions are of no use there). RSA 1.5 is never taken.
 * node:crypto has one hash for the label and the mask, so they must be one here.
 */
function oaepHash(key: XmlElement): string {
  const method = childOf(key, XENC, 'EncryptionMethod');
  const uri = algorithmOf(key);
  const digestUri = method && parameter(method, DSIG, 'DigestMethod');
  const hash = OAEP_DIGESTS.get(digestUri ?? `${DSIG}sha1`);
  const maskUri = method && parameter(method, XENC11, 'MGF');
  const mask =
    maskUri === undefined
      ? 'sha1'
      : /^http:\/\/www\.w3\.org\/2009\/xmlenc11#mgf1(sha(?:1|256|384|512))$/.exec(maskUri)?.[1];
  const known = uri === `${XENC}rsa-oaep-mgf1p` ? maskUri === undefined : uri === `${XENC11}rsa-oaep`;
  if (!known) return refuse('encryption-algorithm', 'RSA-OAEP', quoteFound(uri));
  if (hash === undefined || mask !== hash) {
    return refuse(
      'encryption-algorithm',
      'RSA-OAEP with one hash for digest and mask',
      `${quoteFound(digestUri)} and ${quoteFound(maskUri)}`,
    );
  }
  if (method !== undefined && elementsOf(method).some((child) => isElement(child, XENC, 'OAEPparams'))) {
    refuse('encryption-algorithm', 'RSA-OAEP without a label', 'OAEPparams');
  }
  return hash;
}

function algorithmOf(encrypted: XmlElement): string | undefined {
  const method = childOf(encrypted, XENC, 'EncryptionMethod');
  return method === undefined ? undefined : attributeOf(method, 'Algorithm');
}

function parameter(method: XmlElement, namespace: string, name: string): string | undefined {
  const child = childOf(method, namespace, name);
  return child === undefined ? undefined : attributeOf(child, 'Algorithm');
}

/** Never a CipherReference: that would be fetched. */
function cipherOctets(encrypted: XmlElement): Buffer {
  const data = childOf(encrypted, XENC, 'CipherData');
  const value = data === undefined ? undefined : childOf(data, XENC, 'CipherValue');
  const octets = value === undefined ? undefined : decodeBase64(textOf(value), /[\t\n\r ]+/g);
  return octets ?? refuse('encryption-algorithm', 'a CipherValue in base64', 'none');
}

function decrypt(cipher: ContentCipher, octets: Buffer, wrapped: WrappedKey, key: KeyObject): Buffer | undefined {
  try {
    const options = { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: wrapped.hash };
    const sessionKey = privateDecrypt(options, wrapped.octets);
    if (sessionKey.length !== cipher.keyBytes) return undefined;
    return cipher.mode === 'gcm' ? openGcm(cipher, sessionKey, octets) : openCbc(cipher, sessionKey, octets);
  } catch {
    return undefined;
  }
}

function openGcm({ name }: ContentCipher, key: Buffer, octets: Buffer): Buffer | undefined {
  if (octets.length < GCM_IV + GCM_TAG) return undefined;
  const decipher = createDecipheriv(name as 'aes-256-gcm', key, octets.subarray(0, GCM_IV), { authTagLength: GCM_TAG });
  decipher.setAuthTag(octets.subarray(-GCM_TAG));
  return Buffer.concat([decipher.update(octets.subarray(GCM_IV, -GCM_TAG)), decipher.final()]);
}

/** The last octet counts the padding; the others may be anything (XML Encryption §5.2), so PKCS #7 would refuse good ones. */
function openCbc({ name }: ContentCipher, key: Buffer, octets: Buffer): Buffer | undefined {
  if (octets.length < 2 * CBC_BLOCK || octets.length % CBC_BLOCK !== 0) return undefined;
  const decipher = createDecipheriv(name, key, octets.subarray(0, CBC_BLOCK)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(octets.subarray(CBC_BLOCK)), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  return padding >= 1 && padding <= CBC_BLOCK ? padded.subarray(0, -padding) : undefined;
}

function firstOf<Item, Result>(items: readonly Item[], find: (item: Item) => Result | undefined): Result | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
