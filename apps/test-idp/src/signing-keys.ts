import { generateKeyPairSync } from 'node:crypto';
import type { JWKS } from 'oidc-provider';

/**
 * Private signing keys, new at each start and the same until the process ends: RS256, the default of ID tokens
 * (OIDC Core §2), and ES256 for clients registered with it. The library derives each `kid` from the key's thumbprint.
 */
export function generateSigningKeys(): JWKS {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    keys: [
      { ...rsa.privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' },
      { ...ec.privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' },
    ],
  };
}
