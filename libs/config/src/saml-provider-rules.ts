import { isRecord } from './config-file.js';
import type { FaultCollector } from './configuration-error.js';
import type { Entry } from './provider-entry.js';
import { entriesOf } from './provider-rules.js';
import type { NameSetting } from './setting-key.js';
import { clientCallbackFault, upstreamUrlFault } from './urls.js';

/** What the rules about SAML providers depend on beside the providers themselves. */
export interface SamlPlace {
  /** `outbound.allow_private` */
  readonly allowPrivate: boolean;
  readonly publicUrl: string;
  /** Every configured callback, as compared (D7). */
  readonly callbackUrls: readonly string[];
  readonly fragmentDelivery: boolean;
}

const metadataSources = ['metadata_url', 'metadata_file', 'metadata_xml'] as const;

/** The entity identifier that we have at a provider when none is configured (D24). */
export const defaultEntityId = (publicUrl: string, id: string): string => `${publicUrl}/saml/${id}/metadata`;

/**
 * The rules that compare the keys of SAML providers with each other or with other settings. They read the list as
 * written, so that a fault elsewhere in an entry hides none of them.
 */
export function checkSamlProviders(providers: unknown, place: SamlPlace, faults: FaultCollector): void {
  const entries = entriesOf(providers);
  for (const [index, entry] of entries.entries()) {
    // What is no section has been reported as that.
    if (Array.isArray(providers) && !isRecord(providers[index])) continue;
    const report = (key: string, message: string): void => faults.add(`saml_providers[${index}].${key}`, message);
    checkMetadataSource(entry, place, report);
    checkIdpInitiated(entry, place, report);
    checkAuthnContext(entry, report);
    checkLinking(entry, report);
  }
  checkEntityPairs(entries, place, faults);
}

type Report = (key: string, message: string) => void;

function checkMetadataSource(entry: Entry, { allowPrivate }: SamlPlace, report: Report): void {
  const given = metadataSources.filter((key) => entry[key] !== undefined);
  const [first, ...others] = given;
  if (first === undefined) report('metadata_url', 'is missing; add it, or metadata_file or metadata_xml');
  for (const key of others) report(key, `stands beside ${String(first)}; keep exactly one source of metadata`);
  const url = entry.metadata_url;
  const fault =
    typeof url === 'string' && url !== '' ? upstreamUrlFault(url, { loopbackHttp: allowPrivate }) : undefined;
  if (fault !== undefined) report('metadata_url', fault);
}

const isOn = (value: unknown): boolean => value === true || value === 'true' || value === 'on';

/** D36; a client that did not ask has no PKCE verifier for a code, so only its fragment can take the tokens (D8). */
function checkIdpInitiated(entry: Entry, { callbackUrls, fragmentDelivery }: SamlPlace, report: Report): void {
  if (isOn(entry.allow_idp_initiated) && !fragmentDelivery)
    report('allow_idp_initiated', 'cannot work while fragment_delivery is off; set that to true, or remove this key');
  const callback = entry.idp_initiated_callback;
  if (typeof callback !== 'string' || callback === '') return;
  if (!isOn(entry.allow_idp_initiated)) {
    report(
      'idp_initiated_callback',
      'has no effect without allow_idp_initiated; set `allow_idp_initiated: true`, or remove it',
    );
  }
  if (!callbackUrls.includes(callback)) {
    report(
      'idp_initiated_callback',
      'is not one of client_callbacks; add it there, character by character the same, or name one of those',
    );
  }
}

const ranked: ReadonlySet<unknown> = new Set(['minimum', 'better', 'maximum']);

/** D32: only the IdP knows how it ranks classes, so what such a comparison lets through has to be said to be checked. */
function checkAuthnContext(entry: Entry, report: Report): void {
  const context = entry.requested_authn_context;
  if (!isRecord(context) || !ranked.has(context.comparison) || context.accepted !== undefined) return;
  report(
    'requested_authn_context.accepted',
    `is missing; with comparison ${String(context.comparison)} list every class that an answer may carry, or set ` +
      '`comparison: exact`',
  );
}

/** D17: an address that can never count as verified can never link, so the setting would promise what cannot happen. */
function checkLinking(entry: Entry, report: Report): void {
  const linking = entry.link_by_verified_email;
  if (!Array.isArray(linking)) return;
  const verified: readonly unknown[] = Array.isArray(entry.verified_email_domains) ? entry.verified_email_domains : [];
  for (const [index, domain] of linking.entries()) {
    if (typeof domain !== 'string' || verified.includes(domain)) continue;
    report(
      `link_by_verified_email[${index}]`,
      'is not among verified_email_domains of this provider, so no address there would ever link; add it there, or ' +
        'remove it here',
    );
  }
}

/**
 * D23: a message names its provider by the pair (IdP, our entity identifier), so the pair must be one provider's. Which
 * entity a document holds shows only when it is read; here it is the same one where the settings say so.
 */
function checkEntityPairs(entries: readonly Entry[], { publicUrl }: SamlPlace, faults: FaultCollector): void {
  const taken = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const source = metadataSources.find((key) => entry[key] !== undefined);
    const peer = entry.idp_entity_id ?? (source === undefined ? undefined : [source, entry[source]]);
    if (peer === undefined || typeof entry.id !== 'string') continue;
    const pair = JSON.stringify([peer, entry.entity_id ?? defaultEntityId(publicUrl, entry.id)]);
    if (taken.has(pair) && entry.entity_id !== undefined) {
      faults.add(
        `saml_providers[${index}].entity_id`,
        'is also used by another provider with the same identity provider, and messages could not be told apart (D23); ' +
          'give it another one, or remove it to use the default',
      );
    }
    taken.add(pair);
  }
}

/** D7, D52: redirect targets obey the rule of callbacks. Reads the list as written, so that indices are right. */
export function checkPostLogoutRedirectUris(saml: unknown, nameOf: NameSetting, faults: FaultCollector): void {
  const uris = isRecord(saml) ? saml.post_logout_redirect_uris : undefined;
  if (!Array.isArray(uris)) return;
  const seen = new Set<unknown>();
  for (const [index, uri] of uris.entries()) {
    const { key, prefix } = nameOf(['saml', 'post_logout_redirect_uris', index]);
    const fault = typeof uri === 'string' && uri !== '' ? clientCallbackFault(uri) : undefined;
    if (fault !== undefined) faults.add(key, prefix + fault);
    else if (seen.has(uri)) faults.add(key, `${prefix}is listed twice; remove one of the entries`);
    seen.add(uri);
  }
}
