/** RFC 6750 §2.1; the scheme's case does not matter (RFC 9110 §11.1). */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;
/** RFC 9449 §7.1. */
const DPOP = /^DPoP +([A-Za-z0-9\-._~+/]+=*) *$/i;

/** An access token as a request presents it. Neither kind of token is taken under the scheme of the other. */
export interface PresentedAccessToken {
  readonly scheme: 'Bearer' | 'DPoP';
  readonly token: string;
}

/** The token of an Authorization header; undefined when there is none, or none of this scheme. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
}

/** The same for either scheme of access tokens. */
export function presentedAccessToken(authorization: string | undefined): PresentedAccessToken | undefined {
  const bearer = bearerToken(authorization);
  if (bearer !== undefined) return { scheme: 'Bearer', token: bearer };
  const bound = authorization === undefined ? undefined : DPOP.exec(authorization)?.[1];
  return bound === undefined ? undefined : { scheme: 'DPoP', token: bound };
}
