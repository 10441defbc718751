/** What real identity providers send, and every one of them must be able to sign in. */
import { SAML, SAMLP, TRANSIENT, UNSPECIFIED } from '../../harness/saml-idp-xml.js';
import { encryptElement, type ContentEncryption } from '../../harness/saml-idp-encryption.js';
import type { AssertionParts, ResponseOptions } from '../../harness/saml-idp.js';
import { DS } from './hand-signing.js';
import { ALICE, base64, BASE, respond, SP, type Identity, type ResponseCase, type World } from './world.js';
import { find, parseTree, serialise } from './xml-tree.js';

const THE_ASSERTION = "//*[local-name(.)='Assertion']";

function accepting(
  rows: Readonly<Record<string, (world: World) => string>>,
  more: Partial<ResponseCase> = {},
): ResponseCase[] {
  return Object.entries(rows).map(([name, make]) => ({
    kind: 'response',
    name,
    expected: 'accepted',
    make: (world) => base64(make(world)),
    ...more,
  }));
}

const changed = (changes: Partial<ResponseOptions>) => (world: World) => respond(world, changes);
const says = (changes: AssertionParts) => (world: World) => respond(world, { assertion: { ...ALICE, ...changes } });
const ec =
  (changes: Partial<ResponseOptions> = {}) =>
  (world: World) =>
    world.ecIdp.response({ ...BASE, ...changes }).xml;
const afterSigning = (edit: (xml: string) => string) => (world: World) => edit(respond(world));
const beforeSigning =
  (edit: (xml: string) => string, changes: Partial<ResponseOptions> = {}) =>
  (world: World) =>
    respond(world, { ...changes, edit: { assertion: edit } });

function encrypted(content: ContentEncryption, changes: Partial<ResponseOptions> = {}) {
  return (world: World) => respond(world, { ...changes, encrypt: { certificate: world.spKey.certificate, content } });
}

/** Signs the assertion where it stands in its response, with namespaces that only the response declares. */
function signedInPlace(
  prefixList: readonly string[] | undefined,
  edits: { assertion?: (xml: string) => string; response?: (xml: string) => string },
) {
  return (world: World) =>
    respond(world, {
      sign: 'none',
      edit: {
        ...edits,
        signed: (xml) => world.idp.sign(xml, prefixList === undefined ? {} : { prefixList }, THE_ASSERTION),
      },
    });
}

const signatures = accepting({
  'assertion signed': changed({ sign: 'assertion' }),
  'response signed': changed({ sign: 'response' }),
  'both signed': changed({ sign: 'both' }),
  'RSA with SHA-512': changed({ sign: 'both', signature: { algorithm: 'rsa-sha512', digest: 'sha512' } }),
  'no KeyInfo': changed({ signature: { keyInfo: 'none' } }),
  'KeyInfo names another certificate': (world) =>
    respond(world, {
      signature: {
        keyInfo: {
          xml: `<X509Data xmlns="${DS}"><X509Certificate>${world.strangerKey.certificate}</X509Certificate></X509Data>`,
        },
      },
    }),
  'signature without a prefix': changed({ sign: 'both', signature: { prefix: '' } }),
  'signature with prefix dsig': changed({ signature: { prefix: 'dsig' } }),
  'canonicalization with comments': changed({
    signature: { transforms: [`${DS}enveloped-signature`, 'http://www.w3.org/2001/10/xml-exc-c14n#WithComments'] },
  }),
});

/** The xml-crypto in node-saml knows RSA with SHA-256 and SHA-512 only, its xml-encryption OAEP with SHA-1: a stop, not a hole. */
const strictOnly = [
  ...accepting(
    {
      'RSA with SHA-384': changed({ signature: { algorithm: 'rsa-sha384', digest: 'sha384' } }),
      'RSA-PSS with SHA-256': changed({ signature: { algorithm: 'rsa-pss-sha256' } }),
      'ECDSA P-256 with SHA-256': ec(),
      'ECDSA, response signed': ec({ sign: 'response' }),
      'ECDSA with SHA-384': ec({ signature: { algorithm: 'ecdsa-sha384', digest: 'sha384' } }),
      'ECDSA with SHA-512, both signed': ec({
        sign: 'both',
        signature: { algorithm: 'ecdsa-sha512', digest: 'sha512' },
      }),
    },
    { nodeSaml: ['signature-algorithm', 'signature-value'] },
  ),
  ...accepting(
    {
      'OAEP with SHA-256 (XML Encryption 1.1)': (world) =>
        respond(world, { encrypt: { certificate: world.spKey.certificate, keyTransport: 'rsa-oaep-sha256' } }),
    },
    { nodeSaml: ['encryption-algorithm', 'decryption', 'signature-value'] },
  ),
];

function namedSignature(xml: string): string {
  return xml.replace('<ds:Signature ', '<ds:Signature Id="Signature1" ');
}

const encryption = [
  ...accepting({
    'AES-128-GCM, assertion signed': encrypted('aes128-gcm'),
    'AES-256-GCM, assertion signed': encrypted('aes256-gcm'),
    'AES-256-GCM, response signed': encrypted('aes256-gcm', { sign: 'response' }),
    'AES-256-GCM, both signed': encrypted('aes256-gcm', { sign: 'both' }),
    'both signatures with the same Id, the inner one encrypted (pysaml2)': encrypted('aes256-gcm', {
      sign: 'both',
      edit: { signedAssertion: namedSignature, signed: namedSignature },
    }),
    'EncryptedKey beside EncryptedData': (world) =>
      respond(world, { encrypt: { certificate: world.spKey.certificate, keyPlace: 'beside' } }),
    'encrypted for the second of our keys': (world) =>
      respond(world, { encrypt: { certificate: world.strangerKey.certificate } }),
  }),
  ...accepting(
    {
      'AES-128-CBC in a signed response': encrypted('aes128-cbc', { sign: 'response' }),
      'AES-256-CBC, both signed': encrypted('aes256-cbc', { sign: 'both' }),
    },
    { job: () => ({ legacyEncryption: true }) },
  ),
].map((row): ResponseCase =>
  row.name === 'encrypted for the second of our keys'
    ? { ...row, job: (world) => ({ decryptionKeys: [world.spKey.privateKey, world.strangerKey.privateKey] }) }
    : row,
);

const spelling = accepting({
  'XML declaration': afterSigning((xml) => `<?xml version="1.0" encoding="UTF-8"?>\n${xml}\n`),
  'byte order mark': afterSigning((xml) => `\ufeff${xml}`),
  'white space between all elements': beforeSigning((xml) => xml.replaceAll('><', '>\r\n\t<'), { sign: 'both' }),
  'line feeds after signing outside the assertion': afterSigning((xml) =>
    xml.replace('<samlp:Status>', '\n  <samlp:Status>\n'),
  ),
  'white space inside tags after signing': afterSigning((xml) =>
    xml.replaceAll('<saml:NameID ', '<saml:NameID\n  ').replaceAll('</saml:NameID>', '</saml:NameID\n>'),
  ),
  'attributes in another order after signing': afterSigning(reverseAttributes),
  'apostrophes for quotes after signing': afterSigning((xml) => xml.replaceAll('Version="2.0"', "Version='2.0'")),
  'character references in NameID after signing': afterSigning((xml) => xml.replace('>alice@', '>&#97;l&#x69;ce&#64;')),
  'empty elements opened and closed after signing': afterSigning((xml) =>
    xml.replace(
      /<saml:SubjectConfirmationData([^>]*)\/>/,
      '<saml:SubjectConfirmationData$1></saml:SubjectConfirmationData>',
    ),
  ),
  'signature value in lines': afterSigning((xml) =>
    xml.replace(
      /(<ds:SignatureValue>)([^<]*)/,
      (_, tag: string, value: string) => `${tag}\n${value.replace(/(.{64})/g, '$1\n')}\n`,
    ),
  ),
});

function reverseAttributes(xml: string): string {
  const root = parseTree(xml);
  for (const name of ['Assertion', 'NameID', 'SubjectConfirmationData']) find(root, name).attributes.reverse();
  return serialise(root);
}

const otherPlaces = accepting({
  'Id on the signature': afterSigning((xml) => xml.replace('<ds:Signature ', '<ds:Signature Id="Signature1" ')),
  'Issuer with a Format': beforeSigning((xml) =>
    xml.replace('<saml:Issuer>', '<saml:Issuer Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity">'),
  ),
  'NameID inside a SubjectConfirmation': beforeSigning((xml) =>
    xml.replace(
      '<saml:SubjectConfirmationData',
      '<saml:NameID>somebody else</saml:NameID><saml:SubjectConfirmationData',
    ),
  ),
  'NameID encrypted by itself': (world) =>
    respond(world, {
      edit: {
        assertion: (xml) =>
          xml.replace(/<saml:NameID.*<\/saml:NameID>/, (nameId) => hidden(nameId, world, 'saml:EncryptedID')),
      },
    }),
  'attributes encrypted by themselves': (world) =>
    respond(world, {
      edit: {
        assertion: (xml) =>
          xml.replace(/<saml:Attribute .*?<\/saml:Attribute>/g, (one) => hidden(one, world, 'saml:EncryptedAttribute')),
      },
    }),
});

function hidden(xml: string, { spKey }: World, wrapper: string): string {
  const whole = xml.replace(/^<saml:\w+/, (start) => `${start} xmlns:saml="${SAML}"`);
  return encryptElement(whole, { certificate: spKey.certificate }, wrapper);
}

const unsolicited = accepting(
  {
    'unsolicited response': changed({ inResponseTo: undefined }),
    'unsolicited response, both signed': changed({ inResponseTo: undefined, sign: 'both' }),
  },
  { answers: 'nothing' },
);

const fields: readonly ResponseCase[] = [
  {
    kind: 'response',
    name: 'base64 in lines',
    expected: 'accepted',
    make: (world) => base64(respond(world)).replace(/(.{76})/g, '$1\r\n'),
  },
];

const namespaces = accepting({
  'odd prefixes': beforeSigning((xml) => xml.replaceAll('saml:', 'q1:').replaceAll('xmlns:saml', 'xmlns:q1')),
  'prefixes of the other namespace': changed({
    sign: 'both',
    edit: {
      assertion: (xml) => xml.replaceAll('saml:', 'samlp:').replaceAll('xmlns:saml=', 'xmlns:samlp='),
    },
  }),
  'default namespace for the assertion': beforeSigning((xml) =>
    xml.replaceAll('saml:', '').replaceAll('xmlns:saml', 'xmlns'),
  ),
  'default namespace for the response': changed({
    sign: 'response',
    edit: { response: (xml) => xml.replaceAll('samlp:', '').replaceAll('xmlns:samlp', 'xmlns') },
  }),
  'namespace declared by the response only': signedInPlace(undefined, { assertion: withoutDeclaration }),
  'InclusiveNamespaces for a prefix of the response': signedInPlace(['xs'], {
    assertion: (xml) => typed(withoutDeclaration(xml)),
    response: (xml) => xml.replace('<samlp:Response ', `<samlp:Response ${XS} `),
  }),
  'InclusiveNamespaces for a prefix of the assertion': changed({
    signature: { prefixList: ['xs'] },
    edit: { assertion: (xml) => typed(xml).replace('<saml:Assertion ', `<saml:Assertion ${XS} `) },
  }),
  'unused namespaces declared around after signing': afterSigning((xml) =>
    xml.replace('<samlp:Response ', '<samlp:Response xmlns:unused="urn:unused" '),
  ),
  'the same namespace by two prefixes': beforeSigning((xml) =>
    xml.replace('<saml:Subject>', `<s2:Subject xmlns:s2="${SAML}">`).replace('</saml:Subject>', '</s2:Subject>'),
  ),
});

const XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"';

function withoutDeclaration(xml: string): string {
  return xml.replace(` xmlns:saml="${SAML}"`, '');
}

function typed(xml: string): string {
  const type = '<saml:AttributeValue xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">';
  return xml.replaceAll('<saml:AttributeValue>', type);
}

const meaning = accepting({
  'several audiences, ours the second': says({ conditions: { audiences: [['https://other.test', SP]] } }),
  'two AudienceRestrictions, both with us': says({ conditions: { audiences: [[SP], [SP, 'https://other.test']] } }),
  'OneTimeUse and ProxyRestriction': says({
    conditions: { extra: '<saml:OneTimeUse/><saml:ProxyRestriction Count="0"/>' },
  }),
  'a bad confirmation beside a good one': says({
    confirmations: [
      { method: 'urn:oasis:names:tc:SAML:2.0:cm:sender-vouches' },
      { recipient: 'https://other.test' },
      {},
    ],
  }),
  'no SessionIndex': says({ authn: { sessionIndex: null } }),
  'two AuthnStatements': beforeSigning((xml) => xml.replace(/(<saml:AuthnStatement.*<\/saml:AuthnStatement>)/, '$1$1')),
  'Advice in the assertion': beforeSigning((xml) =>
    xml.replace('</saml:Conditions>', '</saml:Conditions><saml:Advice><x:y xmlns:x="urn:x">z</x:y></saml:Advice>'),
  ),
  'Extensions in the response': changed({
    sign: 'response',
    edit: {
      response: (xml) =>
        xml.replace(
          '<samlp:Status>',
          `<samlp:Extensions xmlns:samlp="${SAMLP}"><x:y xmlns:x="urn:x"/></samlp:Extensions><samlp:Status>`,
        ),
    },
  }),
  'times with many digits': says({ conditions: { notOnOrAfter: '2026-05-04T10:05:00.123456789Z' } }),
  'expired within the skew': says({ conditions: { notOnOrAfter: '2026-05-04T09:58:01Z' } }),
  'unsigned response without issuer': changed({ response: { issuer: null } }),
});

function person(name: string, make: (world: World) => string, identity: Identity): ResponseCase {
  return { kind: 'response', name, expected: 'accepted', make: (world) => base64(make(world)), identity };
}

function personOf(name: string, assertion: AssertionParts, identity: Identity): ResponseCase {
  return person(name, (world) => respond(world, { sign: 'both', assertion }), identity);
}

const STRANGE = 'Zoë "O\'Néill" <z&z> 𝄞 日本';

const people: readonly ResponseCase[] = [
  personOf(
    'non-ASCII and markup characters',
    { nameId: STRANGE, attributes: { name: STRANGE } },
    { nameId: STRANGE, attributes: { name: [STRANGE] } },
  ),
  personOf(
    'carriage return in values',
    { nameId: 'a', attributes: { 'na\rme': 'c\rd\te' } },
    { nameId: 'a', attributes: { 'na\rme': ['c\rd\te'] } },
  ),
  personOf('white space around NameID', { nameId: ' alice ' }, { nameId: ' alice ', attributes: {} }),
  personOf(
    'empty and repeated values',
    { nameId: 'a', attributes: { groups: ['', 'x', 'x'] } },
    { nameId: 'a', attributes: { groups: ['', 'x', 'x'] } },
  ),
  personOf(
    'attributes named like parts of JavaScript objects',
    {
      nameId: 'a',
      attributes: [
        { name: '__proto__', values: ['p'] },
        { name: 'toString', values: ['t'] },
        { name: 'nameID', values: ['root'] },
      ],
    },
    {
      nameId: 'a',
      attributes: Object.fromEntries([
        ['__proto__', ['p']],
        ['toString', ['t']],
        ['nameID', ['root']],
      ]),
    },
  ),
  personOf(
    'NameID with qualifiers',
    { nameId: { value: 'q', nameQualifier: 'https://idp.test', spNameQualifier: SP } },
    { nameId: 'q', attributes: {} },
  ),
  personOf('NameID without Format', { nameId: { value: 'f', format: null } }, { nameId: 'f', attributes: {} }),
  personOf('NameID unspecified', { nameId: { value: 'f', format: UNSPECIFIED } }, { nameId: 'f', attributes: {} }),
  personOf(
    '500 groups',
    { nameId: 'a', attributes: { groups: many(500) } },
    { nameId: 'a', attributes: { groups: many(500) } },
  ),
  {
    ...personOf(
      'transient NameID and a stable attribute',
      { nameId: { value: '_t', format: TRANSIENT }, attributes: { uid: 'stable' } },
      { nameId: '_t', attributes: { uid: ['stable'] } },
    ),
    rules: { subjectAttributes: ['uid'] },
  },
  person(
    'NameID inside an AttributeValue',
    beforeSigning((xml) =>
      xml.replace(
        '<saml:AttributeValue>alice@corp.test<',
        '<saml:AttributeValue><saml:NameID>pseudonym</saml:NameID><',
      ),
    ),
    { nameId: 'alice@corp.test', attributes: { mail: ['pseudonym'], groups: ['staff', 'ops'] } },
  ),
  person(
    'two AttributeStatements',
    beforeSigning((xml) =>
      xml.replace(
        '</saml:Assertion>',
        '<saml:AttributeStatement><saml:Attribute Name="x"><saml:AttributeValue>y</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>',
      ),
    ),
    { nameId: 'alice@corp.test', attributes: { mail: ['alice@corp.test'], groups: ['staff', 'ops'], x: ['y'] } },
  ),
];

function many(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `group-${at}`);
}

export const acceptCases: readonly ResponseCase[] = [
  ...signatures,
  ...strictOnly,
  ...encryption,
  ...spelling,
  ...otherPlaces,
  ...unsolicited,
  ...fields,
  ...namespaces,
  ...meaning,
  ...people,
];
