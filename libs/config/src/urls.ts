import { isIPv4 } from 'node:net';

/** Hosts that never leave the machine: `localhost`, 127.0.0.0/8, `[::1]` (RFC 8252 §7.3, §8.3). Input is `URL.hostname`. */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}

/** https, or http to this very machine. */
function isConfidential(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
}

function hasUserinfo(url: URL): boolean {
  return url.username !== '' || url.password !== '';
}

/** Each function below answers what is wrong and how to fix it, or undefined for a good value. */
export type UrlFault = string | undefined;

const notUrl = 'is not an absolute URL; write it in full, like https://app.example.com/callback';

/**
 * D7, R18: a redirect target that can be compared by plain string equality. It equals its own WHATWG serialisation, is
 * https (or http on a loopback host), and has neither fragment nor user information nor a wildcard host.
 */
export function clientCallbackFault(text: string): UrlFault {
  if (!URL.canParse(text)) return notUrl;
  const url = new URL(text);
  if (hasUserinfo(url)) return 'contains a user name or password; remove everything before the @';
  if (text.includes('#')) return 'contains a fragment; remove the # and what follows';
  if (!isConfidential(url)) return 'must be https, or http on localhost, 127.0.0.0/8 or [::1]';
  if (url.hostname.includes('*')) return 'has a wildcard host; list every callback on its own';
  if (url.href !== text) return `is not in normal form; write ${url.href}`;
  return undefined;
}

/** Where people go after a logout: as above, but an origin may stand without its slash, as clients send their base address. */
export function postLogoutFault(text: string): UrlFault {
  return originFault(text) === undefined ? undefined : clientCallbackFault(text);
}

/** D3: the issuer. Like a callback, but with neither query nor (in the result) trailing slash; http is judged elsewhere. */
export function publicUrlFault(text: string): UrlFault {
  if (!URL.canParse(text)) return 'is not an absolute URL; write it in full, like https://login.example.com';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:// (http:// in development)';
  if (hasUserinfo(url)) return 'contains a user name or password; remove everything before the @';
  if (text.includes('?') || text.includes('#')) return 'contains a query or fragment; remove it';
  if (url.hostname.includes('*')) return 'has a wildcard host; give the one name that browsers use';
  if (url.pathname.includes('//')) return 'contains an empty path segment; remove the doubled slash';
  if (text !== url.href && `${text}/` !== url.href)
    return `is not in normal form; write ${withoutTrailingSlash(url.href)}`;
  return undefined;
}

export function withoutTrailingSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}

/** An address that Gatehouse itself calls, or sends browsers to: https; http only for a loopback host when allowed. */
export function upstreamUrlFault(text: string, allowed: { readonly loopbackHttp: boolean }): UrlFault {
  if (!URL.canParse(text)) return 'is not an absolute URL; write it in full, like https://id.example.com';
  const url = new URL(text);
  if (hasUserinfo(url)) return 'contains a user name or password; remove everything before the @';
  if (text.includes('#')) return 'contains a fragment; remove the # and what follows';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol === 'http:' && isLoopbackHost(url.hostname)) {
    return allowed.loopbackHttp ? undefined : 'is http; use https, or set outbound.allow_private for a loopback host';
  }
  return 'must be https (http is accepted only on a loopback host with outbound.allow_private)';
}

/** OpenID Connect Discovery §2, RFC 8414 §2: an issuer has no query either. */
export function issuerFault(text: string, allowed: { readonly loopbackHttp: boolean }): UrlFault {
  return upstreamUrlFault(text, allowed) ?? (text.includes('?') ? 'contains a query; an issuer has none' : undefined);
}

/** RFC 6454 §6.1: the serialised origin that a browser sends, e.g. `https://app.example.com`. */
export function originFault(text: string): UrlFault {
  if (!URL.canParse(text)) return 'is not an origin; write scheme, host and port only, like https://app.example.com';
  const url = new URL(text);
  if (hasUserinfo(url)) return 'contains a user name or password; remove everything before the @';
  if (!isConfidential(url)) return 'must be https, or http on localhost, 127.0.0.0/8 or [::1]';
  if (url.hostname.includes('*')) return 'has a wildcard host; list every origin on its own';
  if (url.origin !== text) return `is not in the form that browsers send; write ${url.origin}`;
  return undefined;
}
