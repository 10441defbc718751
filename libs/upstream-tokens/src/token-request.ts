import type { OAuth2ProviderConfig, OidcProviderConfig } from '@app/config';
import { authenticateClient } from '@app/oauth-providers';
import type { OutboundCall, OutboundCalls } from '@app/outbound';

export type OAuthProviderConfig = OidcProviderConfig | OAuth2ProviderConfig;

/** A request to one endpoint with everything filled in that does not change from call to call. */
export interface PreparedRequest {
  readonly call: OutboundCall;
  /** The body with these parameters added; they may not repeat a prepared one. */
  bodyWith(parameters: readonly (readonly [name: string, value: string])[]): string;
}

/**
 * Makes a request to the token endpoint or one of its neighbours ready: client authentication (RFC 6749 §2.3.1) and the
 * parameters that stay, as a form or as JSON.
 * @throws OutboundError for an address that may not be called
 */
export function prepareRequest(
  calls: OutboundCalls,
  config: OAuthProviderConfig,
  url: string,
  format: 'form' | 'json',
  parameters: Readonly<Record<string, string>>,
): PreparedRequest {
  const fixed = new URLSearchParams(parameters);
  const headers = {
    accept: 'application/json',
    'content-type': format === 'json' ? 'application/json' : 'application/x-www-form-urlencoded',
    ...authenticateClient(config, fixed),
    ...ownHeaders(config),
  };
  const call = calls.prepare('POST', url, headers);
  const entries = [...fixed];
  return { call, bodyWith: format === 'json' ? jsonBody(entries) : formBody(entries) };
}

/** Those that the provider's rules add, for a provider that is told who we are in a way of its own. */
function ownHeaders({ tokens, clientSecret }: OAuthProviderConfig): Record<string, string> {
  const secret = clientSecret?.reveal() ?? '';
  return Object.fromEntries(
    Object.entries(tokens.tokenHeaders).map(([name, value]) => [name, value.replace('{client_secret}', () => secret)]),
  );
}

type Entries = readonly (readonly [name: string, value: string])[];

function formBody(fixed: Entries): PreparedRequest['bodyWith'] {
  const head = fixed.map(formPair).join('&');
  return (parameters) => {
    const rest = parameters.map(formPair).join('&');
    return head === '' ? rest : `${head}&${rest}`;
  };
}

/** Percent-encodes more than a form must, which every form parser reads back. */
const formPair = ([name, value]: readonly [string, string]): string =>
  `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;

function jsonBody(fixed: Entries): PreparedRequest['bodyWith'] {
  const head = fixed.map(jsonPair).join(',');
  return (parameters) => {
    const rest = parameters.map(jsonPair).join(',');
    return head === '' ? `{${rest}}` : `{${head},${rest}}`;
  };
}

const jsonPair = ([name, value]: readonly [string, string]): string =>
  `${JSON.stringify(name)}:${JSON.stringify(value)}`;
