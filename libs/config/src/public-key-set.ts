import { hasPrivateMember, isVerificationKey, VERIFICATION_KEYS } from '@app/oauth2';
import type { JSONWebKeySet, JWK } from 'jose';
import { z } from 'zod';
import { isRecord } from './config-file.js';
import { kinds } from './setting-kinds.js';

const MOST_KEYS = 20;

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
  if (hasPrivateMember(key))
    return 'is a private or symmetric key; replace it, and put only the public key of the new one here';
  if ('kid' in key && typeof key['kid'] !== 'string') return 'has a kid that is no text; put it in quotes';
  return isPublicKey(key) ? undefined : `must be ${VERIFICATION_KEYS}`;
}

const isPublicKey = (jwk: unknown): jwk is JWK => isRecord(jwk) && isVerificationKey(jwk);
