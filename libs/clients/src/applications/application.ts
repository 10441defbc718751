import type { ApplicationGrantType } from '@app/oauth2';
import type { Revocation } from '@app/revocation';
import type { JSONWebKeySet } from 'jose';

/** How an application proves itself at the token endpoint (OIDC Core §9, RFC 7523). Both secrets are taken either way. */
export const APPLICATION_AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const;
export type ApplicationAuthMethod = (typeof APPLICATION_AUTH_METHODS)[number];

/** What whoever registers an application says of it; RFC 7591 §2 under our names. */
export interface ApplicationSettings {
  readonly name: string;
  readonly logoUri: string | undefined;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  /** The most that it may ask people for. */
  readonly scopes: readonly string[];
  readonly grantTypes: readonly ApplicationGrantType[];
  readonly tokenEndpointAuthMethod: ApplicationAuthMethod;
  readonly jwks: JSONWebKeySet | undefined;
  /** The APIs that it may ask tokens for (RFC 8707). */
  readonly resources: readonly string[];
  /** `skip`: whoever registered it has consented for everybody in the organization. */
  readonly consent: 'ask' | 'skip';
  /** It gets no token without a DPoP proof (RFC 9449 §5.2). */
  readonly dpopBoundAccessTokens: boolean;
  readonly backchannelLogoutUri: string | undefined;
  readonly frontchannelLogoutUri: string | undefined;
}

/** An application that may be used, with the generations that its tokens are issued at (D20). */
export interface Application extends ApplicationSettings {
  readonly id: string;
  readonly clientId: string;
  readonly organizationId: string;
  readonly organizationName: string;
  readonly generation: number;
  /** Rises with every change. */
  readonly revision: number;
  readonly organizationGeneration: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Public ones have nothing to prove themselves with (RFC 6749 §2.1). */
export function isPublic(application: Pick<Application, 'tokenEndpointAuthMethod'>): boolean {
  return application.tokenEndpointAuthMethod === 'none';
}

/** Whether it has secrets at all (OIDC Core §9). */
export function provesBySecret({
  tokenEndpointAuthMethod: method,
}: Pick<Application, 'tokenEndpointAuthMethod'>): boolean {
  return method === 'client_secret_basic' || method === 'client_secret_post';
}

/** What a change of an application is told by, so that nobody goes on with what he remembers of it. */
export function revisionSubject(clientId: string): string {
  return `application:${clientId}`;
}

/** The question whether what is remembered of this application still counts. */
export function applicationRevocationClaims(application: Application): readonly Revocation[] {
  return [
    { subject: revisionSubject(application.clientId), generation: application.revision },
    { subject: `client:${application.clientId}`, generation: application.generation },
    { subject: `organization:${application.organizationId}`, generation: application.organizationGeneration },
  ];
}
