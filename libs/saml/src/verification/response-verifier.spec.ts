import { makeIdpKey } from '../../../../test/harness/saml-idp.js';
import { ResponseBench } from './response-bench.spec-support.js';

const EC_PREFIX = 'http://www.w3.org/2001/10/xml-exc-c14n#';

let t: ResponseBench;

beforeAll(async () => {
  t = await ResponseBench.open();
});
afterAll(() => t.close());

describe('SAML core §5.4', () => {
  const encryptions = ['plain', 'encrypted'] as const;
  const signed = ['assertion', 'response', 'both'] as const;
  const engines = ['strict', 'node-saml'] as const;
  const all = engines.flatMap((engine) =>
    signed.flatMap((sign) => encryptions.map((how) => [engine, sign, how] as const)),
  );

  it.each(all)('%s takes a signature of: %s, %s', async (engine, sign, how) => {
    const encrypt = how === 'encrypted' ? { encrypt: { certificate: t.sp.certificate } } : {};
    const facts = await t.factsOf(t.respond({ sign, ...encrypt, assertion: { nameId: 'alice' } }), { engine });
    expect(facts.signed).toBe(sign !== 'assertion');
    expect(facts.assertion).toMatchObject({
      signed: sign !== 'response',
      encrypted: how === 'encrypted',
      issuer: t.idp.entityId,
      nameIds: [{ value: 'alice' }],
    });
  });

  it.each(['rsa-sha256', 'rsa-sha384', 'rsa-sha512', 'rsa-pss-sha256'] as const)('takes %s', async (algorithm) => {
    expect((await t.assertionOf(t.respond({ signature: { algorithm } }))).signed).toBe(true);
  });

  it.each(['ecdsa-sha256', 'ecdsa-sha384', 'ecdsa-sha512'] as const)('takes %s', async (algorithm) => {
    const response = t.respond({ signature: { algorithm } }, t.ecIdp);
    expect((await t.assertionOf(response, { certificates: t.ecIdp.certificates })).signed).toBe(true);
  });

  it.each(['rsa-sha1', 'rsa-md5'] as const)('refuses %s', async (algorithm) => {
    expect(await t.checkOf(t.respond({ signature: { algorithm } }))).toBe('signature-algorithm');
  });

  it.each(['sha1', 'md5'] as const)('refuses the digest %s', async (digest) => {
    expect(await t.checkOf(t.respond({ signature: { digest } }))).toBe('signature-algorithm');
  });

  it('refuses HMAC with the public key as its secret', async () => {
    const uri = 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256';
    const response = t.respond({ signature: { method: { uri, sign: () => Buffer.alloc(32) } } });
    expect(await t.checkOf(response)).toBe('signature-algorithm');
  });

  it.each(['sha384', 'sha512'] as const)('takes the digest %s', async (digest) => {
    expect((await t.assertionOf(t.respond({ signature: { digest } }))).signed).toBe(true);
  });

  it('tries every certificate, and no other than those given', async () => {
    const other = await makeIdpKey({ type: 'rsa' });
    const response = t.respond();
    expect(
      await t.checkOf(response, { certificates: [other.certificate, ...t.ecIdp.certificates, t.idp.certificate] }),
    ).toBe('accepted');
    expect(await t.checkOf(response, { certificates: [other.certificate] })).toBe('signature-value');
    expect(await t.checkOf(response, { certificates: [t.ecIdp.certificate] })).toBe('signature-value');
  });

  it('takes exclusive canonicalization with comments, and no other', async () => {
    const transforms = ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', `${EC_PREFIX}WithComments`];
    expect(
      await t.checkOf(t.respond({ signature: { transforms, canonicalization: `${EC_PREFIX}WithComments` } })),
    ).toBe('accepted');
    const inclusive = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
    expect(await t.checkOf(t.respond({ signature: { canonicalization: inclusive } }))).toBe('signature-algorithm');
    expect(await t.checkOf(t.respond({ signature: { transforms: [transforms[0] ?? '', inclusive] } }))).toBe(
      'signature-algorithm',
    );
  });

  it('refuses other transforms, in number or order', async () => {
    const [enveloped, exclusive] = ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', EC_PREFIX] as const;
    expect(await t.checkOf(t.respond({ signature: { transforms: [exclusive, enveloped] } }))).toBe(
      'signature-algorithm',
    );
    for (const transforms of [[enveloped], [exclusive], [enveloped, exclusive, exclusive]]) {
      expect(await t.checkOf(t.respond({ signature: { transforms } }))).toBe('signature-shape');
    }
  });

  it('refuses the empty reference (§5.4.2)', async () => {
    expect(await t.checkOf(t.respond({ sign: 'response', signature: { emptyUri: 'empty-uri' } }))).toBe(
      'signature-reference',
    );
  });

  it('takes a bad signature of the assertion for bad even inside a signed response', async () => {
    const foreign = await makeIdpKey({ type: 'rsa' });
    const response = t.respond({
      sign: 'both',
      signature: { key: foreign },
      responseSignature: { key: t.idp.signingKey },
    });
    expect(await t.checkOf(response)).toBe('signature-value');
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
        const facts = await t.assertionOf(t.respond({ sign, assertion }), { engine });
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
    const facts = await t.assertionOf(t.respond({ assertion: { nameId: 'alice', attributes } }));
    expect(facts.attributes.map(({ name }) => name)).toEqual(['__proto__', 'constructor', 'toString', 'nameID']);
    expect(facts.nameIds.map(({ value }) => value)).toEqual(['alice']);
  });

  it('notices any change of what was signed', async () => {
    const change = (from: string, to: string) =>
      t.respond({ edit: { signed: (xml) => xml.replace(from, to) }, assertion: { nameId: 'alice' } });
    expect(await t.checkOf(change('>alice<', '>mallory<'))).toBe('digest-value');
    expect(await t.checkOf(change('NotOnOrAfter="', 'NotOnOrAfter="3'))).toBe('digest-value');
    expect(await t.checkOf(change('<ds:SignatureValue>', '<ds:SignatureValue>A'))).toBe('signature-value');
  });

  it('refuses an original that is wrapped (XSW)', async () => {
    const wrapped = t.respond({
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
    expect(await t.checkOf(wrapped)).toBe('one-assertion');
  });
});

describe('R3', () => {
  const edited = (edit: (xml: string) => string) => t.respond({ edit: { signed: edit } });

  it('refuses several SignedInfo', async () => {
    expect(await t.checkOf(edited((xml) => xml.replace(/<ds:SignedInfo>.*<\/ds:SignedInfo>/s, '$&$&')))).toBe(
      'signature-shape',
    );
  });

  it('refuses several References, though all be good', async () => {
    const alsoCovers = ["//*[local-name(.)='Conditions']"];
    const response = t.respond({
      signature: { alsoCovers },
      edit: { assertion: (xml) => xml.replace('<saml:Conditions', '<saml:Conditions ID="_c"') },
    });
    expect(await t.checkOf(response)).toBe('signature-shape');
  });

  it('refuses a comment in DigestValue, and an element', async () => {
    expect(await t.checkOf(edited((xml) => xml.replace('<ds:DigestValue>', '<ds:DigestValue><!--x-->')))).toBe(
      'comment',
    );
    expect(await t.checkOf(edited((xml) => xml.replace('<ds:DigestValue>', '<ds:DigestValue><x/>')))).toBe(
      'well-formed',
    );
  });

  it('refuses an Object and a second KeyInfo', async () => {
    expect(await t.checkOf(edited((xml) => xml.replace('</ds:Signature>', '<ds:Object/></ds:Signature>')))).toBe(
      'signature-shape',
    );
    expect(await t.checkOf(edited((xml) => xml.replace(/<ds:KeyInfo>.*<\/ds:KeyInfo>/s, '$&$&')))).toBe(
      'signature-shape',
    );
  });

  it('refuses two signatures of one element', async () => {
    expect(await t.checkOf(edited((xml) => xml.replace(/<ds:Signature .*<\/ds:Signature>/s, '$&$&')))).toBe(
      'signature-position',
    );
  });

  it('refuses a parameter of the signature method', async () => {
    const length = '<ds:HMACOutputLength>1</ds:HMACOutputLength>';
    const xml = edited((signed) =>
      signed.replace(/(<ds:SignatureMethod[^>]*?)\/>/, `$1>${length}</ds:SignatureMethod>`),
    );
    expect(await t.checkOf(xml)).toBe('signature-shape');
  });
});

describe('R4', () => {
  it('never reads an identity that begins later than what was signed (U+FEFF)', async () => {
    for (const nameId of ['\ufeffadmin@example.com', 'admin\ufeff']) {
      expect(await t.checkOf(t.respond({ assertion: { nameId } }))).toBe('encoding');
    }
  });

  it('refuses instructions, comments and CDATA where xml-crypto would take their text for text', async () => {
    const tail = (tail: string) =>
      t.respond({
        assertion: { nameId: 'alice@example.com.evil' },
        edit: { signed: (xml) => xml.replace('.evil', tail) },
      });
    expect(await t.checkOf(tail('<?x .evil?>'))).toBe('processing-instruction');
    expect(await t.checkOf(tail('<!--.evil-->'))).toBe('comment');
    expect(await t.checkOf(tail('<![CDATA[.evil]]>'))).toBe('cdata');
  });

  it('refuses an element inside a NameID', async () => {
    expect(await t.checkOf(t.respond({ edit: { assertion: (xml) => xml.replace('user-1', 'user<x/>-1') } }))).toBe(
      'well-formed',
    );
  });

  it('refuses what has no canonical form, and never takes it for the empty one', async () => {
    const response = t.respond({
      edit: { signed: (xml) => xml.replace('<saml:Subject>', '<saml:Subject xmlns:r="relative" r:a="">') },
    });
    expect(await t.checkOf(response)).toBe('digest-value');
  });

  it('refuses a namespace name that libxml2 writes into the canonical form as it is', async () => {
    const response = t.respond({
      edit: { signed: (xml) => xml.replace('<saml:Subject>', '<saml:Subject xmlns:r="urn:a?b&amp;c" r:a="">') },
    });
    expect(await t.checkOf(response)).toBe('digest-value');
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
        await t.checkOf(t.respond({ edit: { signed: (xml) => xml.replace('<saml:Subject>', `<saml:Subject>${to}`) } })),
      ).toBe('well-formed');
    }
  });

  it('refuses what schemas allow once and what is there twice', async () => {
    for (const name of ['Issuer', 'Subject', 'Conditions']) {
      const twice = (xml: string) => xml.replace(new RegExp(`<saml:${name}[ >].*</saml:${name}>`, 's'), '$&$&');
      const after = "/*/*[local-name(.)='Issuer'][1]";
      expect(await t.checkOf(t.respond({ signature: { after }, edit: { assertion: twice } }))).toBe('well-formed');
    }
  });
});

describe('R6', () => {
  const edited = (edit: (xml: string) => string, sign: 'assertion' | 'response' = 'response') =>
    t.respond({ sign, edit: { response: edit } });
  const assertion = /<saml:Assertion.*<\/saml:Assertion>/s;

  it('refuses two assertions, wherever they are', async () => {
    expect(
      await t.checkOf(edited((xml) => xml.replace(assertion, (one) => one + one.replace(/ID="_/, 'ID="_x')))),
    ).toBe('one-assertion');
    expect(
      await t.checkOf(edited((xml) => xml.replace('<saml:Subject>', '<saml:Advice><saml:Assertion/></saml:Advice>$&'))),
    ).toBe('one-assertion');
    expect(await t.checkOf(edited((xml) => xml.replace('<saml:Subject>', '<x:Assertion xmlns:x="urn:x"/>$&')))).toBe(
      'one-assertion',
    );
    expect(await t.checkOf(edited((xml) => xml.replace('</samlp:Response>', '<saml:EncryptedAssertion/>$&')))).toBe(
      'one-assertion',
    );
  });

  it('refuses an assertion that is not a child of the response', async () => {
    expect(await t.checkOf(edited((xml) => xml.replace(assertion, '<samlp:Extensions>$&</samlp:Extensions>')))).toBe(
      'one-assertion',
    );
    expect(
      await t.checkOf(
        edited((xml) => xml.replaceAll('urn:oasis:names:tc:SAML:2.0:assertion', 'urn:x').replace('>https', '>')),
      ),
    ).toMatch(/one-assertion/);
  });

  it.each(['ID', 'Id', 'id', 'xml:id'])('refuses an ID that is there twice, as %s too', async (name) => {
    const twice = (xml: string) =>
      xml.replace('<saml:Subject>', `<saml:Subject ${name}="${/Assertion [^>]*ID="([^"]*)"/.exec(xml)?.[1]}">`);
    expect(await t.checkOf(edited(twice, 'assertion'))).toBe('unique-ids');
    expect(await t.checkOf(edited(twice))).toBe('unique-ids');
  });

  it('refuses another root', async () => {
    const other = (name: string) =>
      t.respond({ sign: 'response', edit: { response: (xml) => xml.replaceAll('samlp:Response', name) } });
    expect(await t.checkOf(other('samlp:ArtifactResponse'))).toBe('root-element');
    expect(await t.checkOf(other('saml:Response'))).toBe('root-element');
  });

  it('refuses a success without an assertion, and passes on a failure', async () => {
    expect(await t.checkOf(t.respond({ sign: 'response', assertion: null }))).toBe('one-assertion');
    const status = ['urn:oasis:names:tc:SAML:2.0:status:Responder', 'urn:oasis:names:tc:SAML:2.0:status:AuthnFailed'];
    const response = { status, statusMessage: 'no' };
    for (const sign of ['none', 'response'] as const) {
      for (const engine of ['strict', 'node-saml'] as const) {
        const facts = await t.factsOf(t.respond({ sign, assertion: null, response }), { engine });
        expect(facts).toMatchObject({
          signed: sign === 'response',
          assertion: undefined,
          statusCodes: status,
          statusMessage: 'no',
        });
      }
    }
    const foreign = { key: await makeIdpKey({ type: 'rsa' }) };
    expect(await t.checkOf(t.respond({ sign: 'response', assertion: null, response, signature: foreign }))).toBe(
      'signature-value',
    );
  });
});

describe('R8', () => {
  it('verifies nothing without a certificate', async () => {
    expect(await t.checkOf(t.respond(), { certificates: [] })).toBe('certificate');
  });

  it('names a certificate that is of no use', async () => {
    const verified = await t.verify(t.respond(), { certificates: ['AAAA'] });
    expect(t.failureOf(verified)).toMatchObject({ check: 'certificate', found: 'not a certificate' });
  });
});
