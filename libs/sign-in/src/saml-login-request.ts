import type { FirstPartyClients } from '@app/clients';
import type { GatehouseConfig, SamlProviderConfig } from '@app/config';
import { SIGN_IN_SCOPES } from '@app/oauth2';
import { z } from 'zod';
import {
  authorizationRequest,
  AuthorizationParametersSchema,
  type AuthorizationRequest,
} from './authorization-request.js';

/** GET /saml/{provider}/login: the seed's `client_callback`, and what D51 adds to it. */
export const SamlLoginParametersSchema = AuthorizationParametersSchema.pick({
  client_callback: true,
  redirect_uri: true,
  client_id: true,
  response_type: true,
  response_mode: true,
  state: true,
  nonce: true,
  code_challenge_method: true,
  login_hint: true,
  prompt: true,
  max_age: true,
  acr_values: true,
  dpop_jkt: true,
}).extend({
  scope: z.string().max(1000).optional().describe('Without it openid, profile and email'),
  code_challenge: z
    .string()
    .max(128)
    .optional()
    .describe('BASE64URL(SHA256(code_verifier)) (RFC 7636 §4.2); required with response_type=code'),
});
export type SamlLoginParameters = z.infer<typeof SamlLoginParametersSchema>;

/** What a login asks for that names no scope: all that a first-party client may have without being asked (seed). */
const DEFAULT_SCOPES: readonly string[] = SIGN_IN_SCOPES.filter((scope) =>
  ['openid', 'profile', 'email'].includes(scope),
);

/**
 * Checks a login at one SAML provider by the rules of /oauth2/authorize (D7, D8, R18). A challenge is required only where
 * there will be a code.
 * @throws OAuthError 400, always for the caller himself
 */
export function samlLoginRequest(
  providerId: string,
  parameters: SamlLoginParameters,
  clients: FirstPartyClients,
  config: GatehouseConfig,
): AuthorizationRequest {
  const { scope = DEFAULT_SCOPES.join(' '), ...rest } = parameters;
  return authorizationRequest({ ...rest, idp: providerId, scope }, clients, config);
}

/**
 * The request of a login that the IdP asks for (D36): to the callback that RelayState names where it is one of ours, else
 * to the provider's own. A client that did not ask has no verifier, so its fragment alone can take tokens (D8): undefined
 * where that is off, or where neither callback is known.
 */
export function idpInitiatedRequest(
  provider: Pick<SamlProviderConfig, 'id' | 'idpInitiatedCallback'>,
  relayState: string | undefined,
  { clientCallbacks, fragmentDelivery }: Pick<GatehouseConfig, 'clientCallbacks' | 'fragmentDelivery'>,
): AuthorizationRequest | undefined {
  const [client] = [relayState, provider.idpInitiatedCallback].flatMap((url) =>
    clientCallbacks.filter((callback) => callback.url === url),
  );
  if (client === undefined || !fragmentDelivery) return undefined;
  return {
    idp: provider.id,
    organization: undefined,
    clientId: client.clientId,
    party: 'first',
    delivery: { kind: 'fragment', target: client.url },
    namedTarget: client.url,
    scopes: DEFAULT_SCOPES,
    state: undefined,
    nonce: undefined,
    loginHint: undefined,
    prompt: undefined,
    maxAge: undefined,
    acrValues: undefined,
    uiLocales: undefined,
    resource: undefined,
  };
}
