import { constants, verify, type KeyObject } from 'node:crypto';

/** One way to sign that we accept. */
export interface SignatureAlgorithm {
  readonly name: string;
  readonly keyType: 'rsa' | 'ec';
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly padding: 'pkcs1' | 'pss' | undefined;
}

const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';
const MORE_2007 = 'http://www.w3.org/2007/05/xmldsig-more#';

/**
 * RFC 9231 §2.3. No SHA-1, no MD5, no HMAC (a public key would be its secret), no DSA. What is not in here is refused by its
 * name, so no message can choose a weaker way.
 */
const SIGNATURE_ALGORITHMS: ReadonlyMap<string, SignatureAlgorithm> = new Map(
  (['sha256', 'sha384', 'sha512'] as const).flatMap((hash): [string, SignatureAlgorithm][] => [
    [`${MORE}rsa-${hash}`, { name: `rsa-${hash}`, keyType: 'rsa', hash, padding: 'pkcs1' }],
    [`${MORE_2007}${hash}-rsa-MGF1`, { name: `rsa-pss-${hash}`, keyType: 'rsa', hash, padding: 'pss' }],
    [`${MORE}ecdsa-${hash}`, { name: `ecdsa-${hash}`, keyType: 'ec', hash, padding: undefined }],
  ]),
);

/** XML Encryption §5.8, RFC 9231 §2.1. */
const DIGEST_ALGORITHMS: ReadonlyMap<string, 'sha256' | 'sha384' | 'sha512'> = new Map([
  ['http://www.w3.org/2001/04/xmlenc#sha256', 'sha256'],
  [`${MORE}sha384`, 'sha384'],
  ['http://www.w3.org/2001/04/xmlenc#sha512', 'sha512'],
]);

export function signatureAlgorithm(uri: string | undefined): SignatureAlgorithm | undefined {
  return uri === undefined ? undefined : SIGNATURE_ALGORITHMS.get(uri);
}

export function digestAlgorithm(uri: string | undefined): 'sha256' | 'sha384' | 'sha512' | undefined {
  return uri === undefined ? undefined : DIGEST_ALGORITHMS.get(uri);
}

/** ECDSA values are r and s side by side (XML Signature §6.4.3), not DER. A key of the other type never verifies. */
export function verifies(
  algorithm: SignatureAlgorithm,
  key: KeyObject,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (key.asymmetricKeyType !== algorithm.keyType) return false;
  if (algorithm.keyType === 'ec') return verify(algorithm.hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
  if (algorithm.padding === 'pkcs1') {
    return verify(algorithm.hash, signed, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
  }
  // The salt is as long as the hash (RFC 9231 §2.3.10).
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  return verify(algorithm.hash, signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
}
