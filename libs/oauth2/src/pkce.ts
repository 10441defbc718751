import { hash, timingSafeEqual } from 'node:crypto';

/** RFC 7636 §4.1: 43–128 unreserved characters. */
const VERIFIER = /^[A-Za-z0-9\-._~]{43,128}$/;
/** RFC 7636 §4.2: an S256 challenge is the base64url of 32 bytes, so exactly 43 characters. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;

/** Says whether the text has the form of a code verifier (RFC 7636 §4.1). */
export function isCodeVerifier(text: string): boolean {
  return VERIFIER.test(text);
}

/** Says whether the text has the form of an S256 code challenge (RFC 7636 §4.2). */
export function isCodeChallenge(text: string): boolean {
  return CHALLENGE.test(text);
}

/** `BASE64URL(SHA256(ASCII(verifier)))`, RFC 7636 §4.2. */
export function challengeOf(codeVerifier: string): string {
  return hash('sha256', codeVerifier, 'base64url');
}

/** RFC 7636 §4.6, in constant time (D9). A malformed verifier never matches. */
export function verifierMatches(codeVerifier: string, codeChallenge: string): boolean {
  if (!isCodeVerifier(codeVerifier) || !isCodeChallenge(codeChallenge)) return false;
  return timingSafeEqual(Buffer.from(challengeOf(codeVerifier)), Buffer.from(codeChallenge));
}
