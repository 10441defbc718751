import {
  DEVICE_CODE_GRANT,
  hasPrivateMember,
  OAuthError,
  postLogoutUriFault,
  redirectUriFault,
  SIGN_IN_SCOPES,
  TOKEN_EXCHANGE_GRANT,
} from '@app/oauth2';
import type { ApplicationSettings } from './application.js';

/** What is wrong with one field, under the name that it has on the wire (RFC 7591 §2). */
export interface ApplicationFault {
  readonly field: string;
  readonly message: string;
}

/** What is wrong with an address, or undefined. */
type UriJudge = (uri: string) => string | undefined;

const LONGEST_URI = 2000;
const MOST_URIS = 50;

/**
 * Everything that is wrong with an application's settings: redirect targets by D7 and R18, scopes that exist, a way to
 * authenticate that has what it needs, no consent skipped where it must be asked for (D49, RFC 8252 §8.6).
 */
export function applicationFaults(settings: ApplicationSettings): readonly ApplicationFault[] {
  return [
    ...targetFaults('redirect_uris', settings.redirectUris, redirectUriFault),
    ...targetFaults('post_logout_redirect_uris', settings.postLogoutRedirectUris, postLogoutUriFault),
    ...grantFaults(settings),
    ...scopeFaults(settings.scopes),
    ...authenticationFaults(settings),
    ...settings.resources.flatMap((resource) => uriFault('resources', resource, resourceFault)),
    ...uriFault('backchannel_logout_uri', settings.backchannelLogoutUri, redirectUriFault),
    ...uriFault(
      'frontchannel_logout_uri',
      settings.frontchannelLogoutUri,
      (uri) => redirectUriFault(uri) ?? strangerFault(uri, settings.redirectUris),
    ),
    ...uriFault('logo_uri', settings.logoUri, logoFault),
  ];
}

/** @throws OAuthError 422 with the first fault; the details name the field */
export function assertApplication(settings: ApplicationSettings): void {
  const [fault] = applicationFaults(settings);
  if (fault === undefined) return;
  throw new OAuthError('invalid_request', `${fault.field} ${fault.message}`, {
    status: 422,
    details: { in: 'body', field: fault.field },
  });
}

function targetFaults(field: string, uris: readonly string[], faultOf: UriJudge): ApplicationFault[] {
  if (uris.length > MOST_URIS) return [{ field, message: `may hold ${MOST_URIS} at most` }];
  if (new Set(uris).size < uris.length) return [{ field, message: 'holds one target twice' }];
  return uris.flatMap((uri) => uriFault(field, uri, faultOf));
}

function uriFault(field: string, uri: string | undefined, faultOf: UriJudge): ApplicationFault[] {
  if (uri === undefined) return [];
  const message = uri.length > LONGEST_URI ? `is longer than ${LONGEST_URI} characters` : faultOf(uri);
  return message === undefined ? [] : [{ field, message }];
}

/** People come to an application by one grant or by another; a device has no place to come back to (RFC 8628). */
function grantFaults({ grantTypes, redirectUris, tokenEndpointAuthMethod }: ApplicationSettings): ApplicationFault[] {
  const hasCode = grantTypes.includes('authorization_code');
  if (!hasCode && !grantTypes.includes(DEVICE_CODE_GRANT))
    return [{ field: 'grant_types', message: `must hold authorization_code or ${DEVICE_CODE_GRANT}` }];
  if (grantTypes.includes(TOKEN_EXCHANGE_GRANT) && tokenEndpointAuthMethod === 'none')
    return [{ field: 'grant_types', message: 'may hold token-exchange only where the application can prove itself' }];
  if (!hasCode || redirectUris.length > 0) return [];
  return [{ field: 'redirect_uris', message: 'must hold at least one target' }];
}

function scopeFaults(scopes: readonly string[]): ApplicationFault[] {
  const known: readonly string[] = SIGN_IN_SCOPES;
  if (scopes.length === 0) return [{ field: 'scopes', message: 'must hold at least one scope' }];
  return scopes.every((scope) => known.includes(scope))
    ? []
    : [{ field: 'scopes', message: `may hold only ${known.join(', ')}` }];
}

function authenticationFaults({ tokenEndpointAuthMethod, jwks, consent }: ApplicationSettings): ApplicationFault[] {
  if (tokenEndpointAuthMethod === 'none' && consent === 'skip')
    return [{ field: 'consent', message: 'cannot be skipped by an application that proves itself by nothing' }];
  if (tokenEndpointAuthMethod !== 'private_key_jwt')
    return jwks === undefined ? [] : [{ field: 'jwks', message: 'is for private_key_jwt alone; leave it out' }];
  if (jwks === undefined || jwks.keys.length === 0)
    return [{ field: 'jwks', message: 'is required for private_key_jwt: the public keys as a JWK set' }];
  const keys: readonly object[] = jwks.keys;
  if (keys.some(hasPrivateMember))
    return [
      { field: 'jwks', message: 'holds a private or symmetric key; send public keys alone and replace that one' },
    ];
  return [];
}

/** OpenID Connect Front-Channel Logout 1.0 §2: our page loads it in a frame, so it is the application's own or nobody's. */
function strangerFault(uri: string, redirectUris: readonly string[]): string | undefined {
  const { origin } = new URL(uri);
  return redirectUris.some((target) => URL.canParse(target) && new URL(target).origin === origin)
    ? undefined
    : 'must have the scheme, host and port of one of redirect_uris';
}

/** RFC 8707 §2. */
function resourceFault(resource: string): string | undefined {
  if (!URL.canParse(resource)) return 'must be absolute URIs (RFC 8707 §2)';
  return resource.includes('#') ? 'must not have a fragment (RFC 8707 §2)' : undefined;
}

function logoFault(uri: string): string | undefined {
  return URL.canParse(uri) && new URL(uri).protocol === 'https:' ? undefined : 'must be an https address';
}
