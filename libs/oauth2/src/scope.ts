/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ). */
const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]+$/;

/** What a person's token may carry; anything else asked for at sign-in is ignored (D31). */
export const SIGN_IN_SCOPES = ['openid', 'profile', 'email', 'groups', 'offline_access'] as const;

/** What a machine may be granted, by an administrator (D56). */
export const MACHINE_SCOPES = ['introspect', 'vault:read', 'vault:write', 'directory:read'] as const;

/**
 * Splits a scope parameter into distinct tokens in the order given.
 * Returns undefined when it is not RFC 6749 §3.3 syntax (tolerating repeated spaces, as browsers' `+` produce).
 */
export function parseScope(text: string): string[] | undefined {
  const tokens = text.split(' ').filter((token) => token !== '');
  return tokens.every((token) => SCOPE_TOKEN.test(token)) ? [...new Set(tokens)] : undefined;
}

/** The scopes of a sign-in that we know; the unknown are dropped silently (D31, seed). */
export function knownSignInScopes(requested: readonly string[]): string[] {
  return requested.filter((scope) => (SIGN_IN_SCOPES as readonly string[]).includes(scope));
}

/** RFC 6749 §6: a refresh may narrow, never widen. Returns undefined when `requested` holds more than `granted`. */
export function narrowScope(granted: readonly string[], requested: readonly string[]): string[] | undefined {
  return requested.every((scope) => granted.includes(scope)) ? [...requested] : undefined;
}
