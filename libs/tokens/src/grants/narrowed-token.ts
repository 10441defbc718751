import type { Application } from '@app/clients';
import { narrowScope, OAuthError } from '@app/oauth2';
import type { AccessTokenClaims } from '../access-token.js';

/** What a token exchange asks for; what is undefined stays as the subject token has it. */
export interface NarrowingWish {
  readonly scopes: readonly string[] | undefined;
  readonly resource: string | undefined;
  readonly audience: string | undefined;
}

export interface NarrowedToken {
  readonly scopes: readonly string[];
  readonly audience: string | readonly string[];
}

type Subject = Pick<AccessTokenClaims, 'scope' | 'aud'>;
type Registration = Pick<Application, 'scopes' | 'resources'>;

/**
 * What may come of an exchange: never a scope that the subject token has not, or that its application has not any more,
 * and one audience that could be had with the subject token (docs/decisions/0020).
 * @param ourselves the issuer
 * @throws OAuthError `invalid_scope`, `invalid_target` (RFC 8693 §2.2.2)
 */
export function narrowedToken(
  subject: Subject,
  wish: NarrowingWish,
  application: Registration,
  ourselves: string,
): NarrowedToken {
  return { audience: audienceOf(subject, wish, application, ourselves), scopes: scopesOf(subject, wish, application) };
}

function scopesOf({ scope }: Subject, wish: NarrowingWish, { scopes: registered }: Registration): readonly string[] {
  const granted = scope.split(' ').filter((one) => registered.includes(one));
  const scopes = narrowScope(granted, wish.scopes ?? granted);
  if (scopes === undefined || scopes.length === 0)
    throw new OAuthError('invalid_scope', 'scope must be of the scopes of subject_token: an exchange can only narrow');
  return scopes;
}

/**
 * A token that is for this server stands for all that was authorized, which the application may divide among its APIs. One
 * that is for an API alone stays with it: whoever asked for it so meant it to be of no use elsewhere (RFC 8707 §3).
 */
function audienceOf(
  { aud }: Subject,
  { resource, audience }: NarrowingWish,
  { resources }: Registration,
  ourselves: string,
): string | readonly string[] {
  if (resource !== undefined && audience !== undefined && resource !== audience)
    throw new OAuthError('invalid_target', 'resource and audience name two APIs; a token is for one');
  const named = [aud].flat().filter((one) => one === ourselves || resources.includes(one));
  const [first, ...others] = named;
  const wanted = resource ?? audience;
  if (wanted === undefined && first !== undefined) return others.length === 0 ? first : named;
  const reachable = named.includes(ourselves) ? [...named, ...resources] : named;
  if (wanted !== undefined && reachable.includes(wanted)) return wanted;
  throw new OAuthError(
    'invalid_target',
    'resource must be what subject_token is for, or, where that is for this server, an API that the application is registered for',
  );
}
