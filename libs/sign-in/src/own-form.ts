import type { FastifyRequest } from 'fastify';
import { OAuthError } from '@app/oauth2';

/**
 * Refuses a form that a browser says came from elsewhere (R19, RFC 9700 §4.7). `SameSite=Lax` keeps the cookies from other
 * sites, but not from a neighbouring host or port, which is the same site. Where a browser does not say, the ticket in the
 * form must do: nobody else knows it.
 * @throws OAuthError `invalid_request` for the person
 */
export function assertOwnForm({ headers }: FastifyRequest, publicUrl: string): void {
  const { origin, 'sec-fetch-site': site } = headers;
  // Our pages send no referrer, so a form of theirs has the origin `null`; so may anybody's.
  const foreign = origin !== undefined && origin !== 'null' && origin !== new URL(publicUrl).origin;
  if (foreign || (site !== undefined && site !== 'same-origin'))
    throw new OAuthError('invalid_request', 'This form was sent by another site; start again at the application');
}
