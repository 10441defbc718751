import { decodeJwt } from 'jose';
import { OAuthError } from '@app/oauth2';
import { z } from 'zod';

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
    }
  /** `clientId` is what the assertion says of itself (RFC 7521 §4.2). */
  | { readonly kind: 'assertion'; readonly clientId: string; readonly assertion: string; readonly method: 'body' };

/** The fields of a body that a client presents itself with (RFC 6749 §2.3.1, RFC 7521 §4.2). */
export const CLIENT_FIELDS = {
  client_id: z.string().max(2000).optional(),
  client_secret: z.string().max(1000).optional(),
  client_assertion_type: z
    .string()
    .max(200)
    .optional()
    .describe('Beside client_assertion, of an application with a key'),
  client_assertion: z.string().max(16_384).optional().describe('A JWT signed with its key (RFC 7523 §2.2)'),
};
const ClientFieldsSchema = z.object(CLIENT_FIELDS);
/** Empty ones are not sent (RFC 6749 §3.1). */
export type ClientFields = z.output<typeof ClientFieldsSchema>;

const NONE: PresentedClient = { kind: 'none' };
const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i;
const SCHEME_IS_BASIC = /^basic(?: |$)/i;
/** RFC 7523 §2.2. */
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * Reads client credentials from a request (RFC 6749 §2.3.1, RFC 7523 §2.2, D11). Another scheme in the Authorization
 * header is not a client's and is passed over.
 * @param body undefined where a field was not sent or is empty.
 * @throws OAuthError `invalid_request` for two ways at once (RFC 6749 §2.3), `invalid_client` for a Basic header or an
 *   assertion that cannot be read.
 */
export function presentedClient(authorization: string | undefined, body: ClientFields): PresentedClient {
  const { client_id: clientId, client_secret: clientSecret } = body;
  const isBasic = authorization !== undefined && SCHEME_IS_BASIC.test(authorization);
  if (body.client_assertion !== undefined || body.client_assertion_type !== undefined) {
    if (isBasic || clientSecret !== undefined)
      throw new OAuthError('invalid_request', 'Authenticate by client_assertion or by a secret, not both');
    return readAssertion(body);
  }
  if (isBasic) {
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

/** RFC 7521 §4.2: `client_id` may be left out; whom the assertion is about is its `sub`. */
function readAssertion(body: ClientFields): PresentedClient {
  const { client_id: clientId, client_assertion: assertion, client_assertion_type: type } = body;
  if (assertion === undefined)
    throw new OAuthError('invalid_request', 'client_assertion is required beside client_assertion_type');
  if (type !== JWT_BEARER)
    throw new OAuthError('invalid_request', `client_assertion_type must be ${JWT_BEARER} (RFC 7523 §2.2)`);
  const subject = subjectOf(assertion);
  if (clientId !== undefined && clientId !== subject)
    throw new OAuthError('invalid_request', 'client_id is not the sub of client_assertion (RFC 7521 §4.2)');
  return { kind: 'assertion', clientId: subject, assertion, method: 'body' };
}

function subjectOf(assertion: string): string {
  let subject: string | undefined;
  try {
    subject = decodeJwt(assertion).sub;
  } catch {
    // What it says of itself below is enough; the text itself is not for repeating.
  }
  if (typeof subject === 'string' && subject !== '') return subject;
  throw new OAuthError(
    'invalid_client',
    'client_assertion cannot be read: it is no signed JWT with a sub (RFC 7523 §3)',
  );
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
