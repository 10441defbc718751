import { createHash, X509Certificate } from 'node:crypto';
import type { SamlProviderConfig } from '@app/config';
import { fingerprintOf } from '../fingerprint.js';
import { quoteFound } from '../verdict.js';
import type { IdpDescription } from './idp-description.js';

/** What a refresh found. The fingerprints are SHA-256 of signing certificates, in hex. */
export interface MetadataChange {
  /** `held`: an administrator must accept it. `same`: nothing that anybody needs to be told. */
  readonly kind: 'same' | 'changed' | 'held';
  readonly reason: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Whether new metadata of an IdP may take effect by itself. Another entityID, or no key that was trusted before, waits for
 * an administrator. A key beside a known one takes effect, because that is how IdPs roll their certificates over: so this
 * stops a mistaken or clumsy replacement, but not whoever controls the place where the metadata lies and publishes his key
 * beside the IdP's. With `holdNewKeys` any key that was not known waits.
 */
export function compareMetadata(
  current: IdpDescription,
  next: IdpDescription,
  { holdNewKeys }: Pick<SamlProviderConfig, 'holdNewKeys'> = { holdNewKeys: false },
): MetadataChange {
  const before = current.signingCertificates.map(fingerprintOf);
  const after = next.signingCertificates.map(fingerprintOf);
  const added = after.filter((fingerprint) => !before.includes(fingerprint));
  const removed = before.filter((fingerprint) => !after.includes(fingerprint));
  const reasons: string[] = [];
  if (current.entityId !== next.entityId) {
    reasons.push(`the entityID changed from ${quoteFound(current.entityId)} to ${quoteFound(next.entityId)}`);
  }
  // Certificates may be renewed around the same key.
  const known = new Set(current.signingCertificates.map(keyOf));
  const strange = next.signingCertificates.filter((certificate) => !known.has(keyOf(certificate)));
  if (strange.length === next.signingCertificates.length) {
    reasons.push(`no signing key remains: ${removed.join(', ')} became ${added.join(', ')}`);
  } else if (holdNewKeys && strange.length > 0) {
    reasons.push(`signing keys were added, and hold_new_keys is set: ${strange.map(fingerprintOf).join(', ')}`);
  }
  if (reasons.length > 0) return { kind: 'held', reason: reasons.join('; '), added, removed };
  if (added.length + removed.length > 0) reasons.push('signing certificates changed');
  if (endpointsOf(current) !== endpointsOf(next)) reasons.push(`endpoints changed to ${endpointsOf(next)}`);
  return { kind: reasons.length > 0 ? 'changed' : 'same', reason: reasons.join('; '), added, removed };
}

function endpointsOf({ singleSignOn, singleLogout }: IdpDescription): string {
  return [...singleSignOn, ...singleLogout]
    .map(({ binding, location, responseLocation }) => [binding, location, responseLocation ?? []].flat().join(' '))
    .join(', ');
}

function keyOf(certificate: string): string {
  const { publicKey } = new X509Certificate(Buffer.from(certificate, 'base64'));
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}
