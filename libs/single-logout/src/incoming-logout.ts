import type { FastifyRequest } from 'fastify';
import { readBody } from '@app/edge';
import { OAuthError } from '@app/oauth2';
import { relayedByQuery, type LogoutJob } from '@app/saml';
import { z } from 'zod';

/** A logout message as it came, of which nothing is believed yet. */
export interface IncomingLogout {
  readonly kind: 'logout_request' | 'logout_response';
  readonly message: LogoutJob['message'];
  /** The sender's own, or for an answer ours: to be given back as it is, or compared. */
  readonly relayState: string | undefined;
}

/** The standard says 80 bytes (bindings §3.4.3) and products send addresses; it goes back into an address of ours. */
const LONGEST_RELAY_STATE = 4096;

/** The form of the POST binding (bindings §3.5.4). */
export const LogoutFormSchema = z.object({
  SAMLRequest: z.string().optional().describe('A LogoutRequest: base64 of signed XML'),
  SAMLResponse: z.string().optional().describe('A LogoutResponse: base64 of signed XML'),
  RelayState: z.string().max(LONGEST_RELAY_STATE).optional(),
});

/** The query of the Redirect binding (bindings §3.4.4). */
export const LogoutQuerySchema = z.object({
  SAMLRequest: z.string().optional().describe('A LogoutRequest: base64 of its raw DEFLATE'),
  SAMLResponse: z.string().optional().describe('A LogoutResponse, encoded alike'),
  RelayState: z.string().max(LONGEST_RELAY_STATE).optional(),
  SigAlg: z.string().optional(),
  Signature: z.string().optional().describe('Over the query, byte for byte'),
});

/** @throws OAuthError `invalid_request` where there is no message, or two. */
export function logoutInBody(request: FastifyRequest): IncomingLogout {
  const { SAMLRequest, SAMLResponse, RelayState: relayState } = readBody(LogoutFormSchema, request);
  const value = SAMLRequest ?? SAMLResponse;
  if (value === undefined || (SAMLRequest !== undefined && SAMLResponse !== undefined)) throw noMessage();
  return SAMLRequest === undefined
    ? { kind: 'logout_response', message: { binding: 'post', parameter: 'SAMLResponse', value }, relayState }
    : { kind: 'logout_request', message: { binding: 'post', parameter: 'SAMLRequest', value }, relayState };
}

/**
 * The raw query goes to the verifier; what is taken from it here comes out of the same parse, so it was signed. A query
 * that this parse refuses goes on with nothing else: the verifier refuses it too, and tells operators why.
 * @throws OAuthError `invalid_request` where there is no query, or its RelayState is too long.
 */
export function logoutInQuery(request: FastifyRequest): IncomingLogout {
  const { url = '' } = request.raw;
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
  if (query === '') throw noMessage();
  const message = { binding: 'redirect', query } as const;
  const relayed = relayedByQuery(query);
  if (relayed === undefined) return { kind: apparentKind(query), message, relayState: undefined };
  const { parameter, relayState } = relayed;
  if (relayState !== undefined && relayState.length > LONGEST_RELAY_STATE)
    throw new OAuthError('invalid_request', `RelayState is too long; at most ${LONGEST_RELAY_STATE} characters`);
  return { kind: parameter === 'SAMLRequest' ? 'logout_request' : 'logout_response', message, relayState };
}

/** Only for the words of the refusal. */
function apparentKind(query: string): IncomingLogout['kind'] {
  return /(^|&)SAMLResponse=/.test(query) ? 'logout_response' : 'logout_request';
}

function noMessage(): OAuthError {
  return new OAuthError('invalid_request', 'Send SAMLRequest or SAMLResponse, one of them');
}
