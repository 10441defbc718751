import { createPublicKey, type KeyObject } from 'node:crypto';

const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const LEAST_RSA_BITS = 2048;
/** What a public key has not (RFC 7518 §6); `k` is a symmetric one. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** What others may sign with: asymmetric algorithms alone (R33, RFC 8725 §3.1). `Ed25519` is the newer name of `EdDSA`. */
export const ASYMMETRIC_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const;

/** What {@link isVerificationKey} takes, for people. */
export const VERIFICATION_KEYS = 'a public key: EC on P-256, P-384 or P-521, OKP Ed25519, or RSA of 2048 bits';

/** Whether a JWK (RFC 7517) holds something that is its owner's alone. */
export function hasPrivateMember(jwk: object): boolean {
  return PRIVATE_MEMBERS.some((member) => member in jwk);
}

/** Whether the signatures of others may be verified with a JWK: of a kind and size that is still good (RFC 8725 §3.5). */
export function isVerificationKey(jwk: Readonly<Record<string, unknown>>): boolean {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return false;
  }
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return modulusLength >= LEAST_RSA_BITS;
  return key.asymmetricKeyType === 'ed25519' || (key.asymmetricKeyType === 'ec' && CURVES.has(namedCurve));
}

/** The form of `jkt` and `dpop_jkt` (RFC 9449 §6.1, §10): SHA-256 of a key (RFC 7638) in base64url. */
export function isJwkThumbprint(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}
