/**
 * What clients may sign with: asymmetric algorithms alone (R33, RFC 8725 §3.1, RFC 9449 §11.6). `Ed25519` is the newer
 * name of `EdDSA`.
 */
export const ASYMMETRIC_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const;

/** The form of `jkt` and `dpop_jkt`: SHA-256 of a key (RFC 7638) in base64url. */
export function isJwkThumbprint(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}
