import { makeIdpKey, SigningIdp, type IdpKey, type ResponseOptions } from '../../../../test/harness/saml-idp.js';
import { startTestVerifier } from '../../../../test/harness/saml-workers.js';
import type { AssertionFacts, ResponseFacts } from '../message-facts.js';
import type { ResponseJob, Verified } from '../saml-verifier.js';
import { firstFailure, type Verdict } from '../verdict.js';

const EC_PREFIX = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const BASE = {
  now: new Date('2026-01-01T12:00:00Z'),
  acsUrl: 'https://sp.test/saml/acs',
  audience: 'https://sp.test',
  inResponseTo: '_request',
};

describe('verifying a response', () => {
  let verifier: Awaited<ReturnType<typeof startTestVerifier>>;
  let idp: SigningIdp;
  let ecIdp: SigningIdp;
  let sp: IdpKey;

  beforeAll(async () => {
    verifier = await startTestVerifier();
    [idp, ecIdp, sp] = await Promise.all([
      SigningIdp.create(),
      SigningIdp.create({ keyType: 'ec' }),
      makeIdpKey({ type: 'rsa' }),
    ]);
  });
  afterAll(() => verifier.close());

  function verify(samlResponse: string, job: Partial<ResponseJob> = {}): Promise<Verified<ResponseFacts>> {
    return verifier.verifyResponse({
      samlResponse,
      engine: 'strict',
      certificates: [idp.certificate],
      decryptionKeys: [sp.privateKey],
      legacyEncryption: false,
      ...job,
    });
  }

  function respond(options: Partial<ResponseOptions> = {}, from = idp): string {
    return from.response({ ...BASE, ...options }).value;
  }

  /** The failed check's name, of both engines; they must be of one mind. */
  async function checkOf(samlResponse: string, job: Partial<ResponseJob> = {}): Promise<string> {
    const checks = await Promise.all(
      (['strict', 'node-saml'] as const).map(
        async (engine) => failureOf(await verify(samlResponse, { ...job, engine }))?.check ?? 'accepted',
      ),
    );
    return [...new Set(checks)].join(' / ');
  }

  function failureOf(verified: Verified<unknown>): Verdict | undefined {
    expect(verified.ok).toBe(firstFailure(verified.verdicts) === undefined);
    return firstFailure(verified.verdicts);
  }

  async function factsOf(samlResponse: string, job: Partial<ResponseJob> = {}): Promise<ResponseFacts> {
    const verified = await verify(samlResponse, job);
    if (!verified.ok) throw new Error(JSON.stringify(firstFailure(verified.verdicts)));
    return verified.facts;
  }

  async function assertionOf(samlResponse: string, job: Partial<ResponseJob> = {}): Promise<AssertionFacts> {
    const { assertion } = await factsOf(samlResponse, job);
    if (assertion === undefined) throw new Error('no assertion');
    return assertion;
  }

  describe('SAML core §5.4', () => {
    const encryptions = ['plain', 'encrypted'] as const;
    const signed = ['assertion', 'response', 'both'] as const;
    const engines = ['strict', 'node-saml'] as const;
    const all = engines.flatMap((engine) =>
      signed.flatMap((sign) => encryptions.map((how) => [engine, sign, how] as const)),
    );

    it.each(all)('%s takes a signature of: %s, %s', async (engine, sign, how) => {
      const encrypt = how === 'encrypted' ? { encrypt: { certificate: sp.certificate } } : {};
      const facts = await factsOf(respond({ sign, ...encrypt, assertion: { nameId: 'alice' } }), { engine });
      expect(facts.signed).toBe(sign !== 'assertion');
      expect(facts.assertion).toMatchObject({
        signed: sign !== 'response',
        encrypted: how === 'encrypted',
        issuer: idp.entityId,
        nameIds: [{ value: 'alice' }],
      });
    });

    it.each(['rsa-sha256', 'rsa-sha384', 'rsa-sha512', 'rsa-pss-sha256'] as const)('takes %s', async (algorithm) => {
      expect((await assertionOf(respond({ signature: { algorithm } }))).signed).toBe(true);
    });

    it.each(['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512'] as const)('takes %s', async (algorithm) => {
      const response = respond({ signature: { algorithm } }, ecIdp);
      expect((await assertionOf(response, { certificates: ecIdp.certificates })).signed).toBe(true);
    });

    it.each(['rsa-sha1', 'rsa-md5'] as const)('refuses %s', async (algorithm) => {
      expect(await checkOf(respond({ signature: { algorithm } }))).toBe('signature-algorithm');
    });

    it.each(['sha1', 'md5'] as const)('refuses the digest %s', async (digest) => {
      expect(await checkOf(respond({ signature: { digest } }))).toBe('signature-algorithm');
    });

    it('refuses HMAC with the public key as its secret', async () => {
      const uri = 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256';
      const response = respond({ signature: { method: { uri, sign: () => Buffer.alloc(32) } } });
      expect(await checkOf(response)).toBe('signature-algorithm');
    });

    it.each(['sha384', 'sha512'] as const)('takes the digest %s', async (digest) => {
      expect((await assertionOf(respond({ signature: { digest } }))).signed).toBe(true);
    });

    it('tries every certificate, and no other than those given', async () => {
      const other = await makeIdpKey({ type: 'rsa' });
      const response = respond();
      expect(
        await checkOf(response, { certificates: [other.certificate, ...ecIdp.certificates, idp.certificate] }),
      ).toBe('accepted');
      expect(await checkOf(response, { certificates: [other.certificate] })).toBe('signature-value');
      expect(await checkOf(response, { certificates: [ecIdp.certificate] })).toBe('signature-value');
    });

    it('takes exclusive canonicalization with comments, and no other', async () => {
      const transforms = ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', `${EC_PREFIX}WithComments`];
      expect(await checkOf(respond({ signature: { transforms, canonicalization: `${EC_PREFIX}WithComments` } }))).toBe(
        'accepted',
      );
      const inclusive = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
      expect(await checkOf(respond({ signature: { canonicalization: inclusive } }))).toBe('signature-algorithm');
      expect(await checkOf(respond({ signature: { transforms: [transforms[0] ?? '', inclusive] } }))).toBe(
        'signature-algorithm',
      );
    });

    it('refuses other transforms, in number or order', async () => {
      const [enveloped, exclusive] = ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', EC_PREFIX] as const;
      expect(await checkOf(respond({ signature: { transforms: [exclusive, enveloped] } }))).toBe('signature-algorithm');
      for (const transforms of [[enveloped], [exclusive], [enveloped, exclusive, exclusive]]) {
        expect(await checkOf(respond({ signature: { transforms } }))).toBe('signature-shape');
      }
    });

    it('refuses the empty reference (§5.4.2)', async () => {
      expect(await checkOf(respond({ sign: 'response', signature: { emptyUri: 'empty-uri' } }))).toBe(
        'signature-reference',
      );
    });

    it('takes a bad signature of the assertion for bad even inside a signed response', async () => {
      const foreign = await makeIdpKey({ type: 'rsa' });
      const response = respond({
        sign: 'both',
        signature: { key: foreign },
        responseSignature: { key: idp.signingKey },
      });
      expect(await checkOf(response)).toBe('signature-value');
    });
  });

  describe('R1', () => {
    it('reads what was signed, to the character', async () => {
      const value = ' a<b>&"\'é😀\u00a0\tz\r\n]]> ';
      const assertion = {
        nameId: { value, nameQualifier: 'a"b', spNameQualifier: '<&>' },
        attributes: { __proto__x: [value, ''], mail: 'a@x.test' },
      };
      for (const sign of ['assertion', 'response'] as const) {
        for (const engine of ['strict', 'node-saml'] as const) {
          const facts = await assertionOf(respond({ sign, assertion }), { engine });
          expect(facts.nameIds).toEqual([
            {
              format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
              nameQualifier: 'a"b',
              spNameQualifier: '<&>',
              value,
            },
          ]);
          expect(facts.attributes.map(({ name, values }) => [name, values])).toEqual([
            ['__proto__x', [value, '']],
            ['mail', ['a@x.test']],
          ]);
        }
      }
    });

    it('keeps attributes with hostile names apart', async () => {
      const attributes = ['__proto__', 'constructor', 'toString', 'nameID'].map((name) => ({ name, values: [name] }));
      const facts = await assertionOf(respond({ assertion: { nameId: 'alice', attributes } }));
      expect(facts.attributes.map(({ name }) => name)).toEqual(['__proto__', 'constructor', 'toString', 'nameID']);
      expect(facts.nameIds.map(({ value }) => value)).toEqual(['alice']);
    });

    it('notices any change of what was signed', async () => {
      const change = (from: string, to: string) =>
        respond({ edit: { signed: (xml) => xml.replace(from, to) }, assertion: { nameId: 'alice' } });
      expect(await checkOf(change('>alice<', '>mallory<'))).toBe('digest-value');
      expect(await checkOf(change('NotOnOrAfter="', 'NotOnOrAfter="3'))).toBe('digest-value');
      expect(await checkOf(change('<ds:SignatureValue>', '<ds:SignatureValue>A'))).toBe('signature-value');
    });

    it('refuses an original that is wrapped (XSW)', async () => {
      const wrapped = respond({
        assertion: { nameId: 'alice' },
        edit: {
          signed: (xml) => {
            const original = /<saml:Assertion.*<\/saml:Assertion>/s.exec(xml)?.[0] ?? '';
            const evil = original
              .replace(/<ds:Signature.*<\/ds:Signature>/s, '')
              .replace(/ID="[^"]*"/, 'ID="_evil"')
              .replace('alice', 'mallory');
            return xml.replace(
              original,
              evil.replace('</saml:Issuer>', `</saml:Issuer><samlp:Extensions>${original}</samlp:Extensions>`),
            );
          },
        },
      });
      expect(await checkOf(wrapped)).toBe('one-assertion');
    });
  });

  describe('R3', () => {
    const edited = (edit: (xml: string) => string) => respond({ edit: { signed: edit } });

    it('refuses several SignedInfo', async () => {
      expect(await checkOf(edited((xml) => xml.replace(/<ds:SignedInfo>.*<\/ds:SignedInfo>/s, '$&$&')))).toBe(
        'signature-shape',
      );
    });

    it('refuses several References, though all be good', async () => {
      const alsoCovers = ["//*[local-name(.)='Conditions']"];
      const response = respond({
        signature: { alsoCovers },
        edit: { assertion: (xml) => xml.replace('<saml:Conditions', '<saml:Conditions ID="_c"') },
      });
      expect(await checkOf(response)).toBe('signature-shape');
    });

    it('refuses a comment in DigestValue, and an element', async () => {
      expect(await checkOf(edited((xml) => xml.replace('<ds:DigestValue>', '<ds:DigestValue><!--x-->')))).toBe(
        'comment',
      );
      expect(await checkOf(edited((xml) => xml.replace('<ds:DigestValue>', '<ds:DigestValue><x/>')))).toBe(
        'well-formed',
      );
    });

    it('refuses an Object and a second KeyInfo', async () => {
      expect(await checkOf(edited((xml) => xml.replace('</ds:Signature>', '<ds:Object/></ds:Signature>')))).toBe(
        'signature-shape',
      );
      expect(await checkOf(edited((xml) => xml.replace(/<ds:KeyInfo>.*<\/ds:KeyInfo>/s, '$&$&')))).toBe(
        'signature-shape',
      );
    });

    it('refuses two signatures of one element', async () => {
      expect(await checkOf(edited((xml) => xml.replace(/<ds:Signature .*<\/ds:Signature>/s, '$&$&')))).toBe(
        'signature-position',
      );
    });

    it('refuses a parameter of the signature method', async () => {
      const length = '<ds:HMACOutputLength>1</ds:HMACOutputLength>';
      const xml = edited((signed) =>
        signed.replace(/(<ds:SignatureMethod[^>]*?)\/>/, `$1>${length}</ds:SignatureMethod>`),
      );
      expect(await checkOf(xml)).toBe('signature-shape');
    });
  });

  describe('R4', () => {
    it('never reads an identity that begins later than what was signed (U+FEFF)', async () => {
      for (const nameId of ['\ufeffadmin@example.com', 'admin\ufeff']) {
        expect(await checkOf(respond({ assertion: { nameId } }))).toBe('encoding');
      }
    });

    it('refuses instructions, comments and CDATA where xml-crypto would take their text for text', async () => {
      const tail = (tail: string) =>
        respond({
          assertion: { nameId: 'alice@example.com.evil' },
          edit: { signed: (xml) => xml.replace('.evil', tail) },
        });
      expect(await checkOf(tail('<?x .evil?>'))).toBe('processing-instruction');
      expect(await checkOf(tail('<!--.evil-->'))).toBe('comment');
      expect(await checkOf(tail('<![CDATA[.evil]]>'))).toBe('cdata');
    });

    it('refuses an element inside a NameID', async () => {
      expect(await checkOf(respond({ edit: { assertion: (xml) => xml.replace('user-1', 'user<x/>-1') } }))).toBe(
        'well-formed',
      );
    });

    it('refuses what has no canonical form, and never takes it for the empty one', async () => {
      const response = respond({
        edit: { signed: (xml) => xml.replace('<saml:Subject>', '<saml:Subject xmlns:r="relative" r:a="">') },
      });
      expect(await checkOf(response)).toBe('digest-value');
    });

    it('refuses what is not well formed with namespaces', async () => {
      for (const to of [
        '<x:a/>',
        '<a b="1" b="2"/>',
        '<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>',
        '<a></b>',
        '<a b=c/>',
        '<1/>',
      ]) {
        expect(
          await checkOf(respond({ edit: { signed: (xml) => xml.replace('<saml:Subject>', `<saml:Subject>${to}`) } })),
        ).toBe('well-formed');
      }
    });

    it('refuses what schemas allow once and what is there twice', async () => {
      for (const name of ['Issuer', 'Subject', 'Conditions']) {
        const twice = (xml: string) => xml.replace(new RegExp(`<saml:${name}[ >].*</saml:${name}>`, 's'), '$&$&');
        const after = "/*/*[local-name(.)='Issuer'][1]";
        expect(await checkOf(respond({ signature: { after }, edit: { assertion: twice } }))).toBe('well-formed');
      }
    });
  });

  describe('R6', () => {
    const edited = (edit: (xml: string) => string, sign: 'assertion' | 'response' = 'response') =>
      respond({ sign, edit: { response: edit } });
    const assertion = /<saml:Assertion.*<\/saml:Assertion>/s;

    it('refuses two assertions, wherever they are', async () => {
      expect(
        await checkOf(edited((xml) => xml.replace(assertion, (one) => one + one.replace(/ID="_/, 'ID="_x')))),
      ).toBe('one-assertion');
      expect(
        await checkOf(edited((xml) => xml.replace('<saml:Subject>', '<saml:Advice><saml:Assertion/></saml:Advice>$&'))),
      ).toBe('one-assertion');
      expect(await checkOf(edited((xml) => xml.replace('<saml:Subject>', '<x:Assertion xmlns:x="urn:x"/>$&')))).toBe(
        'one-assertion',
      );
      expect(await checkOf(edited((xml) => xml.replace('</samlp:Response>', '<saml:EncryptedAssertion/>$&')))).toBe(
        'one-assertion',
      );
    });

    it('refuses an assertion that is not a child of the response', async () => {
      expect(await checkOf(edited((xml) => xml.replace(assertion, '<samlp:Extensions>$&</samlp:Extensions>')))).toBe(
        'one-assertion',
      );
      expect(
        await checkOf(
          edited((xml) => xml.replaceAll('urn:oasis:names:tc:SAML:2.0:assertion', 'urn:x').replace('>https', '>')),
        ),
      ).toMatch(/one-assertion/);
    });

    it.each(['ID', 'Id', 'id', 'xml:id'])('refuses an ID that is there twice, as %s too', async (name) => {
      const twice = (xml: string) =>
        xml.replace('<saml:Subject>', `<saml:Subject ${name}="${/Assertion [^>]*ID="([^"]*)"/.exec(xml)?.[1]}">`);
      expect(await checkOf(edited(twice, 'assertion'))).toBe('unique-ids');
      expect(await checkOf(edited(twice))).toBe('unique-ids');
    });

    it('refuses another root', async () => {
      const other = (name: string) =>
        respond({ sign: 'response', edit: { response: (xml) => xml.replaceAll('samlp:Response', name) } });
      expect(await checkOf(other('samlp:ArtifactResponse'))).toBe('root-element');
      expect(await checkOf(other('saml:Response'))).toBe('root-element');
    });

    it('refuses a success without an assertion, and passes on a failure', async () => {
      expect(await checkOf(respond({ sign: 'response', assertion: null }))).toBe('one-assertion');
      const status = ['urn:oasis:names:tc:SAML:2.0:status:Responder', 'urn:oasis:names:tc:SAML:2.0:status:AuthnFailed'];
      const response = { status, statusMessage: 'no' };
      for (const sign of ['none', 'response'] as const) {
        for (const engine of ['strict', 'node-saml'] as const) {
          const facts = await factsOf(respond({ sign, assertion: null, response }), { engine });
          expect(facts).toMatchObject({
            signed: sign === 'response',
            assertion: undefined,
            statusCodes: status,
            statusMessage: 'no',
          });
        }
      }
      const foreign = { key: await makeIdpKey({ type: 'rsa' }) };
      expect(await checkOf(respond({ sign: 'response', assertion: null, response, signature: foreign }))).toBe(
        'signature-value',
      );
    });
  });

  describe('R7', () => {
    const encrypt = () => ({ encrypt: { certificate: sp.certificate } });

    it('refuses an encrypted assertion that nobody signed', async () => {
      expect(await checkOf(respond({ sign: 'none', ...encrypt() }))).toBe('signature-present');
      expect(await checkOf(respond({ sign: 'none' }))).toBe('signature-present');
    });

    it('refuses an encrypted assertion with a bad signature', async () => {
      const foreign = { key: await makeIdpKey({ type: 'rsa' }) };
      expect(await checkOf(respond({ signature: foreign, ...encrypt() }))).toBe('signature-value');
      const changed = { signedAssertion: (xml: string) => xml.replace('user-1', 'user-2') };
      expect(await checkOf(respond({ edit: changed, ...encrypt() }))).toBe('digest-value');
      expect(await checkOf(respond({ sign: 'both', edit: changed, ...encrypt() }))).toBe('digest-value');
    });

    it('applies guard, uniqueness and shape to what was encrypted', async () => {
      const inside = (edit: (xml: string) => string) =>
        checkOf(respond({ edit: { signedAssertion: edit }, ...encrypt() }));
      expect(await inside((xml) => xml.replace('user-1', 'us<!---->er-1'))).toBe('comment');
      expect(await inside((xml) => `<!DOCTYPE x>${xml}`)).toBe('doctype');
      expect(await inside((xml) => xml.replace('<saml:Subject>', '<saml:Subject ID="_a"><x ID="_a"/>'))).toBe(
        'unique-ids',
      );
      expect(await inside((xml) => xml.replace('<saml:Subject>', '$&<saml:Assertion/>'))).toBe('one-assertion');
      expect(await inside(() => '<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>')).toBe(
        'root-element',
      );
      expect(await inside((xml) => xml + xml)).toBe('well-formed');
    });

    it('refuses an ID inside that is used outside', async () => {
      const response = respond({ assertion: { id: '_same' }, response: { id: '_same' }, ...encrypt() });
      expect(await checkOf(response)).toBe('unique-ids');
    });
  });

  describe('R8', () => {
    it('verifies nothing without a certificate', async () => {
      expect(await checkOf(respond(), { certificates: [] })).toBe('certificate');
    });

    it('names a certificate that is of no use', async () => {
      const verified = await verify(respond(), { certificates: ['AAAA'] });
      expect(failureOf(verified)).toMatchObject({ check: 'certificate', found: 'not a certificate' });
    });
  });

  describe('D53', () => {
    const encrypted = (
      content: 'aes128-gcm' | 'aes192-gcm' | 'aes128-cbc' | 'aes256-cbc' | 'tripledes-cbc',
      sign: 'assertion' | 'response' | 'both',
    ) => respond({ sign, encrypt: { certificate: sp.certificate, content } });

    it('decrypts AES-GCM with RSA-OAEP, its key inside or beside', async () => {
      for (const content of ['aes128-gcm', 'aes192-gcm'] as const) {
        expect((await assertionOf(encrypted(content, 'assertion'))).encrypted).toBe(true);
      }
      for (const keyPlace of ['inside', 'beside'] as const) {
        const response = respond({
          encrypt: { certificate: sp.certificate, keyTransport: 'rsa-oaep-sha256', keyPlace },
        });
        expect((await assertionOf(response)).encrypted).toBe(true);
      }
    });

    it('tries all of our keys', async () => {
      const newer = await makeIdpKey({ type: 'rsa' });
      expect(
        await checkOf(respond({ encrypt: { certificate: sp.certificate } }), {
          decryptionKeys: [newer.privateKey, sp.privateKey],
        }),
      ).toBe('accepted');
    });

    it('takes AES-CBC only where it is allowed and the whole response is signed', async () => {
      const legacy = { legacyEncryption: true };
      for (const content of ['aes128-cbc', 'aes256-cbc'] as const) {
        expect(await checkOf(encrypted(content, 'response'), legacy)).toBe('accepted');
        expect(await checkOf(encrypted(content, 'both'), legacy)).toBe('accepted');
        expect(await checkOf(encrypted(content, 'assertion'), legacy)).toBe('encryption-algorithm');
        expect(await checkOf(encrypted(content, 'both'))).toBe('encryption-algorithm');
      }
    });

    it('does not decrypt AES-CBC before the response’s signature is found good', async () => {
      const foreign = { key: await makeIdpKey({ type: 'rsa' }) };
      const response = respond({
        sign: 'response',
        signature: foreign,
        encrypt: { certificate: sp.certificate, content: 'aes256-cbc' },
      });
      for (const engine of ['strict', 'node-saml'] as const) {
        const verified = await verify(response, { engine, legacyEncryption: true });
        expect(failureOf(verified)?.check).toBe('signature-value');
        expect(verified.verdicts.map(({ check }) => check)).not.toContain('decryption');
      }
    });

    it('never takes triple-DES or RSA 1.5', async () => {
      expect(await checkOf(encrypted('tripledes-cbc', 'both'), { legacyEncryption: true })).toBe(
        'encryption-algorithm',
      );
      const response = respond({ sign: 'both', encrypt: { certificate: sp.certificate, keyTransport: 'rsa-1_5' } });
      expect(await checkOf(response, { legacyEncryption: true })).toBe('encryption-algorithm');
    });

    it('says the same of every decryption that fails', async () => {
      const other = await makeIdpKey({ type: 'rsa' });
      const good = respond({ encrypt: { certificate: sp.certificate } });
      const xml = Buffer.from(good, 'base64').toString();
      const values = [...xml.matchAll(/<xenc:CipherValue>([^<]*)</g)].map((match) => match[1] ?? '');
      const [wrapped = '', content = ''] = values;
      const flip = (value: string, at: number) => {
        const octets = Buffer.from(value, 'base64');
        octets[at < 0 ? octets.length + at : at]! ^= 1;
        return octets.toString('base64');
      };
      const shorter = Buffer.from(content, 'base64').subarray(0, 20).toString('base64');
      const variants: [string, string[]][] = [
        [good, [other.privateKey]],
        [good, [ecIdp.signingKey.privateKey, other.privateKey].slice(1)],
        ...[
          xml.replace(content, flip(content, 0)),
          xml.replace(content, flip(content, -1)),
          xml.replace(content, shorter),
        ]
          .concat(
            xml.replace(wrapped, flip(wrapped, 5)),
            xml.replace('aes256-gcm', 'aes128-gcm'),
            xml.replace(wrapped, 'AAAA'),
          )
          .map((text): [string, string[]] => [Buffer.from(text).toString('base64'), [sp.privateKey]]),
      ];
      const failures = await Promise.all(
        variants.map(async ([value, decryptionKeys]) => failureOf(await verify(value, { decryptionKeys }))),
      );
      expect(failures[0]).toMatchObject({ check: 'decryption' });
      expect(new Set(failures.map((failure) => JSON.stringify(failure))).size).toBe(1);
    });
  });

  describe('exclusive canonicalization', () => {
    const odd: Record<string, (xml: string) => string> = {
      'a default namespace': (xml) => xml.replaceAll('saml:', '').replaceAll('xmlns:saml', 'xmlns'),
      'prefixes of one letter': (xml) => xml.replaceAll('saml:', 'ä.-_1:').replaceAll('xmlns:saml', 'xmlns:ä.-_1'),
      'namespaces that nothing uses': (xml) =>
        xml.replace('<saml:Subject', '<saml:Subject xmlns:z="urn:z" xmlns:a="urn:a"'),
      'a prefix bound anew': (xml) =>
        xml
          .replace(
            '<saml:Conditions',
            '<saml:Conditions xmlns:q="urn:1"><q:a xmlns:q="urn:2" q:b="1" c="2"/></saml:Conditions><saml:Conditions',
          )
          .replace(/<saml:Conditions Not.*<\/saml:Conditions>/s, ''),
      'an empty default namespace': (xml) =>
        xml.replace('</saml:Subject>', '</saml:Subject><a xmlns="urn:a"><b xmlns=""><c/></b></a>'),
      'xsi:type and xs': (xml) =>
        xml.replace(
          '</saml:Assertion>',
          '<saml:AttributeStatement xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><saml:Attribute Name="a"><saml:AttributeValue xsi:type="xs:string">v</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>',
        ),
      'white space of all kinds': (xml) =>
        xml.replace('<saml:Subject>', '\n\t<saml:Subject\n  a = "1\n2&#10;&#9;&#13;3"  >\r\n é&#xD; '),
      'attributes in any order, in quotes of both kinds': (xml) =>
        xml.replace('<saml:Subject>', `<saml:Subject z='"' b="'" xmlns:p="urn:p" p:a="&lt;&gt;&amp;" a="">`),
      'xml:lang and xml:base': (xml) =>
        xml
          .replace('<saml:Subject>', '<saml:Subject xml:lang="de" xml:base="http://x.test/">')
          .replace('<saml:NameID', '<saml:NameID xml:space="preserve"'),
      'characters beyond the first plane': (xml) =>
        xml.replace('<saml:Subject>', '<saml:Subject a="😀&#x1F600;">𝒳&#x10FFFF;'),
    };

    it.each(Object.entries(odd))('agrees with xml-crypto on %s', async (_name, edit) => {
      for (const sign of ['assertion', 'response'] as const) {
        const facts = await assertionOf(respond({ sign, edit: { assertion: edit } }));
        expect(facts.nameIds.map(({ value }) => value)).toEqual(['user-1']);
      }
    });

    it('minds InclusiveNamespaces, #default too', async () => {
      const edit = {
        assertion: (xml: string) => xml.replaceAll('saml:', '').replaceAll('xmlns:saml', 'xmlns'),
        response: (xml: string) =>
          xml.replace('<samlp:Response', '<samlp:Response xmlns:xs="urn:xs" xmlns:other="urn:o"'),
      };
      for (const prefixList of [['xs'], ['xs', 'other', 'unknown'], ['#default']]) {
        const response = respond({ sign: 'response', signature: { prefixList }, edit });
        expect((await factsOf(response)).signed).toBe(true);
      }
    });

    it('takes a signature whose namespace has no prefix', async () => {
      expect(await checkOf(respond({ signature: { prefix: '' } }))).toBe('accepted');
    });
  });
});
