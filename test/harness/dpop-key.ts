import { createHash, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, SignJWT, type JWK } from 'jose';

/** What a test makes of a proof beside what it should be; undefined takes a member away. */
export interface ProofChanges {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  /** In the place of the client's own. */
  readonly signWith?: KeyObject | Uint8Array;
}

/** A client's key for DPoP, ES256 unless told otherwise. */
export async function newDpopKey(
  alg = 'ES256',
  pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
  }),
) {
  const jwk = pair.publicKey.export({ format: 'jwk' }) as JWK;
  const jkt = await calculateJwkThumbprint(jwk, 'sha256');
  /** A proof for one request (RFC 9449 §4.2); `accessToken` is what the request presents. */
  async function prove(method: string, uri: string, accessToken?: string, changes: ProofChanges = {}): Promise<string> {
    const claims = {
      jti: randomUUID(),
      htm: method,
      htu: uri,
      iat: Math.floor(Date.now() / 1000),
      ...(accessToken === undefined ? {} : { ath: createHash('sha256').update(accessToken).digest('base64url') }),
      ...changes.claims,
    };
    return new SignJWT(claims)
      .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk, ...changes.header } as { alg: string })
      .sign(changes.signWith ?? pair.privateKey);
  }
  return { ...pair, jwk, jkt, prove };
}
export type DpopKey = Awaited<ReturnType<typeof newDpopKey>>;
