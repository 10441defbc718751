/** RFC 3986 §2.3: what means the same with and without an escape. */
const UNRESERVED = /^[A-Za-z0-9\-._~]$/;
const ESCAPE = /%[0-9a-f]{2}/gi;

/**
 * Whether an `htu` names this target (RFC 9449 §4.3, 9): query and fragment do not count, and what RFC 3986 §6.2.2 and
 * §6.2.3 call equal is equal: the case of scheme, host and escapes, the default port, dot segments, an empty path.
 * @param target our own address, never one made from the Host header (D3)
 */
export function namesTarget(htu: string, target: string): boolean {
  const named = normalized(htu);
  return named !== undefined && named === normalized(target);
}

/** Undefined for what is no http address, or one with a user's name in it, which no target of ours has. */
function normalized(uri: string): string | undefined {
  // A URL parser passes over spaces and line breaks, and reads `\` as `/`.
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(uri) || !URL.canParse(uri)) return undefined;
  const { protocol, username, password, host, pathname } = new URL(uri);
  if ((protocol !== 'https:' && protocol !== 'http:') || username !== '' || password !== '') return undefined;
  return `${protocol}//${host}${pathname.replaceAll(ESCAPE, plainest)}`;
}

function plainest(escape: string): string {
  const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
  return UNRESERVED.test(character) ? character : escape.toUpperCase();
}
