import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose';
import { InvalidToken, type InvalidTokenCode } from './invalid-token.js';
import type { KeyPair } from './signing-key.js';
import type { TokenType } from './token-type.js';

/** Whoever asks judges `aud` himself, because being told of a token is not acting on it. */
export const ANY_AUDIENCE = Symbol('any audience');

/** What a token has to be; nothing is optional, so nothing goes unchecked by omission. */
export interface TokenExpectation {
  readonly typ: TokenType;
  /** One of these must be in `aud`. */
  readonly audience: string | readonly string[] | typeof ANY_AUDIENCE;
  readonly issuer: string;
  readonly now: Date;
  readonly clockToleranceSeconds: number;
}

/** Claims of a token whose signature, type, issuer, audience and times were found good. */
export type VerifiedPayload = JWTPayload & { readonly exp: number };

/** Longer than any that we issue; what is longer is not read. */
const MAX_TOKEN_CHARACTERS = 32_768;

/**
 * The `kid` that a token names, the only thing of an unverified header that is believed, and only as the name of one of
 * our own keys: `jwk`, `jku`, `x5u` and `x5c` are never read (R33, RFC 8725 §3.10).
 * @throws InvalidToken `malformed`, also for `crit`: we issue and understand no extension (RFC 7515 §4.1.11).
 */
export function readKeyId(jwt: string): string {
  if (jwt.length > MAX_TOKEN_CHARACTERS) throw new InvalidToken('malformed', 'the token is too long');
  const header = decodeHeader(jwt);
  if (Object.hasOwn(header, 'crit')) throw new InvalidToken('malformed', 'the token has critical extensions');
  if (typeof header.kid !== 'string') throw new InvalidToken('malformed', 'the token names no key');
  return header.kid;
}

function decodeHeader(jwt: string): ReturnType<typeof decodeProtectedHeader> {
  try {
    return decodeProtectedHeader(jwt);
  } catch (error) {
    throw new InvalidToken('malformed', 'the token is not a compact JWS', { cause: error });
  }
}

/**
 * Verifies with one key of ours; the algorithm is the key's, whatever the token says (R33, RFC 8725 §3.1).
 * @throws InvalidToken
 */
export async function verifyWith(key: KeyPair, jwt: string, expected: TokenExpectation): Promise<VerifiedPayload> {
  try {
    const { payload } = await jwtVerify(jwt, key.verificationKey, {
      algorithms: [key.algorithm],
      typ: expected.typ,
      issuer: expected.issuer,
      ...(expected.audience === ANY_AUDIENCE ? {} : { audience: [expected.audience].flat() }),
      currentDate: expected.now,
      clockTolerance: expected.clockToleranceSeconds,
      requiredClaims: ['exp'],
    });
    const { exp } = payload;
    if (exp === undefined) throw new InvalidToken('malformed', 'the token has no exp');
    return { ...payload, exp };
  } catch (error) {
    throw asInvalidToken(error);
  }
}

function asInvalidToken(error: unknown): unknown {
  if (!(error instanceof errors.JOSEError)) return error;
  return new InvalidToken(codeOf(error), error.message, { cause: error });
}

function codeOf(error: errors.JOSEError): InvalidTokenCode {
  if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JOSEAlgNotAllowed) {
    return 'bad_signature';
  }
  if (error instanceof errors.JWTExpired) return 'expired';
  if (!(error instanceof errors.JWTClaimValidationFailed)) return 'malformed';
  switch (error.claim) {
    case 'typ':
      return 'wrong_type';
    case 'iss':
      return 'wrong_issuer';
    case 'aud':
      return 'wrong_audience';
    case 'nbf':
      return error.reason === 'check_failed' ? 'not_yet_valid' : 'malformed';
    default:
      return 'malformed';
  }
}
