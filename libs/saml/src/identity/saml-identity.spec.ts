import type { SamlProviderConfig } from '@app/config';
import type { AssertionFacts, Attribute } from '../message-facts.js';
import { firstFailure } from '../verdict.js';
import { anAssertion, aStatement, at, expected, PASSWORD, PERSISTENT } from '../validation/facts.spec-support.js';
import { aProvider } from './provider.spec-support.js';
import { identityOf, type SamlIdentity } from './saml-identity.js';
import { subjectKey } from './subject-key.js';

const EMAIL_FORMAT = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';
const CLAIMS = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';

function attributes(values: Readonly<Record<string, string | readonly string[]>>): Attribute[] {
  return Object.entries(values).map(([name, value]) => ({
    name,
    friendlyName: undefined,
    nameFormat: undefined,
    values: typeof value === 'string' ? [value] : value,
  }));
}

function identity(parts: Partial<AssertionFacts>, provider: Partial<SamlProviderConfig> = {}): SamlIdentity {
  const reading = identityOf(anAssertion(parts), aProvider(provider));
  if (reading.identity === undefined) throw new Error(`refused: ${JSON.stringify(firstFailure(reading.verdicts))}`);
  return reading.identity;
}

const reads = (values: Readonly<Record<string, string | readonly string[]>>, provider?: Partial<SamlProviderConfig>) =>
  identity({ attributes: attributes(values) }, provider);

describe('identityOf', () => {
  it('is the proven identity of a login, and what a logout needs', () => {
    const [nameId] = anAssertion().nameIds;
    expect(
      identity({
        attributes: attributes({ mail: 'alice@corp.test', displayName: 'Alice A.', groups: ['ops', 'dev'] }),
        authnStatements: [
          aStatement({ sessionNotOnOrAfter: at(7200) }),
          aStatement({ authnInstant: at(-9.5), sessionIndex: '_other', sessionNotOnOrAfter: at(3600) }),
        ],
      }),
    ).toEqual({
      provider: 'corp',
      issuer: expected.idpEntityId,
      subject: subjectKey({ format: PERSISTENT, nameQualifier: undefined, spNameQualifier: undefined, value: 'alice' }),
      email: 'alice@corp.test',
      emailVerified: true,
      name: 'Alice A.',
      groups: ['ops', 'dev'],
      authTime: Math.floor(new Date(at(-9.5)).getTime() / 1000),
      acr: PASSWORD,
      amr: undefined,
      nameId,
      sessionIndexes: ['_session', '_other'],
      sessionNotOnOrAfter: new Date(at(3600)),
      authnInstant: new Date(at(-9.5)),
    });
  });

  it('keeps the NameID for the logout, whatever the subject is made of', () => {
    const person = identity({ attributes: attributes({ uid: 'a1' }) }, { attributes: { ...none, subject: ['uid'] } });
    expect(person.subject).toBe('attribute:["uid","a1"]');
    expect(person.nameId?.value).toBe('alice');
  });

  it('leaves out what an IdP did not say', () => {
    const authnStatements = [aStatement({ sessionIndex: undefined, authnContextClassRef: 'urn:x\u0000' })];
    expect(identity({ authnStatements })).toMatchObject({
      email: undefined,
      emailVerified: false,
      name: undefined,
      groups: [],
      acr: undefined,
      sessionIndexes: [],
      sessionNotOnOrAfter: undefined,
    });
  });

  it('is not there where the assertion has a fault that checkResponse would have found', () => {
    for (const parts of [{ nameIds: [] }, { issuer: undefined }, { authnStatements: [] }]) {
      const reading = identityOf(anAssertion(parts), aProvider());
      expect(reading.identity).toBeUndefined();
      expect(firstFailure(reading.verdicts)).toBeDefined();
    }
  });
});

const none = { subject: [], email: [], name: [], groups: [] };

describe('D17', () => {
  it.each([
    ['alice@corp.test', true],
    ['alice@CORP.test', true],
    ['alice@mail.corp.test', false],
    ['alice@evilcorp.test', false],
    ['alice@corp.test.evil.example', false],
    ['alice@other.test', false],
    // Normalisation makes the address; the IdP wrote another.
    ['alice@ｃorp.test', false],
  ])('counts %s as verified: %s', (mail, verified) => {
    expect(reads({ mail }).emailVerified).toBe(verified);
  });

  it('verifies nothing where no domain is configured', () => {
    expect(reads({ mail: 'alice@corp.test' }, { verifiedEmailDomains: [] }).emailVerified).toBe(false);
  });

  it('verifies an address that came as NameID by the same rule', () => {
    const nameIds = [{ ...unqualified, format: EMAIL_FORMAT, value: 'alice@corp.test' }];
    expect(identity({ nameIds })).toMatchObject({ email: 'alice@corp.test', emailVerified: true });
    expect(identity({ nameIds }, { verifiedEmailDomains: ['x.test'] })).toMatchObject({ emailVerified: false });
  });
});

const unqualified = { nameQualifier: undefined, spNameQualifier: undefined };

describe('the e-mail address', () => {
  it.each([
    ['urn:oid:0.9.2342.19200300.100.1.3'],
    [`${CLAIMS}/emailaddress`],
    ['mail'],
    ['email'],
    ['urn:mace:dir:attribute-def:mail'],
  ])('is read from %s', (name) => {
    expect(reads({ [name]: ' alice@corp.test ' }).email).toBe('alice@corp.test');
  });

  it('is read from the mapped attribute alone, else from the NameID', () => {
    const provider = { attributes: { ...none, email: ['work'] } };
    expect(reads({ mail: 'a@corp.test', work: 'w@corp.test' }, provider).email).toBe('w@corp.test');
    expect(reads({ mail: 'a@corp.test' }, provider).email).toBeUndefined();
    const nameIds = [{ ...unqualified, format: EMAIL_FORMAT, value: 'n@corp.test' }];
    expect(identity({ nameIds, attributes: attributes({ mail: 'a@corp.test' }) }, provider).email).toBe('n@corp.test');
  });

  it('is no NameID that only looks like one', () => {
    const nameIds = [{ ...unqualified, format: undefined, value: 'login@corp.test' }];
    expect(identity({ nameIds }).email).toBeUndefined();
  });

  it.each([
    'alice',
    'a@b@c.test',
    '<a@corp.test>',
    'a@corp.test, b@corp.test',
    'a b@corp.test',
    'a@',
    `${'a'.repeat(250)}@corp.test`,
  ])('is not %s (R28)', (mail) => {
    expect(reads({ mail })).toMatchObject({ email: undefined, emailVerified: false });
  });

  it('is the first of several that is one', () => {
    expect(reads({ mail: ['', 'nonsense', 'a@corp.test', 'b@corp.test'] }).email).toBe('a@corp.test');
  });
});

describe('the name', () => {
  it.each([
    [{ displayName: 'Alice', cn: 'alice01' }, 'Alice'],
    [{ 'urn:oid:2.16.840.1.113730.3.1.241': 'Alice' }, 'Alice'],
    [{ 'http://schemas.microsoft.com/identity/claims/displayname': 'Alice', [`${CLAIMS}/name`]: 'a@x.test' }, 'Alice'],
    [{ cn: 'Alice Example' }, 'Alice Example'],
    [{ givenName: 'Alice', sn: 'Example' }, 'Alice Example'],
    [{ [`${CLAIMS}/givenname`]: 'Alice', [`${CLAIMS}/surname`]: 'Example' }, 'Alice Example'],
    [{ givenName: 'Alice', name: 'alice01' }, 'alice01'],
    [{ displayName: 'Ali\u202ece\n A.' }, 'Ali ce  A.'],
    [{ displayName: '\u0000' }, undefined],
  ])('is made of %j', (values, name) => {
    expect(reads(values as Record<string, string>).name).toBe(name);
  });

  it('is the mapped attribute’s where one is mapped', () => {
    const provider = { attributes: { ...none, name: ['nick'] } };
    expect(reads({ nick: 'Al', displayName: 'Alice' }, provider).name).toBe('Al');
    expect(reads({ displayName: 'Alice' }, provider).name).toBeUndefined();
  });

  it('is cut between characters, for nothing is looked up by it', () => {
    expect(reads({ cn: `${'x'.repeat(254)}😀` }).name).toBe('x'.repeat(254));
  });
});

describe('groups', () => {
  it.each([
    'groups',
    'memberOf',
    'urn:oid:1.3.6.1.4.1.5923.1.5.1.1',
    'http://schemas.microsoft.com/ws/2008/06/identity/claims/groups',
  ])('are read from %s, each once, in order, byte for byte', (name) => {
    expect(reads({ [name]: ['ops', 'Ops', 'ops', '', ' ops'] }).groups).toEqual(['ops', 'Ops', ' ops']);
  });

  it('are read from several attributes of one Name, and by friendly name', () => {
    const oid = 'urn:oid:1.3.6.1.4.1.5923.1.1.1.7';
    const one = { name: oid, friendlyName: 'entitlement', nameFormat: undefined };
    const person = identity(
      {
        attributes: [
          { ...one, values: ['a'] },
          { ...one, values: ['b'] },
        ],
      },
      { attributes: { ...none, groups: ['entitlement'] } },
    );
    expect(person.groups).toEqual(['a', 'b']);
  });

  it('are only those with a configured prefix', () => {
    expect(reads({ groups: ['app-ops', 'all', 'gh/dev'] }, { groupPrefixes: ['app-', 'gh/'] }).groups).toEqual([
      'app-ops',
      'gh/dev',
    ]);
  });

  it.each<[string, Record<string, string[]>, string]>([
    ['too many', { groups: Array.from({ length: 1_001 }, (_, i) => `g${i}`) }, '1001 groups'],
    ['one too long', { groups: ['ops', 'x'.repeat(257)] }, 'with 257 characters'],
    ['one with a control character', { groups: ['ops\u0000'] }, '"ops "'],
    [
      'a link in their place',
      { 'http://schemas.microsoft.com/claims/groups.link': ['https://graph.test'] },
      'a link to the groups',
    ],
  ])('refuse the login for %s, and say so (R28)', (_name, values, found) => {
    const { identity: person, verdicts } = identityOf(anAssertion({ attributes: attributes(values) }), aProvider());
    expect(person).toBeUndefined();
    expect(firstFailure(verdicts)).toMatchObject({ check: 'groups', found: expect.stringContaining(found) });
  });

  it('that the prefixes leave out refuse nothing', () => {
    const provider = { groupPrefixes: ['app-'] };
    expect(reads({ groups: ['app-ops', 'x'.repeat(300)] }, provider).groups).toEqual(['app-ops']);
  });
});

describe('attributes with the names of JavaScript’s own', () => {
  it('are attributes like any other', () => {
    const odd = attributes({ toString: 'x', constructor: 'x' });
    const proto = { name: '__proto__', friendlyName: 'hasOwnProperty', nameFormat: undefined, values: ['p@corp.test'] };
    const person = identity({ attributes: [...odd, proto] }, { attributes: { ...none, email: ['__proto__'] } });
    expect(person.email).toBe('p@corp.test');
    expect(reads({}, { attributes: { ...none, name: ['toString'], groups: ['constructor'] } })).toMatchObject({
      name: undefined,
      groups: [],
    });
    expect(({} as Record<string, unknown>)['values']).toBeUndefined();
  });
});
