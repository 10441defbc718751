import type { KeyPurpose } from './signing-key.js';

/** The `typ` headers of the tokens that we sign: RFC 9068 §2.1, RFC 7519 §5.1, OpenID Connect Back-Channel Logout §2.4. */
export type TokenType = 'at+jwt' | 'JWT' | 'logout+jwt';

/** D33: tokens are told apart by `typ`, and no key signs both an access token and another one. */
const PURPOSES: Readonly<Record<TokenType, KeyPurpose>> = { 'at+jwt': 'access', JWT: 'id', 'logout+jwt': 'id' };

export function purposeOf(typ: TokenType): KeyPurpose {
  return PURPOSES[typ];
}
