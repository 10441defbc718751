import { isRecord } from './config-file.js';
import type { FaultCollector } from './configuration-error.js';
import { checkAddresses } from './provider-address-rules.js';
import { isSwitchedOff, type Entry } from './provider-entry.js';
import { providerIdPattern, reservedProviderIds } from './provider.schema.js';
import { issuerFault, upstreamUrlFault } from './urls.js';

/** What the rules about providers depend on beside the providers themselves. */
export interface ProviderPlace {
  /** `outbound.allow_private` */
  readonly allowPrivate: boolean;
  /** D22: not production, and `public_url` is loopback. */
  readonly testAllowed: boolean;
}

const urlKeys = [
  'authorization_url',
  'token_url',
  'userinfo_url',
  'emails_url',
  'refresh_url',
  'revocation_url',
  'introspection_url',
];

/**
 * The rules that compare OAuth providers with each other or with other settings. They read the list as written, so that a
 * fault elsewhere in an entry hides none of them; `false` as text comes from `${NAME}`.
 */
export function checkProviders(providers: unknown, place: ProviderPlace, faults: FaultCollector): void {
  if (!Array.isArray(providers)) return;
  const entries = entriesOf(providers);
  checkSharedCallback(entries, faults);
  for (const [index, entry] of entries.entries()) {
    checkUrls(entry, index, place, faults);
    checkClientAuthentication(entry, index, faults);
    checkAddresses(entry, index, faults);
    if (entry.type === 'test' && !place.testAllowed) {
      faults.add(
        `oauth_providers[${index}].type`,
        'test runs only outside production and where PUBLIC_URL is loopback (D22); remove the provider',
      );
    }
  }
}

/** The entries of a list of providers as written; what is no section has no keys, and what is no list no entries. */
export function entriesOf(providers: unknown): Entry[] {
  return Array.isArray(providers) ? providers.map((entry: unknown) => (isRecord(entry) ? entry : {})) : [];
}

/** D55: one namespace for the providers of every list, since their ids share URLs and tokens. The pattern is in the schema. */
export function checkProviderIds(lists: Readonly<Record<string, unknown>>, faults: FaultCollector): void {
  const taken = new Set<string>();
  for (const [list, providers] of Object.entries(lists)) {
    for (const [index, { id }] of entriesOf(providers).entries()) {
      if (typeof id !== 'string' || !providerIdPattern.test(id)) continue;
      const key = `${list}[${index}].id`;
      if (reservedProviderIds.includes(id))
        faults.add(key, `${id} is reserved for a route of Gatehouse; choose another id`);
      if (taken.has(id)) faults.add(key, `${id} is used by another provider; choose another id`);
      taken.add(id);
    }
  }
}

/**
 * D35, RFC 9207 §4: an answer at the shared address that names no issuer can only be told apart by being alone there;
 * providers for connections alone get their answers there too.
 * Whether an OpenID Connect provider sends `iss` shows only at discovery, so this looks at `oauth2` ones.
 */
function checkSharedCallback(entries: readonly Entry[], faults: FaultCollector): void {
  const sharing = [...entries.entries()].filter(
    ([, entry]) =>
      entry.type === 'oauth2' &&
      (entry.callback ?? 'shared') === 'shared' &&
      entry.issuer === undefined &&
      !isSwitchedOff(entry.enabled),
  );
  const names = sharing.map(([index, { id }]) =>
    typeof id === 'string' && providerIdPattern.test(id) ? id : `entry ${index + 1}`,
  );
  for (const [index] of sharing.slice(1)) {
    const others = names.filter((_, position) => sharing[position]?.[0] !== index);
    faults.add(
      `oauth_providers[${index}].callback`,
      `shares /oauth2/callback with ${others.join(', ')}, and at most one provider without RFC 9207 iss may (D35); set ` +
        '`callback: own` here, or `issuer` if the provider sends iss',
    );
  }
}

function checkUrls(entry: Entry, index: number, { allowPrivate }: ProviderPlace, faults: FaultCollector): void {
  const allowed = { loopbackHttp: allowPrivate };
  for (const key of urlKeys) {
    const value = entry[key];
    const fault = typeof value === 'string' && value !== '' ? upstreamUrlFault(value, allowed) : undefined;
    if (fault !== undefined) faults.add(`oauth_providers[${index}].${key}`, fault);
  }
  const fault =
    typeof entry.issuer === 'string' && entry.issuer !== '' ? issuerFault(entry.issuer, allowed) : undefined;
  if (fault !== undefined) faults.add(`oauth_providers[${index}].issuer`, fault);
}

function checkClientAuthentication(entry: Entry, index: number, faults: FaultCollector): void {
  const method = entry.token_endpoint_auth_method;
  const hasSecret = entry.client_secret !== undefined;
  if (method === 'none' && hasSecret) {
    faults.add(
      `oauth_providers[${index}].token_endpoint_auth_method`,
      'is none although there is a client_secret; remove one of the two',
    );
  }
  if ((method === 'client_secret_basic' || method === 'client_secret_post') && !hasSecret) {
    faults.add(`oauth_providers[${index}].client_secret`, `is missing, but ${method} needs it; add it`);
  }
}
