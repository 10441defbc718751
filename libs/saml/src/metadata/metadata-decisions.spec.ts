import { makeIdpKey, type IdpKey } from '../../../../test/harness/saml-idp.js';
import { fingerprintOf } from '../fingerprint.js';
import { chooseIdp } from './choose-idp.js';
import type { IdpDescription, SamlEndpoint } from './idp-description.js';
import { compareMetadata } from './metadata-change.js';

let keys: IdpKey[];

beforeAll(async () => {
  keys = await Promise.all([makeIdpKey(), makeIdpKey(), makeIdpKey({ type: 'ec' })]);
});

function certificate(index: number): string {
  return keys[index]?.certificate ?? '';
}

function redirectTo(location: string, responseLocation?: string): SamlEndpoint {
  return { binding: 'redirect', location, responseLocation };
}

function described(changes: Partial<IdpDescription> = {}): IdpDescription {
  return {
    entityId: 'https://idp.test',
    signingCertificates: [certificate(0)],
    encryptionCertificates: [],
    singleSignOn: [redirectTo('https://idp.test/sso')],
    singleLogout: [],
    wantAuthnRequestsSigned: false,
    nameIdFormats: [],
    validUntil: undefined,
    cacheSeconds: undefined,
    ...changes,
  };
}

describe('of the entities of a document', () => {
  const many = () => Array.from({ length: 12 }, (_, n) => described({ entityId: `https://idp${n}.test` }));

  it('the only one is taken, or the one that is named', () => {
    expect(chooseIdp([described()], undefined, false).entityId).toBe('https://idp.test');
    expect(chooseIdp(many(), 'https://idp7.test', false).entityId).toBe('https://idp7.test');
  });

  it('none is guessed: the text lists ten of them', () => {
    expect(() => chooseIdp(many(), undefined, false)).toThrow(
      /describes 12 identity providers; set idp_entity_id to one of "https:\/\/idp0\.test", .*"https:\/\/idp9\.test" and 2 others/,
    );
    expect(() => chooseIdp(many(), 'https://missing.test', false)).toThrow(
      /does not describe "https:\/\/missing\.test"/,
    );
    const twice = [described(), described()];
    expect(() => chooseIdp(twice, 'https://idp.test', false)).toThrow('2 times');
  });

  it('a broken one is refused with its reason, and disturbs the others not', () => {
    const broken = described({ entityId: 'https://broken.test', unusable: 'it has no signing certificate' });
    expect(() => chooseIdp([broken, described()], 'https://broken.test', false)).toThrow(
      'it has no signing certificate',
    );
    expect(chooseIdp([broken, described()], 'https://idp.test', false).entityId).toBe('https://idp.test');
  });
});

describe('an endpoint', () => {
  it.each([
    ['http://idp.test/sso', true],
    ['http://127.0.0.1:8081/sso', false],
    ['javascript:alert(1)', true],
    ['https://user:secret@idp.test/sso', true],
    ['https://idp.test/s so', true],
    ['https://idp.test/\nSet-Cookie: x', true],
    ['/sso', true],
    ['', true],
  ])('at %j is not used', (location, allowPrivate) => {
    const idp = described({ singleSignOn: [redirectTo(location)] });
    expect(() => chooseIdp([idp], undefined, allowPrivate)).toThrow('no SingleSignOnService at an https address');
    const elsewhere = described({ singleLogout: [redirectTo(location), redirectTo('https://idp.test/slo', location)] });
    expect(chooseIdp([elsewhere], undefined, allowPrivate).singleLogout).toEqual([]);
  });

  it('may be http on loopback where private hosts are allowed', () => {
    const idp = described({ singleSignOn: [redirectTo('http://127.0.0.1:8081/sso')] });
    expect(chooseIdp([idp], undefined, true).singleSignOn).toHaveLength(1);
  });

  it('for sign-on must be there', () => {
    expect(() => chooseIdp([described({ singleSignOn: [] })], undefined, false)).toThrow(
      'no SingleSignOnService with the HTTP-Redirect or HTTP-POST binding',
    );
  });
});

describe('new metadata', () => {
  it('with the same facts is the same, with another validUntil too', () => {
    expect(compareMetadata(described(), described({ validUntil: '2030-01-01T00:00:00Z' }))).toMatchObject({
      kind: 'same',
      added: [],
      removed: [],
    });
  });

  it('with a further key, or one less, is a change', () => {
    const both = [certificate(0), certificate(1)];
    const added = compareMetadata(described(), described({ signingCertificates: both }));
    expect(added).toMatchObject({ kind: 'changed', added: [fingerprintOf(certificate(1))], removed: [] });
    const removed = compareMetadata(
      described({ signingCertificates: both }),
      described({ signingCertificates: [certificate(1)] }),
    );
    expect(removed).toMatchObject({ kind: 'changed', added: [], removed: [fingerprintOf(certificate(0))] });
  });

  it('with other endpoints is a change that names them', () => {
    const moved = compareMetadata(described(), described({ singleSignOn: [redirectTo('https://new.test/sso')] }));
    expect(moved).toMatchObject({
      kind: 'changed',
      reason: 'endpoints changed to redirect https://new.test/sso',
    });
  });

  it('without any key of before, or with another entityID, is held', () => {
    const keysGone = described({ signingCertificates: [certificate(1), certificate(2)] });
    expect(compareMetadata(described(), keysGone)).toMatchObject({
      kind: 'held',
      removed: [fingerprintOf(certificate(0))],
    });
    expect(compareMetadata(described(), described({ entityId: 'https://other.test' })).kind).toBe('held');
    expect(compareMetadata(described({ signingCertificates: [] }), described()).kind).toBe('held');
  });

  it('D24: with a further key is held where hold_new_keys is set, and one less is not', () => {
    const both = described({ signingCertificates: [certificate(0), certificate(1)] });
    const fingerprint = fingerprintOf(certificate(1));
    const added = compareMetadata(described(), both, { holdNewKeys: true });
    expect(added).toMatchObject({ kind: 'held', added: [fingerprint] });
    expect(added.reason).toContain(`hold_new_keys is set: ${fingerprint}`);
    expect(compareMetadata(described(), both, { holdNewKeys: false }).kind).toBe('changed');
    expect(compareMetadata(both, described(), { holdNewKeys: true }).kind).toBe('changed');
    const moved = described({ singleSignOn: [redirectTo('https://new.test/sso')] });
    expect(compareMetadata(described(), moved, { holdNewKeys: true }).kind).toBe('changed');
  });
});
