import type { Principal } from '@app/edge';
import type { Revocation } from '@app/revocation';
import { GROUPS_IN_TOKEN, type SessionFacts } from './session-facts.js';

/** RFC 9068 §2.1: what the `typ` header of our access tokens says, and of nothing else (D33). */
export const ACCESS_TOKEN_TYPE = 'at+jwt';

/**
 * The generations at issue (D20): of the user or the machine's owner, the provider, the organization, the client
 * (of a person's token: the application). */
interface Generations {
  readonly u: number;
  readonly o: number;
  readonly p?: number;
  readonly c?: number;
}

/** The claims of an access token (D19). `org`, `own`, `gen` and `src` are ours and mean nothing to anybody else. */
export interface AccessTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly client_id: string;
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti: string;
  readonly scope: string;
  readonly org: string;
  readonly gen: Generations;
  readonly sid?: string;
  readonly idp?: string;
  readonly own?: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly name?: string;
  readonly groups?: readonly string[];
  readonly groups_overage?: true;
  /** The key that it is bound to (RFC 9449 §6.1). */
  readonly cnf?: { readonly jkt: string };
  /** `jti` of the access token that it was exchanged for (RFC 8693), and dies with. */
  readonly src?: string;
}

/** What every token of ours begins with. */
export interface TokenFrame {
  readonly issuer: string;
  readonly tokenId: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

export interface MachineFacts {
  readonly clientId: string;
  readonly ownerId: string;
  readonly organizationId: string;
  readonly generation: number;
  readonly ownerGeneration: number;
  readonly organizationGeneration: number;
}

/**
 * Claims of a person's token; identity claims by scope, groups with `profile` for first-party clients (D19).
 * @param resource another API that the token is for (RFC 8707 §2.2); with `openid` it is good at UserInfo as well.
 */
export function userClaims(
  frame: TokenFrame,
  facts: SessionFacts,
  scopes: readonly string[],
  resource?: string,
): AccessTokenClaims {
  const profile = scopes.includes('profile');
  const wantsGroups = scopes.includes('groups') || (profile && facts.clientGeneration === undefined);
  const overage = wantsGroups && facts.groups.length > GROUPS_IN_TOKEN;
  return {
    iss: frame.issuer,
    sub: facts.userId,
    aud: audience(frame.issuer, scopes, resource),
    client_id: facts.clientId,
    exp: frame.expiresAt,
    iat: frame.issuedAt,
    nbf: frame.issuedAt,
    jti: frame.tokenId,
    sid: facts.sessionId,
    scope: scopes.join(' '),
    idp: facts.providerId,
    org: facts.organizationId,
    gen: {
      u: facts.userGeneration,
      p: facts.providerGeneration,
      o: facts.organizationGeneration,
      ...(facts.clientGeneration === undefined ? {} : { c: facts.clientGeneration }),
    },
    ...(scopes.includes('email') ? { email: facts.email, email_verified: facts.emailVerified } : {}),
    ...(profile && facts.name !== undefined ? { name: facts.name } : {}),
    ...(wantsGroups && !overage ? { groups: facts.groups } : {}),
    ...(overage ? { groups_overage: true as const } : {}),
  };
}

function audience(issuer: string, scopes: readonly string[], resource: string | undefined): string | readonly string[] {
  if (resource === undefined || resource === issuer) return issuer;
  return scopes.includes('openid') ? [resource, issuer] : resource;
}

/** Claims of a machine's token: `sub` is its `client_id` (D19), and it never carries a person's rights (R30). */
export function machineClaims(frame: TokenFrame, facts: MachineFacts, scopes: readonly string[]): AccessTokenClaims {
  return {
    iss: frame.issuer,
    sub: facts.clientId,
    aud: frame.issuer,
    client_id: facts.clientId,
    exp: frame.expiresAt,
    iat: frame.issuedAt,
    nbf: frame.issuedAt,
    jti: frame.tokenId,
    scope: scopes.join(' '),
    org: facts.organizationId,
    own: facts.ownerId,
    gen: { u: facts.ownerGeneration, c: facts.generation, o: facts.organizationGeneration },
  };
}

/** What the claims allow their bearer to be. Undefined when a claim that we always write is missing. */
export function principalOf(claims: AccessTokenClaims): Principal | undefined {
  const bearer = {
    tokenId: claims.jti,
    clientId: claims.client_id,
    organizationId: claims.org,
    scopes: claims.scope === '' ? [] : claims.scope.split(' '),
    expiresAt: claims.exp,
  };
  if (claims.sid !== undefined && claims.idp !== undefined)
    return {
      kind: 'user',
      ...bearer,
      userId: claims.sub,
      sessionId: claims.sid,
      providerId: claims.idp,
      party: claims.gen.c === undefined ? 'first' : 'application',
    };
  if (claims.own !== undefined) return { kind: 'machine', ...bearer, ownerId: claims.own };
  return undefined;
}

/** The subjects whose revocation kills this token, with the generations it was issued at (D20). */
export function revocationClaims(claims: AccessTokenClaims): Revocation[] {
  const subjects: Revocation[] = [
    { subject: `token:${claims.jti}`, generation: 0 },
    { subject: `organization:${claims.org}`, generation: claims.gen.o },
  ];
  if (claims.src !== undefined) subjects.push({ subject: `token:${claims.src}`, generation: 0 });
  if (claims.sid !== undefined) subjects.push({ subject: `session:${claims.sid}`, generation: 0 });
  if (claims.idp !== undefined) subjects.push({ subject: `provider:${claims.idp}`, generation: claims.gen.p ?? 0 });
  subjects.push({ subject: `user:${claims.own ?? claims.sub}`, generation: claims.gen.u });
  if (claims.own !== undefined || claims.gen.c !== undefined)
    subjects.push({ subject: `client:${claims.client_id}`, generation: claims.gen.c ?? 0 });
  return subjects;
}
