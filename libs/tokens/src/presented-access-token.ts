import type { ProvenRequest } from './dpop/dpop-proofs.js';

/** RFC 6750 §2.1; the scheme's case does not matter (RFC 9110 §11.1). */
const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;
/** RFC 9449 §7.1. */
const DPOP = /^DPoP +([A-Za-z0-9\-._~+/]+=*) *$/i;

/** An access token as a request presents it, not yet believed. */
export interface PresentedAccessToken {
  readonly scheme: 'Bearer' | 'DPoP';
  readonly token: string;
  /** Has the proof, and is what it must be for. */
  readonly request: ProvenRequest;
}

/** The token of the Authorization header; undefined when there is none, or none of these schemes. */
export function presentedAccessToken(request: ProvenRequest): PresentedAccessToken | undefined {
  const { authorization } = request.headers;
  if (authorization === undefined) return undefined;
  const bearer = BEARER.exec(authorization)?.[1];
  if (bearer !== undefined) return { scheme: 'Bearer', token: bearer, request };
  const bound = DPOP.exec(authorization)?.[1];
  return bound === undefined ? undefined : { scheme: 'DPoP', token: bound, request };
}
