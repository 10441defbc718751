import { authenticateClient } from '@app/oauth-providers';
import type { OutboundAnswer, OutboundCalls } from '@app/outbound';
import { parseAnswer, type AnswerFields } from './answer-fields.js';
import { readRefusal } from './refusal.js';
import { answeredAt } from './retry-after.js';
import { prepareRequest, type OAuthProviderConfig } from './token-request.js';
import type { UpstreamTokenSet } from './token-set.js';
import type { EndpointAddresses } from './upstream-endpoints.js';

/** `unsupported`: the provider has no way to give tokens back, or none for tokens of this kind. */
export type Revocation = 'revoked' | 'unsupported' | 'failed';

type Tokens = Pick<UpstreamTokenSet, 'accessToken' | 'refreshToken'>;
type Addresses = () => EndpointAddresses | Promise<EndpointAddresses>;

/** Gives tokens back; never throws. See RevocationStyle for the ways. */
export async function revokeTokens(
  calls: OutboundCalls,
  config: OAuthProviderConfig,
  addresses: Addresses,
  tokens: Tokens,
  signal: AbortSignal | undefined,
): Promise<Revocation> {
  try {
    const { revocation: url } = await addresses();
    if (url === undefined) return 'unsupported';
    const { revocationStyle: style } = config.tokens;
    if (style !== 'rfc7009' && style !== 'rfc7009_json') {
      return succeeded(await sendAccessToken(calls, config, url, tokens.accessToken, signal)) ? 'revoked' : 'failed';
    }
    const { accessToken, refreshToken } = tokens;
    if (refreshToken === undefined) return await revokeOne(calls, config, url, accessToken, 'access_token', signal);
    // RFC 7009 §2.1: ending the refresh token ends the access tokens of the grant too, where those can be ended.
    const first = await revokeOne(calls, config, url, refreshToken, 'refresh_token', signal);
    return first === 'unsupported' ? await revokeOne(calls, config, url, accessToken, 'access_token', signal) : first;
  } catch {
    return 'failed';
  }
}

async function revokeOne(
  calls: OutboundCalls,
  config: OAuthProviderConfig,
  url: string,
  token: string,
  hint: string,
  signal: AbortSignal | undefined,
): Promise<Revocation> {
  const format = config.tokens.revocationStyle === 'rfc7009_json' ? 'json' : 'form';
  const request = prepareRequest(calls, config, url, format, { token_type_hint: hint });
  const answer = await calls.send(request.call, request.bodyWith([['token', token]]), { signal });
  // RFC 7009 §2.2: 200 also for a token that is not (any more) valid, which is what was wanted.
  if (succeeded(answer)) return 'revoked';
  const fields = parseAnswer(answer.body, answer.headers['content-type']);
  return fields && readRefusal(fields, config.tokens)?.code === 'unsupported_token_type' ? 'unsupported' : 'failed';
}

/** The ways that are not RFC 7009: the access token itself is shown, and the whole grant or the token ends. */
function sendAccessToken(
  calls: OutboundCalls,
  config: OAuthProviderConfig,
  url: string,
  accessToken: string,
  signal: AbortSignal | undefined,
): Promise<OutboundAnswer> {
  const accept = { accept: 'application/json' };
  switch (config.tokens.revocationStyle) {
    case 'github': {
      const basic = authenticateClient(
        { ...config, tokenEndpointAuthMethod: 'client_secret_basic' },
        new URLSearchParams(),
      );
      const call = calls.prepare('DELETE', url, { ...accept, 'content-type': 'application/json', ...basic });
      return calls.send(call, JSON.stringify({ access_token: accessToken }), { signal });
    }
    case 'bearer_delete':
      return calls.send(calls.prepare('DELETE', url, { ...accept, authorization: `Bearer ${accessToken}` }), null, {
        signal,
      });
    default:
      return calls.send(calls.prepare('POST', url, { ...accept, authorization: `Bearer ${accessToken}` }), null, {
        signal,
      });
  }
}

/** 2xx, and not the `ok: false` of those who answer everything with 200. */
function succeeded(answer: OutboundAnswer): boolean {
  if (answer.status < 200 || answer.status >= 300) return false;
  return parseAnswer(answer.body, answer.headers['content-type'])?.['ok'] !== false;
}

/** Seconds that an access token has left (RFC 7662 §2.2): 0 when it is not active, undefined when nobody says. */
export async function introspectExpiry(
  calls: OutboundCalls,
  config: OAuthProviderConfig,
  addresses: Addresses,
  accessToken: string,
  now: Date,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  try {
    const { introspection: url } = await addresses();
    if (url === undefined) return undefined;
    const request = prepareRequest(calls, config, url, 'form', { token_type_hint: 'access_token' });
    const answer = await calls.send(request.call, request.bodyWith([['token', accessToken]]), { signal });
    if (answer.status !== 200) return undefined;
    const fields = parseAnswer(answer.body, answer.headers['content-type']);
    return fields && secondsLeft(fields, answer, now);
  } catch {
    return undefined;
  }
}

function secondsLeft(fields: AnswerFields, answer: OutboundAnswer, now: Date): number | undefined {
  if (fields['active'] === false) return 0;
  const exp = fields['exp'];
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return undefined;
  return Math.max(0, Math.floor(exp - answeredAt(answer.headers.date, now) / 1_000));
}
