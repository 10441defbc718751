import { isPermittedUrl } from '@app/outbound';
import { quoteFound } from '../verdict.js';
import type { IdpDescription, SamlEndpoint } from './idp-description.js';
import { MetadataError } from './metadata-error.js';

const MOST_NAMED = 10;

/**
 * The identity provider of a document that a provider record means, with the endpoints that may be used: https, or http
 * on loopback where `outbound.allow_private` is on.
 *
 * @param wanted `idp_entity_id` of the record; may be absent where the document describes one.
 * @throws MetadataError where there is no such one, or several, or it cannot be used (R8).
 */
export function chooseIdp(
  found: readonly IdpDescription[],
  wanted: string | undefined,
  allowPrivate: boolean,
): IdpDescription {
  const candidates = wanted === undefined ? found : found.filter((idp) => idp.entityId === wanted);
  const [chosen, another] = candidates;
  if (chosen === undefined) {
    throw new MetadataError(
      `the document does not describe ${quoteFound(wanted)}; set idp_entity_id to one of ${named(found)}`,
    );
  }
  if (another !== undefined) {
    throw new MetadataError(
      wanted === undefined
        ? `the document describes ${candidates.length} identity providers; set idp_entity_id to one of ${named(found)}`
        : `the document describes ${quoteFound(wanted)} ${candidates.length} times, so it is unclear which is meant`,
    );
  }
  if (chosen.unusable !== undefined) {
    throw new MetadataError(`${quoteFound(chosen.entityId)} cannot be used: ${chosen.unusable}`);
  }
  const usable = (endpoints: readonly SamlEndpoint[]) =>
    endpoints.filter((endpoint) => isUsable(endpoint, allowPrivate));
  const singleSignOn = usable(chosen.singleSignOn);
  if (singleSignOn.length === 0) throw new MetadataError(whyNoSignOn(chosen));
  return { ...chosen, singleSignOn, singleLogout: usable(chosen.singleLogout) };
}

function isUsable({ location, responseLocation }: SamlEndpoint, allowPrivate: boolean): boolean {
  return [location, responseLocation ?? location].every(
    // It goes into a Location header and a form: nothing but what a URL is written with.
    (url) => /^[\x21-\x7e]{1,2048}$/.test(url) && URL.canParse(url) && isPermittedUrl(new URL(url), allowPrivate),
  );
}

function whyNoSignOn({ entityId, singleSignOn }: IdpDescription): string {
  const who = quoteFound(entityId);
  const [first] = singleSignOn;
  if (first === undefined) return `${who} has no SingleSignOnService with the HTTP-Redirect or HTTP-POST binding`;
  return `${who} has no SingleSignOnService at an https address: ${quoteFound(first.location)}`;
}

function named(found: readonly IdpDescription[]): string {
  const ids = [...new Set(found.map((idp) => idp.entityId))];
  const rest = ids.length > MOST_NAMED ? ` and ${ids.length - MOST_NAMED} others` : '';
  return `${ids.slice(0, MOST_NAMED).map(quoteFound).join(', ')}${rest}`;
}
