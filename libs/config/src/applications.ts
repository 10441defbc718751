import { TOKEN_EXCHANGE_GRANT } from '@app/oauth2';
import type { ApplicationEntry } from './application.schema.js';
import type { FaultCollector } from './configuration-error.js';
import type { ApplicationConfig } from './gatehouse-config.js';
import { entriesOf } from './provider-rules.js';

/** What the rules about applications depend on beside the applications themselves. */
export interface ApplicationPlace {
  readonly publicUrl: string;
  /** The client ids of `client_callbacks`. */
  readonly firstPartyIds: ReadonlySet<string>;
  /** The organizations that exist because the file names them elsewhere. */
  readonly organizations: ReadonlySet<string>;
}

type Entry = Readonly<Record<string, unknown>>;
type Report = (key: string, message: string) => void;

/** D7, D49, D62: the rules that compare applications with each other and with other settings; they read the list as written. */
export function checkApplications(applications: unknown, place: ApplicationPlace, faults: FaultCollector): void {
  const clientIds = new Set<unknown>();
  for (const [index, entry] of entriesOf(applications).entries()) {
    const report: Report = (key, message) => faults.add(`applications[${index}].${key}`, message);
    const { client_id: clientId, organization } = entry;
    if (clientIds.has(clientId)) report('client_id', 'is the id of another application; choose another one');
    if (typeof clientId === 'string') {
      clientIds.add(clientId);
      if (clientId === place.publicUrl) report('client_id', 'is public_url, Gatehouse itself; choose another one');
      if (place.firstPartyIds.has(clientId))
        report('client_id', 'is the id of a client of client_callbacks; choose another one');
    }
    if (typeof organization === 'string' && organization !== '' && !place.organizations.has(organization))
      report('organization', 'is not an organization of this file; list it under organizations, or correct the name');
    checkTargets(entry, report);
    checkFrame(entry, report);
    checkProof(entry, report);
  }
}

/** OpenID Connect Front-Channel Logout 1.0 §2: what our page loads in a frame is the application's own. */
function checkFrame({ frontchannel_logout_uri: frame, redirect_uris: targets }: Entry, report: Report): void {
  if (typeof frame !== 'string' || !URL.canParse(frame)) return;
  const { origin } = new URL(frame);
  const isOwn = (uri: unknown): boolean =>
    typeof uri === 'string' && URL.canParse(uri) && new URL(uri).origin === origin;
  if (![targets].flat().some(isOwn))
    report(
      'frontchannel_logout_uri',
      'is of another host than the redirect_uris; it must have the origin of one of them',
    );
}

/** A code needs a place to go (RFC 6749 §3.1.2.2); a device polls for its tokens (RFC 8628). */
function checkTargets({ grant_types: grants, redirect_uris: targets }: Entry, report: Report): void {
  const hasNoCode = Array.isArray(grants) && !grants.includes('authorization_code');
  if (hasNoCode) return;
  if (targets === undefined) report('redirect_uris', 'is missing; only devices do without (see grant_types)');
  else if (Array.isArray(targets) && targets.length === 0) report('redirect_uris', 'must hold at least one target');
}

/** OIDC Core §9, RFC 7523: each way to prove itself has what it needs, and nothing that would never be asked for. */
function checkProof(entry: Entry, report: Report): void {
  const has = (key: string): boolean => entry[key] !== undefined && entry[key] !== null;
  const method = entry['token_endpoint_auth_method'] ?? usualMethod(has('client_secret'), has('jwks'));
  if (method === 'private_key_jwt') {
    if (!has('jwks')) report('jwks', 'is missing; private_key_jwt needs the public keys');
    if (has('client_secret')) report('client_secret', 'is not used by private_key_jwt; remove it, or remove jwks');
    return;
  }
  if (has('jwks')) report('jwks', 'is for private_key_jwt alone; remove it');
  if (method === 'none') {
    if (has('client_secret'))
      report('client_secret', 'is not used by token_endpoint_auth_method none; remove one of them');
    // RFC 8252 §8.6: anybody can say that he is a public client.
    if (entry['consent'] === 'skip')
      report('consent', 'cannot be skipped by a public application; give it a client_secret, or remove the key');
    const { grant_types: grantTypes } = entry;
    if (Array.isArray(grantTypes) && grantTypes.includes(TOKEN_EXCHANGE_GRANT))
      report(
        'grant_types',
        'may hold token-exchange only where the application proves itself; give it a client_secret',
      );
    return;
  }
  const needsSecret = method === 'client_secret_basic' || method === 'client_secret_post';
  if (needsSecret && !has('client_secret')) report('client_secret', `is missing; ${method} needs one`);
}

function usualMethod(hasSecret: boolean, hasKeys: boolean): ApplicationConfig['tokenEndpointAuthMethod'] {
  if (hasKeys) return 'private_key_jwt';
  return hasSecret ? 'client_secret_basic' : 'none';
}

/** The application as the rooms read it; {@link checkApplications} has judged it. */
export function toApplicationConfig(entry: ApplicationEntry): ApplicationConfig {
  const { client_secret: clientSecrets = [], jwks } = entry;
  return {
    clientId: entry.client_id,
    clientSecrets,
    organization: entry.organization,
    name: entry.name,
    logoUri: entry.logo_uri,
    redirectUris: entry.redirect_uris,
    postLogoutRedirectUris: entry.post_logout_redirect_uris,
    scopes: entry.scopes,
    grantTypes: entry.grant_types,
    tokenEndpointAuthMethod:
      entry.token_endpoint_auth_method ?? usualMethod(clientSecrets.length > 0, jwks !== undefined),
    jwks,
    resources: entry.resources,
    consent: entry.consent,
    dpopBoundAccessTokens: entry.dpop_bound_access_tokens,
    backchannelLogoutUri: entry.backchannel_logout_uri,
    frontchannelLogoutUri: entry.frontchannel_logout_uri,
  };
}
