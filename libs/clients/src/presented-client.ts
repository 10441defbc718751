import { OAuthError } from '@app/oauth2';

/** How the credentials came: in the Authorization header or in the body. */
export type PresentationMethod = 'basic' | 'body';

/** A client as it presents itself, not yet believed. `named`: an id without a secret, as public clients send. */
export type PresentedClient =
  | { readonly kind: 'none' }
  | { readonly kind: 'named'; readonly clientId: string; readonly method: PresentationMethod }
  | {
      readonly kind: 'secret';
      readonly clientId: string;
      readonly clientSecret: string;
      readonly method: PresentationMethod;
    };

const NONE: PresentedClient = { kind: 'none' };
const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i;
const SCHEME_IS_BASIC = /^basic(?: |$)/i;

/**
 * Reads client credentials from a request (RFC 6749 §2.3.1, D11). Another scheme in the Authorization header is not a
 * client's and is passed over.
 * @param clientId, clientSecret of the body; undefined where not sent or empty.
 * @throws OAuthError `invalid_request` for two ways at once (RFC 6749 §2.3), `invalid_client` for a Basic header that
 *   cannot be read.
 */
export function presentedClient(
  authorization: string | undefined,
  clientId: string | undefined,
  clientSecret: string | undefined,
): PresentedClient {
  if (authorization !== undefined && SCHEME_IS_BASIC.test(authorization)) {
    const basic = readBasic(authorization);
    if (clientSecret !== undefined)
      throw new OAuthError('invalid_request', 'Authenticate by the Authorization header or by client_secret, not both');
    if (clientId !== undefined && clientId !== basic.clientId)
      throw new OAuthError('invalid_request', 'client_id is not the client of the Authorization header');
    return presented(basic.clientId, basic.clientSecret, 'basic');
  }
  if (clientId !== undefined) return presented(clientId, clientSecret ?? '', 'body');
  if (clientSecret !== undefined) throw new OAuthError('invalid_request', 'client_id is required beside client_secret');
  return NONE;
}

function presented(clientId: string, clientSecret: string, method: PresentationMethod): PresentedClient {
  return clientSecret === '' ? { kind: 'named', clientId, method } : { kind: 'secret', clientId, clientSecret, method };
}

/** RFC 7617 §2, with the form-urlencoding of both parts that RFC 6749 §2.3.1 puts inside. */
function readBasic(authorization: string): { clientId: string; clientSecret: string } {
  const encoded = BASIC.exec(authorization)?.[1];
  const pair = encoded === undefined ? undefined : decodeUtf8(Buffer.from(encoded, 'base64'));
  const colon = pair?.indexOf(':') ?? -1;
  if (pair === undefined || colon < 1) throw unreadable('it is not base64 of "client_id:client_secret"');
  const clientId = decodeForm(pair.slice(0, colon));
  const clientSecret = decodeForm(pair.slice(colon + 1));
  if (clientId === undefined || clientSecret === undefined) throw unreadable('its parts are not form-urlencoded');
  return { clientId, clientSecret };
}

function decodeUtf8(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined;
}

function decodeForm(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function unreadable(why: string): OAuthError {
  return new OAuthError('invalid_client', `The Basic credentials cannot be read: ${why} (RFC 6749 §2.3.1)`, {
    authenticate: 'Basic',
  });
}
