import type { FirstPartyClient, FirstPartyClients } from '@app/clients';
import type { GatehouseConfig } from '@app/config';
import { isCodeChallenge, isJwkThumbprint, knownSignInScopes, OAuthError, parseScope } from '@app/oauth2';
import { z } from 'zod';

/** GET and POST /oauth2/authorize: the seed's parameters, RFC 6749 §4.1.1, RFC 7636 §4.3 and OIDC Core §3.1.2.1. */
export const AuthorizationParametersSchema = z.object({
  idp: z.string().max(100).optional().describe('Provider id; without it `test` where allowed, or the only provider'),
  client_callback: z.string().max(2000).optional().describe('A configured callback; tokens go to its fragment'),
  redirect_uri: z.string().max(2000).optional().describe('The same as client_callback, by its RFC name'),
  client_id: z.string().max(2000).optional(),
  response_type: z.string().max(100).optional().describe('code, or left out for the fragment'),
  response_mode: z.string().max(100).optional().describe('query; form_post for registered applications'),
  scope: z.string().max(1000).describe('Must hold openid; unknown scopes are ignored'),
  state: z.string().max(2048).optional().describe('Echoed, never invented'),
  nonce: z.string().max(1024).optional(),
  code_challenge: z
    .string()
    .max(128)
    .optional()
    .describe('BASE64URL(SHA256(code_verifier)) (RFC 7636 §4.2); only a confidential application may leave it out'),
  code_challenge_method: z.string().max(20).optional().describe('S256, also when left out'),
  login_hint: z.string().max(320).optional(),
  id_token_hint: z.string().max(16_384).optional().describe('Of an application: whom it expects to be signed in'),
  prompt: z.string().max(100).optional(),
  max_age: z.string().max(10).optional(),
  acr_values: z.string().max(1000).optional(),
  ui_locales: z.string().max(200).optional(),
  resource: z.string().max(2000).optional().describe('RFC 8707: an API that the application is registered for'),
  dpop_jkt: z.string().max(128).optional().describe('Thumbprint of the key that alone may redeem the code (RFC 9449)'),
  request: z.string().max(20_000).optional().describe('Refused: OIDC Core §6 is not supported'),
  request_uri: z.string().max(2000).optional().describe('What POST /oauth2/par answered; no other'),
});

/** A request for a sign-in as any entry point reads it. */
export type AuthorizationParameters = z.infer<typeof AuthorizationParametersSchema>;

/** The same for reading: a scope that is not there is `invalid_scope`, not `invalid_request` (RFC 6749 §3.3). */
export const ReceivedParametersSchema = AuthorizationParametersSchema.extend({
  scope: z.string().max(1000).default(''),
});

/** Where the outcome goes (D8): a code in the query, tokens in the fragment, or tokens as the answer itself. */
export type Delivery =
  | {
      readonly kind: 'code';
      readonly target: string;
      /** Undefined only where a confidential application sent none (D9). */
      readonly codeChallenge: string | undefined;
      /** Left out: in the query. */
      readonly mode?: 'form_post';
    }
  | { readonly kind: 'fragment'; readonly target: string }
  | { readonly kind: 'json' }
  /** A device that polls: there is nowhere to go, and the code that the person compares (RFC 8628). */
  | { readonly kind: 'device'; readonly id: string; readonly userCode: string }
  /** No client at all: the person becomes the first administrator and reads so (D43). */
  | { readonly kind: 'set-up' };

/** An authorization request whose every part was checked; what follows needs no other (D34). */
export interface AuthorizationRequest {
  readonly idp: string | undefined;
  /** By name: whose providers may serve; undefined: any. */
  readonly organization: string | undefined;
  readonly clientId: string;
  /** Whose client it is (D7): one of ours, or a registered application. */
  readonly party: 'first' | 'application';
  readonly delivery: Delivery;
  /** The target as the request named it; the token request must repeat it (RFC 6749 §4.1.3). */
  readonly namedTarget: string | undefined;
  readonly scopes: readonly string[];
  readonly state: string | undefined;
  readonly nonce: string | undefined;
  readonly loginHint: string | undefined;
  readonly prompt: string | undefined;
  /** Seconds. */
  readonly maxAge: number | undefined;
  readonly acrValues: string | undefined;
  readonly uiLocales: string | undefined;
  /** What the tokens are for beside this server (RFC 8707). */
  readonly resource: string | undefined;
  /** Thumbprint of the key that alone may redeem the code (RFC 9449 §10). */
  readonly dpopJkt?: string | undefined;
  /** Where it was pushed: told once, when its code is issued (RFC 9126). */
  readonly pushed?: string | undefined;
}

const PROMPTS = new Set(['none', 'login', 'consent', 'select_account']);

/**
 * Checks a first-party authorization request (D7 a, D8, D9). The client and its target come first: until they are known
 * nothing may be sent anywhere.
 * @throws OAuthError 400, always for the caller himself
 */
export function authorizationRequest(
  parameters: AuthorizationParameters,
  clients: FirstPartyClients,
  config: GatehouseConfig,
): AuthorizationRequest {
  const { clientId, delivery, namedTarget } = clientOf(parameters, clients, config);
  return {
    idp: parameters.idp,
    organization: undefined,
    clientId,
    party: 'first',
    delivery,
    namedTarget,
    scopes: scopesOf(parameters.scope),
    state: parameters.state,
    nonce: parameters.nonce,
    loginHint: parameters.login_hint,
    prompt: promptOf(parameters.prompt),
    maxAge: maxAgeOf(parameters.max_age),
    acrValues: parameters.acr_values,
    uiLocales: parameters.ui_locales,
    resource: undefined,
    dpopJkt: dpopJktOf(parameters, delivery.kind),
  };
}

type ClientPart = Pick<AuthorizationRequest, 'clientId' | 'delivery' | 'namedTarget'>;

function clientOf(
  parameters: AuthorizationParameters,
  clients: FirstPartyClients,
  config: GatehouseConfig,
): ClientPart {
  const kind = responseKind(parameters);
  const named = targetOf(parameters);
  if (parameters.resource !== undefined && parameters.resource !== config.publicUrl)
    throw new OAuthError('invalid_target', `resource must be ${config.publicUrl} (RFC 8707 §2)`);
  if (named === undefined && parameters.client_id === undefined) {
    if (kind === 'code') throw invalid('redirect_uri (or client_callback) is required with response_type=code');
    challengeOf(parameters);
    return { clientId: config.publicUrl, delivery: { kind: 'json' }, namedTarget: undefined };
  }
  const client = knownClient(parameters, named, kind, clients);
  if (named === undefined && config.clientCallbacks.filter(({ clientId }) => clientId === client.clientId).length > 1)
    throw invalid('redirect_uri is required: this client has more than one callback (RFC 6749 §3.1.2.3)');
  if (kind === 'fragment' && !config.fragmentDelivery)
    throw invalid('response_type=code is required: this server does not deliver tokens in the fragment');
  return {
    clientId: client.clientId,
    delivery: deliveryTo(named ?? client.url, kind, challengeOf(parameters)),
    namedTarget: named,
  };
}

/** Where tokens go straight to the target there is no exchange that a verifier could guard (D8, D9). */
function deliveryTo(target: string, kind: 'code' | 'fragment', codeChallenge: string | undefined): Delivery {
  if (kind === 'fragment') return { kind, target };
  if (codeChallenge === undefined) throw invalid('code_challenge is required with response_type=code (RFC 7636 §4.3)');
  return { kind, target, codeChallenge };
}

function knownClient(
  parameters: AuthorizationParameters,
  named: string | undefined,
  kind: 'code' | 'fragment',
  clients: FirstPartyClients,
): FirstPartyClient {
  const byId = parameters.client_id === undefined ? undefined : clients.find(parameters.client_id);
  if (parameters.client_id !== undefined && byId === undefined)
    throw invalid('client_id is not known here: the application that sent you is not registered');
  if (named === undefined) {
    if (byId === undefined)
      throw invalid('client_id is not known here: the application that sent you is not registered');
    return byId;
  }
  const byTarget = clients.matchCallback(named, kind === 'code' ? 'query' : 'fragment', byId?.clientId);
  if (byTarget === undefined)
    throw invalid(
      byId === undefined
        ? 'client_callback is not one of the configured callbacks: it must be equal to one, character for character'
        : 'redirect_uri is not the callback configured for this client_id',
    );
  return byTarget;
}

function targetOf({ client_callback, redirect_uri }: AuthorizationParameters): string | undefined {
  if (client_callback !== undefined && redirect_uri !== undefined && client_callback !== redirect_uri)
    throw invalid('send client_callback or redirect_uri, not both with different values');
  return client_callback ?? redirect_uri;
}

function responseKind(parameters: AuthorizationParameters): 'code' | 'fragment' {
  const { response_type, response_mode } = parameters;
  if (response_type !== undefined && response_type !== 'code')
    throw new OAuthError('unsupported_response_type', 'response_type must be code, or left out');
  const kind = response_type === 'code' ? 'code' : 'fragment';
  if (response_mode !== undefined && response_mode !== (kind === 'code' ? 'query' : 'fragment'))
    throw invalid(`response_mode must be ${kind === 'code' ? 'query' : 'fragment'} here, or left out`);
  return kind;
}

function scopesOf(scope: string): readonly string[] {
  const scopes = parseScope(scope);
  if (scopes === undefined)
    throw new OAuthError('invalid_scope', 'scope must be space-separated scope tokens (RFC 6749 §3.3)');
  if (!scopes.includes('openid')) throw new OAuthError('invalid_scope', 'scope must hold openid');
  return knownSignInScopes(scopes);
}

/** @throws OAuthError `invalid_request` for anything but S256 (D9) */
export function challengeOf(parameters: AuthorizationParameters): string | undefined {
  if (parameters.code_challenge_method !== undefined && parameters.code_challenge_method !== 'S256')
    throw invalid('code_challenge_method must be S256 (RFC 7636 §4.3; plain is refused)');
  if (parameters.code_challenge !== undefined && !isCodeChallenge(parameters.code_challenge))
    throw invalid('code_challenge must be the 43 base64url characters of BASE64URL(SHA256(code_verifier))');
  return parameters.code_challenge;
}

/** @throws OAuthError `invalid_request` */
export function promptOf(prompt: string | undefined): string | undefined {
  if (prompt === undefined) return undefined;
  const values = prompt.split(' ');
  if (!values.every((value) => PROMPTS.has(value))) throw invalid(`prompt must be of ${[...PROMPTS].join(', ')}`);
  if (values.includes('none') && values.length > 1) throw invalid('prompt=none stands alone (OIDC Core §3.1.2.1)');
  return prompt;
}

/** Seconds. @throws OAuthError `invalid_request` */
export function maxAgeOf(maxAge: string | undefined): number | undefined {
  if (maxAge === undefined) return undefined;
  if (!/^\d{1,9}$/.test(maxAge)) throw invalid('max_age must be a whole number of seconds');
  return Number(maxAge);
}

/** Tokens that come without a code are bound to no key. @throws OAuthError `invalid_request` */
export function dpopJktOf({ dpop_jkt: key }: AuthorizationParameters, kind: Delivery['kind']): string | undefined {
  if (key === undefined) return undefined;
  if (kind !== 'code') throw invalid('dpop_jkt is for response_type=code');
  if (!isJwkThumbprint(key))
    throw invalid('dpop_jkt must be the 43 base64url characters of a JWK thumbprint (RFC 7638)');
  return key;
}

/** Whose session a sign-in makes: the client's, or for an application the person's own here, which it gets one from (D32). */
export function sessionClient(
  { party, clientId }: AuthorizationRequest,
  config: Pick<GatehouseConfig, 'publicUrl'>,
): string {
  return party === 'application' ? config.publicUrl : clientId;
}

/** What of `prompt` goes on to where the sign-in happens (D32); an application's consent is ours to ask for. */
export function upstreamPrompt({ prompt, party }: AuthorizationRequest): string | undefined {
  if (prompt === undefined || party === 'first') return prompt;
  const values = prompt.split(' ').filter((value) => value !== 'consent');
  return values.length === 0 ? undefined : values.join(' ');
}

function invalid(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}
