import { failed, passed } from '../verdict.js';
import { diagnose } from './diagnosis.js';
import { aConfirmation, anAssertion, aResponse, at, expected, someConditions } from './facts.spec-support.js';
import { fingerprintOf } from '../fingerprint.js';
import { withFingerprints } from './named-certificates.js';
import { checkResponse } from './response-checks.js';

const OURS = Buffer.from('the certificate of the metadata').toString('base64');
const THEIRS = Buffer.from('the certificate that signed').toString('base64');
const wrongKey = [passed('size', 'small'), failed('signature-value', 'RSA-SHA256 made by one certificate', 'not so')];
const posted = (xml: string) => Buffer.from(xml).toString('base64');

describe('diagnose', () => {
  it('names a wrong certificate by both fingerprints', () => {
    const xml = `<ds:X509Certificate>\n${THEIRS.slice(0, 8)}\n${THEIRS.slice(8)}\n</ds:X509Certificate>`;
    const text = diagnose(withFingerprints(wrongKey, [OURS], posted(xml)));
    expect(text).toContain('No certificate of the metadata fits the signature');
    expect(text).toContain(`SHA-256 ${fingerprintOf(OURS)}`);
    expect(text).toContain(`the message names ${fingerprintOf(THEIRS)}`);
    expect(fingerprintOf(THEIRS)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('names the certificates that were tried where the message names none', () => {
    for (const message of [undefined, posted('<a/>')]) {
      const text = diagnose(withFingerprints(wrongKey, [OURS, THEIRS], message));
      expect(text).toContain(`(SHA-256 ${fingerprintOf(OURS)}, ${fingerprintOf(THEIRS)}), found not so.`);
    }
  });

  it('lets a message name only a few certificates, and leaves other faults alone', () => {
    const many = Array.from({ length: 9 }, (_, i) => `<X509Certificate>${posted(`c${i}`)}</X509Certificate>`).join('');
    expect(diagnose(withFingerprints(wrongKey, [OURS], posted(many))).match(/[0-9a-f]{64}/g)).toHaveLength(4);
    const other = [failed('digest-value', 'the digest', 'not so')];
    expect(withFingerprints(other, [OURS], posted(many))).toBe(other);
  });

  it('says what to set where the audience is wrong', () => {
    const conditions = someConditions({ audienceRestrictions: [['https://gate.test']] });
    expect(diagnose(checkResponse(aResponse({ assertion: anAssertion({ conditions }) }), expected))).toBe(
      'The assertion is for another service provider: expected Audience "https://gate.test/saml/corp/metadata" in every ' +
        'AudienceRestriction, found "https://gate.test". Set the audience (SP entity ID) at the identity provider, or ' +
        'entity_id here, so that both are the same.',
    );
  });

  it('says by how many seconds a clock is wrong', () => {
    const late = checkResponse(aResponse({ issueInstant: at(340) }), expected);
    expect(diagnose(late)).toContain('340 s ahead of our clock. Set both clocks by NTP');
    const confirmations = [aConfirmation({ notOnOrAfter: at(-600) })];
    expect(diagnose(checkResponse(aResponse({ assertion: anAssertion({ confirmations }) }), expected))).toContain(
      '600 s ago by our clock',
    );
  });

  it('repeats what the identity provider said when it refused', () => {
    const refused = aResponse({ statusCodes: ['urn:x:Requester'], statusMessage: 'unknown SP', assertion: undefined });
    expect(diagnose(checkResponse(refused, expected))).toBe(
      'The identity provider refused: its status is "urn:x:Requester" with the message "unknown SP". Its own log says why.',
    );
  });

  it('has a sentence for every check', () => {
    expect(diagnose([failed('unique-ids', 'IDs that differ', '"a" twice')])).toBe(
      'The message failed the check unique-ids: expected IDs that differ, found "a" twice.',
    );
    expect(diagnose(checkResponse(aResponse(), expected))).toBe('Every check passed.');
  });
});
