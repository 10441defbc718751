import { sign } from 'node:crypto';
import type { KeyPair } from './signing-key.js';
import type { TokenType } from './token-type.js';

/**
 * Compact JWS (RFC 7515 §7.1) with one key. Elliptic curves sign on the spot, in about 30 µs; RSA takes milliseconds and
 * goes to the thread pool, which is why the answer may be a promise.
 */
export class JwtSigner {
  /** `base64url(header).` per type: the only part that never changes. */
  private readonly headers = new Map<TokenType, string>();

  constructor(private readonly key: KeyPair) {}

  sign(payload: object, typ: TokenType): string | Promise<string> {
    const input = this.header(typ) + Buffer.from(JSON.stringify(payload), 'utf8').toString('base64url');
    const { privateKey, algorithm } = this.key;
    switch (algorithm) {
      case 'ES256':
        // RFC 7518 §3.4: R and S side by side, not the DER that OpenSSL writes by default.
        return joined(input, sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }));
      case 'EdDSA':
        return joined(input, sign(null, Buffer.from(input), privateKey));
      case 'RS256':
        return new Promise((resolve, reject) => {
          sign('sha256', Buffer.from(input), privateKey, (error, signature) => {
            if (error) reject(error);
            else resolve(joined(input, signature));
          });
        });
    }
  }

  private header(typ: TokenType): string {
    const known = this.headers.get(typ);
    if (known !== undefined) return known;
    const header = JSON.stringify({ alg: this.key.algorithm, typ, kid: this.key.kid });
    const encoded = `${Buffer.from(header, 'utf8').toString('base64url')}.`;
    this.headers.set(typ, encoded);
    return encoded;
  }
}

function joined(input: string, signature: Buffer): string {
  return `${input}.${signature.toString('base64url')}`;
}
