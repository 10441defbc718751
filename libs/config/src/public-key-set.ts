import { createPublicKey, type KeyObject } from 'node:crypto';
import type { JSONWebKeySet, JWK } from 'jose';
import { z } from 'zod';
import { isRecord } from './config-file.js';
import { kinds } from './setting-kinds.js';

const MOST_KEYS = 20;
/** What a public key has not (RFC 7518 §6); `k` is a symmetric one. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/** RFC 7517 §5: the public keys of somebody who signs for us. A fault names the key by its place and quotes nothing of it. */
export const publicKeySet = z
  .unknown()
  .transform((value, context): JSONWebKeySet => {
    const keys: unknown = isRecord(value) ? value['keys'] : undefined;
    if (!Array.isArray(keys) || keys.length === 0 || keys.length > MOST_KEYS) {
      context.addIssue({
        code: 'custom',
        message: `must be a JWK set: a section with keys, a list of 1 to ${MOST_KEYS}`,
      });
      return z.NEVER;
    }
    const good = keys.flatMap((key: unknown, index) => {
      const fault = keyFault(key);
      if (fault !== undefined) context.addIssue({ code: 'custom', path: ['keys', index], message: fault });
      return isPublicKey(key) && fault === undefined ? [key] : [];
    });
    return { keys: good };
  })
  .register(kinds, { text: 'JWK set' });

function keyFault(key: unknown): string | undefined {
  if (!isRecord(key)) return 'must be a JWK, a section with kty and the public members';
  if (PRIVATE_MEMBERS.some((member) => member in key))
    return 'is a private or symmetric key; replace it, and put only the public key of the new one here';
  if ('kid' in key && typeof key['kid'] !== 'string') return 'has a kid that is no text; put it in quotes';
  return isPublicKey(key)
    ? undefined
    : 'must be a public key: EC on P-256, P-384 or P-521, OKP Ed25519, or RSA of 2048 bits';
}

function isPublicKey(jwk: unknown): jwk is JWK {
  if (!isRecord(jwk)) return false;
  let key: KeyObject;
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return false;
  }
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') return modulusLength >= 2048;
  return key.asymmetricKeyType === 'ed25519' || (key.asymmetricKeyType === 'ec' && CURVES.has(namedCurve));
}
