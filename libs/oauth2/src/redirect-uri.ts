const LOOPBACK_LITERALS = new Set(['127.0.0.1', '[::1]']);

/** Says whether a hostname of the WHATWG parser is this machine: an IP literal of it or `localhost`. */
export function isLoopbackHost(hostname: string): boolean {
  return LOOPBACK_LITERALS.has(hostname) || hostname === 'localhost';
}

/**
 * Why a redirect target may not be registered, or undefined when it may (D7, R18): it must equal its own WHATWG
 * serialisation, so that nothing is normalised between what was checked and where the browser goes; https, or http on a
 * loopback host; no fragment (RFC 6749 §3.1.2), no user info.
 */
export function redirectUriFault(candidate: string): string | undefined {
  let url: URL;
  try {
    url = new URL(candidate);
  } catch {
    return 'is not an absolute URL';
  }
  if (candidate.includes('#')) return 'must not have a fragment';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password';
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname)))
    return 'must use https (http only on a loopback host)';
  if (url.href !== candidate) return `must be written in its normal form: ${url.href}`;
  return undefined;
}

/**
 * Why an address may not be registered for after a logout, or undefined when it may: {@link redirectUriFault}, but an
 * origin may stand without its slash. Clients send their base address so, and no browser reads it in two ways.
 */
export function postLogoutUriFault(candidate: string): string | undefined {
  const isOrigin = URL.canParse(candidate) && new URL(candidate).origin === candidate;
  return redirectUriFault(isOrigin ? `${candidate}/` : candidate);
}

/** How the answer reaches the target. A fragment never goes to a port that was not registered (D7). */
export type Delivery = 'query' | 'fragment';

/**
 * Says whether `candidate` is the registered target: plain string equality, except that a loopback IP literal may carry
 * any port when the answer is a code in the query (RFC 8252 §7.3, D7).
 */
export function redirectUriMatches(candidate: string, registered: string, delivery: Delivery): boolean {
  if (candidate === registered) return true;
  if (delivery !== 'query' || redirectUriFault(candidate) !== undefined) return false;
  const asked = new URL(candidate);
  const known = new URL(registered);
  if (known.protocol !== 'http:' || !LOOPBACK_LITERALS.has(known.hostname)) return false;
  asked.port = known.port;
  return asked.href === known.href;
}
