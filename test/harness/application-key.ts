import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { SignJWT, type JWTPayload } from 'jose';

export const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** The key of an application that proves itself by `private_key_jwt`. */
export function newApplicationKey(kid: string) {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicJwk = { ...pair.publicKey.export({ format: 'jwk' }), kid };
  return { kid, ...pair, jwks: JSON.stringify({ keys: [publicJwk] }) };
}
export type ApplicationKey = ReturnType<typeof newApplicationKey>;

/** The fields of a body with a new assertion in them (RFC 7523 §2.2). */
export async function asserting(
  clientId: string,
  { kid, privateKey }: Pick<ApplicationKey, 'kid' | 'privateKey'>,
  claims: JWTPayload,
): Promise<Record<string, string>> {
  const now = Math.floor(Date.now() / 1000);
  const payload = { iss: clientId, sub: clientId, exp: now + 60, iat: now, jti: randomUUID(), ...claims };
  const assertion = await new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey);
  return { client_assertion_type: JWT_BEARER, client_assertion: assertion };
}
