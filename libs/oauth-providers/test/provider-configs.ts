/** Provider records and parts for tests; every builder takes what the test is about. */
import {
  Secret,
  standardTokenRules,
  type GatehouseConfig,
  type Lifetimes,
  type OAuth2ProviderConfig,
  type OidcProviderConfig,
  type ProviderConfig,
  type TestProviderConfig,
} from '@app/config';
import { OutboundFetch, type OutboundLimits } from '@app/outbound';
import { UpstreamError } from '../src/upstream-error.js';
import { CLIENT_ID, CLIENT_SECRET } from './lying-oidc-server.js';

export const REDIRECT_URI = 'http://localhost:8080/oauth2/callback';

const record = {
  name: 'Acme',
  icon: undefined,
  enabled: true,
  organization: 'default',
  linkByVerifiedEmailDomains: [],
} as const;

const oauthRecord = {
  ...record,
  clientId: CLIENT_ID,
  clientSecret: new Secret(CLIENT_SECRET),
  callback: 'shared',
  tokenEndpointAuthMethod: 'client_secret_basic',
  authorizationParameters: {},
  signIn: true,
  storeTokens: false,
  tokens: standardTokenRules,
} as const;

export function anOidcProvider(issuer: string, about: Partial<OidcProviderConfig> = {}): OidcProviderConfig {
  return {
    ...oauthRecord,
    id: 'acme',
    type: 'oidc',
    scopes: ['openid', 'profile', 'email'],
    issuer,
    groupsClaim: 'groups',
    idTokenSignedResponseAlg: undefined,
    ...about,
  };
}

export function anOAuth2Provider(origin: string, about: Partial<OAuth2ProviderConfig> = {}): OAuth2ProviderConfig {
  return {
    ...oauthRecord,
    id: 'hub',
    type: 'oauth2',
    scopes: ['read:user', 'user:email'],
    authorizationUrl: `${origin}/login/oauth/authorize`,
    tokenUrl: `${origin}/login/oauth/access_token`,
    userinfoUrl: `${origin}/user`,
    emailsUrl: `${origin}/user/emails`,
    issuer: undefined,
    pkce: true,
    fields: { subject: 'id', email: 'email', emailVerified: 'email_verified', name: 'name', groups: 'groups' },
    ...about,
  };
}

export function aTestProvider(): TestProviderConfig {
  return { ...record, id: 'test', type: 'test' };
}

export function anOutbound(limits: Partial<OutboundLimits> = {}): OutboundFetch {
  return new OutboundFetch({ allowPrivate: true, timeoutMs: 5_000, maxBytes: 1_048_576, ...limits });
}

/** The UpstreamError that a promise fails with; fails the test when it does not. */
export async function upstreamErrorOf(promise: Promise<unknown>): Promise<UpstreamError> {
  const outcome = await promise.then(
    (value) => value,
    (error: unknown) => error,
  );
  if (outcome instanceof UpstreamError) return outcome;
  throw new Error(
    `expected an UpstreamError, got ${outcome instanceof Error ? outcome.stack : JSON.stringify(outcome)}`,
  );
}

/** A development configuration with these providers; only what this library reads is to be relied on. */
export function aGatehouse(providers: ProviderConfig[], about: Partial<GatehouseConfig> = {}): GatehouseConfig {
  const read: Partial<GatehouseConfig> = {
    production: false,
    publicUrl: 'http://localhost:8080',
    outbound: {
      allowPrivate: true,
      timeoutMs: 5_000,
      maxBytes: 1_048_576,
      tokenTimeoutMs: 5_000,
      connectTimeoutMs: 3_000,
    },
    lifetimes: { clockSkewSeconds: 60 } as Lifetimes,
    providers,
  };
  return { ...read, ...about } as GatehouseConfig;
}
