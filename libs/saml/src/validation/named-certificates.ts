import { fingerprintOf } from '../fingerprint.js';
import type { CheckName, Verdict } from '../verdict.js';

/** What a signature by a key that we do not know fails with. */
const UNKNOWN_KEY: ReadonlySet<CheckName> = new Set(['certificate', 'signature-value']);

/** A certificate of a 16,384 bit key has some 4,000 characters; a bound keeps the search in step with the message. */
const CERTIFICATE = /<(?:[\w.-]{1,64}:)?X509Certificate>([A-Za-z0-9+/=\s]{1,16000})</g;
const MOST = 3;

/** Whether newer metadata could turn the refusal round. */
export function failedForUnknownKey(verdicts: readonly Verdict[]): boolean {
  return verdicts.some(({ ok, check }) => !ok && UNKNOWN_KEY.has(check));
}

/**
 * Adds to a failed signature whose certificates were tried, and which one the message itself names: an operator sees from
 * two fingerprints what happened. The name is anybody's to write and is shown, nothing else (R8).
 *
 * @param certificates base64 of DER
 * @param message the form field of the POST binding; undefined: messages of the Redirect binding name none
 */
export function withFingerprints(
  verdicts: readonly Verdict[],
  certificates: readonly string[],
  message: string | undefined,
): readonly Verdict[] {
  if (!failedForUnknownKey(verdicts)) return verdicts;
  const ours = certificates.map(fingerprintOf).join(', ');
  const theirs = message === undefined ? [] : certificatesIn(message).map(fingerprintOf);
  const named = theirs.length === 0 ? '' : `; the message names ${theirs.join(', ')}`;
  return verdicts.map((verdict) =>
    verdict.ok || !UNKNOWN_KEY.has(verdict.check)
      ? verdict
      : { ...verdict, expected: `${verdict.expected} (SHA-256 ${ours})`, found: `${verdict.found}${named}` },
  );
}

function certificatesIn(message: string): string[] {
  const text = Buffer.from(message, 'base64').toString('latin1');
  const found = new Set<string>();
  for (const [, certificate = ''] of text.matchAll(CERTIFICATE)) {
    found.add(certificate.replace(/\s+/g, ''));
    if (found.size === MOST) break;
  }
  return [...found];
}
