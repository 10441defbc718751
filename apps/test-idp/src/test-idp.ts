// The order of these two imports matters: see runtime-notice.ts.
import { restoreWarnings } from './runtime-notice.js';
import { Provider, type ClientMetadata, type Configuration } from 'oidc-provider';
import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { consentForOfflineAccess, loginMiddleware } from './login-middleware.js';
import { memoryStorage } from './memory-storage.js';
import { escapeHtml, page, PAGE_HEADERS } from './pages.js';
import { findPersonBySubject } from './people.js';
import { SamlIdp } from './saml/saml-idp.js';
import { samlMiddleware } from './saml/saml-middleware.js';
import { generateSigningKeys } from './signing-keys.js';

restoreWarnings();

export interface TestIdpOptions {
  /** Issuer identifier and base of every link: an origin without a trailing slash. */
  readonly issuer: string;
  /** Registered clients; `gatehouseClient()` makes the usual one. */
  readonly clients: readonly ClientMetadata[];
  /** Where the service provider of the SAML identity provider publishes its metadata; undefined: there is no such provider. */
  readonly serviceProviderMetadataUrl?: string;
  /** File that keeps what was issued beyond the end of the process; without one it is forgotten then. */
  readonly recordsPath?: string;
  /** Told of faults of the provider itself, never of a client's mistakes. */
  readonly onServerError?: (error: Error) => void;
}

export interface TestIdp {
  readonly issuer: string;
  /** The handler for `http.createServer()`. */
  callback(): RequestListener;
}

/** Where Gatehouse publishes its SAML metadata for the development provider; `publicUrl` as below. */
export function gatehouseMetadataUrl(publicUrl: string): string {
  return `${publicUrl.replace(/\/$/, '')}/saml/dev-saml/metadata`;
}

/** The client under which Gatehouse is registered here; `publicUrl` is Gatehouse's `PUBLIC_URL`. */
export function gatehouseClient(publicUrl: string): ClientMetadata {
  const base = publicUrl.replace(/\/$/, '');
  return {
    client_id: 'gatehouse',
    client_secret: 'gatehouse-development-secret',
    client_name: 'Gatehouse',
    redirect_uris: [`${base}/oauth2/callback`, `${base}/oauth2/callback/dev`],
    post_logout_redirect_uris: [`${base}/`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
}

/**
 * A real OpenID Provider for development and tests: discovery, code flow with obligatory PKCE (RFC 7636) and `iss`
 * in its answers (RFC 9207), rotating refresh tokens, userinfo, introspection, revocation, logout. Its keys live as long
 * as the returned value, what it issued also in the file of `recordsPath`. Under /saml a SAML 2.0 identity provider with people of its own, when asked for.
 */
export function createTestIdp(options: TestIdpOptions): TestIdp {
  const provider = new Provider(options.issuer, configuration(options.clients, options.recordsPath));
  const { issuer, serviceProviderMetadataUrl } = options;
  if (serviceProviderMetadataUrl !== undefined)
    provider.use(samlMiddleware(new SamlIdp({ issuer, serviceProviderMetadataUrl, now: () => new Date() })));
  provider.use(loginMiddleware(provider));
  provider.use(consentForOfflineAccess);
  provider.on('server_error', (_ctx, error) => options.onServerError?.(error));
  return { issuer: options.issuer, callback: () => provider.callback() };
}

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

function configuration(clients: readonly ClientMetadata[], recordsPath: string | undefined): Configuration {
  return {
    clients,
    adapter: memoryStorage(Date.now, recordsPath),
    jwks: generateSigningKeys(),
    // Cookies ignore ports: distinct names keep them apart from Gatehouse's own on localhost.
    cookies: {
      keys: [randomBytes(32)],
      names: { session: 'test_idp_session', interaction: 'test_idp_interaction', resume: 'test_idp_resume' },
    },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    scopes: ['openid', 'offline_access'],
    conformIdTokenClaims: false,
    findAccount: (_ctx, subject) => {
      const person = findPersonBySubject(subject);
      return (
        person && {
          accountId: person.subject,
          claims: () => ({
            sub: person.subject,
            email: person.login,
            email_verified: true,
            name: person.name,
            groups: [...person.groups],
          }),
        }
      );
    },
    loadExistingGrant: grantEverythingAsked,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    // Each sign-in has its own grant, so a later one must not end the access tokens of an earlier one.
    expiresWithSession: () => false,
    ttl: {
      // Short, so that it can be watched how Gatehouse keeps the tokens of connections fresh.
      AccessToken: MINUTE,
      AuthorizationCode: MINUTE,
      Grant: 14 * DAY,
      IdToken: 10 * MINUTE,
      Interaction: 10 * MINUTE,
      RefreshToken: 14 * DAY,
      Session: DAY,
    },
    clientBasedCORS: () => false,
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.set({ ...PAGE_HEADERS });
          ctx.body = page(
            'Sign out?',
            `${form}<p><button form="op.logoutForm" name="logout" value="yes">Sign out</button>
<button form="op.logoutForm">Stay signed in</button></p>`,
          );
        },
        postLogoutSuccessSource: (ctx) => {
          ctx.set({ ...PAGE_HEADERS });
          ctx.body = page('Signed out', '<p>The next sign-in asks again who you are.</p>');
        },
      },
    },
    renderError: (ctx, out) => {
      ctx.set({ ...PAGE_HEADERS });
      ctx.type = 'html';
      ctx.body = page(
        'The request was refused',
        `<p><b>${escapeHtml(out.error)}</b><br>${escapeHtml(out.error_description ?? '')}</p>`,
      );
    },
  };
}

/** Consent without a question: a new grant of all the scopes and claims that this authorization request names. */
const grantEverythingAsked: NonNullable<Configuration['loadExistingGrant']> = async (ctx) => {
  const { oidc } = ctx;
  const grant = new oidc.provider.Grant({ accountId: oidc.session?.accountId, clientId: oidc.client?.clientId });
  grant.addOIDCScope(oidc.requestParamOIDCScopes);
  grant.addOIDCClaims(oidc.requestParamClaims);
  await grant.save();
  return grant;
};
