import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { line } from './text-fields.js';

const CURVES = new Set<unknown>(['prime256v1', 'secp384r1', 'secp521r1']);
const LEAST_RSA_BITS = 2048;

const member = z.union([line(8000), z.array(line(8000)).max(10), z.boolean(), z.number()]);

/** A JWK that a signature can be verified with (RFC 7517). That it holds nothing private, the rules of clients say. */
export const publicJwk = z
  .record(line(100), member)
  .refine(isUsable, 'must be a public key: EC on P-256, P-384 or P-521, OKP Ed25519, or RSA of 2048 bits');

function isUsable(jwk: Readonly<Record<string, unknown>>): boolean {
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPublicKey({ key: jwk, format: 'jwk' });
    if (type === 'rsa') return (details?.modulusLength ?? 0) >= LEAST_RSA_BITS;
    return type === 'ed25519' || (type === 'ec' && CURVES.has(details?.namedCurve));
  } catch {
    return false;
  }
}
