import { quoteFound } from '../verdict.js';
import { NoCanonicalForm } from '../verification/canonical-form.js';
import { NotCanonical } from '../verification/canonical-reader.js';
import { readXml, XmlError } from '../verification/xml-document.js';
import {
  attributeOf,
  childrenOf,
  elementsOf,
  isElement,
  METADATA,
  NotText,
  RepeatedElement,
  SAMLP,
  trimmedTextOf,
  type XmlElement,
} from '../verification/xml-element.js';
import type { IdpDescription, SamlEndpoint } from './idp-description.js';
import { readKeys } from './metadata-keys.js';
import { MetadataError } from './metadata-error.js';
import { parseDateTime, parseDuration } from './xs-time.js';

const BINDINGS: Readonly<Record<string, SamlEndpoint['binding']>> = {
  'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect': 'redirect',
  'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST': 'post',
};

/** How long what contains an entity, and itself, may be believed and kept. */
interface Times {
  readonly validUntil: Date | undefined;
  readonly cacheSeconds: number | undefined;
  readonly fault: string | undefined;
}

/**
 * Every SAML 2.0 identity provider that a metadata document describes: an EntityDescriptor, or EntitiesDescriptors inside
 * each other. An entity that must not be used says so in `unusable`: in a federation's document one of a thousand may be
 * broken. Nobody vouches for the document but the place it came from.
 *
 * @param xml that has passed the guard (no DOCTYPE, limited). Runs in a worker: libxml2-wasm does not load elsewhere.
 * @throws MetadataError for what is no metadata, or describes no identity provider.
 */
export function readMetadataDocument(xml: string): readonly IdpDescription[] {
  const found = parse(xml);
  if (found.length === 0) {
    throw new MetadataError(
      'the document describes no SAML 2.0 identity provider (no IDPSSODescriptor for that protocol); ' +
        'is it the metadata of a service provider?',
    );
  }
  return found;
}

function parse(text: string): readonly IdpDescription[] {
  try {
    const described: IdpDescription[] = [];
    collect(readXml(text), { validUntil: undefined, cacheSeconds: undefined, fault: undefined }, described);
    return described;
  } catch (error) {
    if (error instanceof XmlError)
      throw new MetadataError(`the document is not well-formed XML: ${quoteFound(error.message)}`);
    if (error instanceof NoCanonicalForm || error instanceof NotCanonical)
      throw new MetadataError('the document has no canonical form; is a namespace name in it no absolute URI?');
    throw error;
  }
}

function collect(element: XmlElement, parent: Times, described: IdpDescription[]): void {
  const times = timesOf(element, parent);
  if (isElement(element, METADATA, 'EntitiesDescriptor')) {
    for (const child of elementsOf(element)) {
      const nested = isElement(child, METADATA, 'EntitiesDescriptor') || isElement(child, METADATA, 'EntityDescriptor');
      if (nested) collect(child, times, described);
    }
    return;
  }
  if (!isElement(element, METADATA, 'EntityDescriptor')) {
    throw new MetadataError(
      `the document is no SAML metadata: its root is ${quoteFound(element.name)}, not EntityDescriptor or EntitiesDescriptor`,
    );
  }
  for (const role of childrenOf(element, METADATA, 'IDPSSODescriptor')) {
    const protocols = attributeOf(role, 'protocolSupportEnumeration') ?? '';
    if (!protocols.split(/\s+/).includes(SAMLP)) continue;
    described.push(describe(attributeOf(element, 'entityID') ?? '', role, timesOf(role, times)));
  }
}

function describe(entityId: string, role: XmlElement, times: Times): IdpDescription {
  const base = {
    entityId,
    wantAuthnRequestsSigned: ['true', '1'].includes(attributeOf(role, 'WantAuthnRequestsSigned') ?? ''),
    validUntil: times.validUntil?.toISOString(),
    cacheSeconds: times.cacheSeconds,
  };
  try {
    const keys = readKeys(role);
    const description = {
      ...base,
      ...keys,
      singleSignOn: endpointsOf(role, 'SingleSignOnService'),
      singleLogout: endpointsOf(role, 'SingleLogoutService'),
      nameIdFormats: childrenOf(role, METADATA, 'NameIDFormat').map(trimmedTextOf),
    };
    const unusable = times.fault ?? whyUnusable(description);
    return unusable === undefined ? description : { ...description, unusable };
  } catch (error) {
    const unusable = reasonOf(error);
    if (unusable === undefined) throw error;
    const nothing = { signingCertificates: [], encryptionCertificates: [], singleSignOn: [], singleLogout: [] };
    return { ...base, ...nothing, nameIdFormats: [], unusable };
  }
}

/** R8: an entity without a key to check signatures with is never one whose signatures are not checked. */
function whyUnusable(description: IdpDescription): string | undefined {
  // Core §8.3.6 limits the length.
  if (description.entityId === '') return 'it has no entityID';
  if (description.entityId.length > 1024) return 'its entityID is longer than 1024 characters';
  if (description.signingCertificates.length === 0) {
    return (
      'it has no signing certificate: a KeyDescriptor with use="signing", or without use, must hold an ' +
      'X509Certificate (keys by name or value alone are not supported)'
    );
  }
  return undefined;
}

function reasonOf(error: unknown): string | undefined {
  if (error instanceof MetadataError) return error.message;
  if (error instanceof RepeatedElement || error instanceof NotText) return `it has ${error.message}`;
  return undefined;
}

/** Metadata §2.3.1, §2.3.2, §2.4.1: the earliest end and the shortest cache of the element and what contains it. */
function timesOf(element: XmlElement, parent: Times): Times {
  const until = attributeOf(element, 'validUntil');
  const ends = until === undefined ? undefined : parseDateTime(until.trim());
  const fault =
    until !== undefined && ends === undefined ? `its validUntil ${quoteFound(until)} is no time` : undefined;
  // A duration that nobody understands shortens nothing: caching is not what keeps forgeries out.
  const cache = parseDuration((attributeOf(element, 'cacheDuration') ?? '').trim());
  return {
    validUntil: least(parent.validUntil, ends),
    cacheSeconds: least(parent.cacheSeconds, cache),
    fault: parent.fault ?? fault,
  };
}

function least<T extends Date | number>(a: T | undefined, b: T | undefined): T | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

function endpointsOf(role: XmlElement, name: string): SamlEndpoint[] {
  return childrenOf(role, METADATA, name).flatMap((endpoint) => {
    const binding = BINDINGS[attributeOf(endpoint, 'Binding') ?? ''];
    const location = attributeOf(endpoint, 'Location')?.trim();
    if (binding === undefined || location === undefined) return [];
    return [{ binding, location, responseLocation: attributeOf(endpoint, 'ResponseLocation')?.trim() }];
  });
}
