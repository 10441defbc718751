/** Signatures that are absent, another's, or not of the profile of SAML core §5.4 (R2, R3, R8). */
import { createHash, createHmac, generateKeyPairSync } from 'node:crypto';
import { rawSignature } from '../../harness/saml-idp-signature.js';
import { toPem, type ResponseOptions } from '../../harness/saml-idp.js';
import { DS, ENVELOPED, EXC_C14N, resign, signedInfo, transform } from './hand-signing.js';
import { base64, BASE, rejecting, respond, type ResponseCase, type World } from './world.js';
import {
  attributeOf,
  clone,
  detach,
  find,
  parseTree,
  serialise,
  setAttribute,
  setText,
  wrap,
  type XmlElement,
} from './xml-tree.js';

const EVIL = 'mallory@corp.test';

/** Changes the tree of a message whose assertion is signed. */
function tampered(
  edit: (parts: { root: XmlElement; assertion: XmlElement; signature: XmlElement }, world: World) => void,
) {
  return (world: World) => {
    const root = parseTree(respond(world));
    const assertion = find(root, 'Assertion');
    edit({ root, assertion, signature: find(assertion, 'Signature') }, world);
    return serialise(root);
  };
}

/** The IdP itself signs an assertion with an unusual SignedInfo: only its shape is wrong. */
function oddlySigned(parts: { transforms?: string; uri?: (id: string) => string; digest?: string }) {
  return tampered(({ assertion, signature }, world) => {
    const uri = (parts.uri ?? ((id) => `#${id}`))(attributeOf(assertion, 'ID'));
    const digest = parts.digest ?? String(find(signature, 'DigestValue').children[0]);
    const { transforms } = parts;
    resign(
      signature,
      world.idp.signingKey,
      signedInfo({ uri, digest, ...(transforms === undefined ? {} : { transforms }) }),
    );
  });
}

/** The digest that a changed copy of the message would need. */
function digestOfEvil(root: XmlElement, world: World): string {
  const copy = clone(find(root, 'Assertion'));
  detach(copy, find(copy, 'Signature'));
  setText(find(copy, 'NameID'), EVIL);
  const signed = parseTree(world.impostor.sign(serialise(copy)));
  return String(find(signed, 'DigestValue').children[0]);
}

function makeEvil(assertion: XmlElement): void {
  setText(find(assertion, 'NameID'), EVIL);
}

const hmacWith = (secret: (world: World) => string | Buffer, uri: string, hash: string) => (world: World) =>
  respond(world, {
    signature: { method: { uri, sign: (info) => createHmac(hash, secret(world)).update(info).digest() } },
  });

const signedWith = (changes: Partial<ResponseOptions>) => (world: World) => respond(world, changes);

const absent = rejecting(['signature-present', 'signature-shape'], {
  'no signature at all': signedWith({ sign: 'none' }),
  'signature stripped': tampered(({ root, signature }) => detach(root, signature)),
  'signature in a foreign namespace': tampered(({ signature }) => setAttribute(signature, 'xmlns:ds', 'urn:not-dsig')),
  'signature emptied': tampered(({ signature }) => void (signature.children = [])),
  'only KeyInfo left in the signature': tampered(
    ({ signature }) => void (signature.children = [find(signature, 'KeyInfo')]),
  ),
});

const foreign = rejecting(
  ['signature-value'],
  {
    'signed by an impostor, with the certificate of the impostor': (world) => world.impostor.response(BASE).xml,
    'signed by an impostor, with the certificate of the IdP': (world) =>
      world.impostor.response({
        ...BASE,
        signature: {
          keyInfo: {
            xml: `<X509Data xmlns="${DS}"><X509Certificate>${world.idp.certificate}</X509Certificate></X509Data>`,
          },
        },
      }).xml,
    'signed by an impostor, without KeyInfo': (world) =>
      world.impostor.response({ ...BASE, signature: { keyInfo: 'none' } }).xml,
    'signed by a key that stands in a KeyValue': keyValue,
    'response signed by an impostor': (world) => world.impostor.response({ ...BASE, sign: 'response' }).xml,
    'assertion signed by the IdP, response by an impostor': (world) =>
      respond(world, { sign: 'both', responseSignature: { key: world.impostor.signingKey } }),
    'response signed by the IdP, assertion by an impostor': (world) =>
      respond(world, {
        sign: 'both',
        signature: { key: world.impostor.signingKey },
        responseSignature: { key: world.idp.signingKey },
      }),
    'signature value of another message': tampered(({ signature }, world) => {
      const other = find(parseTree(respond(world, { assertion: { nameId: 'bob' } })), 'SignatureValue');
      setText(find(signature, 'SignatureValue'), String(other.children[0]));
    }),
    'SignatureValue cut short': tampered(({ signature }) => {
      const value = find(signature, 'SignatureValue');
      setText(value, base64(Buffer.from(String(value.children[0]), 'base64').subarray(0, 128)));
    }),
    'SignatureValue is not base64': tampered(({ signature }) => setText(find(signature, 'SignatureValue'), '!!!!')),
    'SignatureValue empty': tampered(({ signature }) => void (find(signature, 'SignatureValue').children = [])),
  },
  { rule: 'R2' },
);

function keyValue(world: World): string {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const number = (value: string) => Buffer.from(value, 'base64url').toString('base64');
  const xml = `<KeyValue xmlns="${DS}"><RSAKeyValue><Modulus>${number(n)}</Modulus><Exponent>${number(e)}</Exponent></RSAKeyValue></KeyValue>`;
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return respond(world, {
    signature: { key: { type: 'rsa', privateKey: pem, certificate: world.idp.certificate }, keyInfo: { xml } },
  });
}

/** To node-saml ECDSA is an unknown algorithm. */
const otherKeyTypes = rejecting(
  ['signature-value'],
  {
    'ECDSA value of all zeros': (world) =>
      respond(world, {
        signature: {
          method: { uri: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256', sign: () => Buffer.alloc(64) },
        },
      }),
    'key of another type than the algorithm': (world) =>
      respond(world, {
        signature: {
          method: {
            uri: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256',
            sign: (info) => rawSignature('rsa-sha256', world.idp.signingKey.privateKey, info),
          },
        },
      }),
  },
  { rule: 'R2', nodeSaml: ['signature-algorithm'] },
);

const algorithms = rejecting(['signature-algorithm'], {
  'HMAC-SHA1 with the certificate as secret': hmacWith(
    (world) => toPem('CERTIFICATE', world.idp.certificate),
    `${DS}hmac-sha1`,
    'sha1',
  ),
  'HMAC-SHA256 with the DER of the certificate as secret': hmacWith(
    (world) => Buffer.from(world.idp.certificate, 'base64'),
    'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256',
    'sha256',
  ),
  'unknown signature algorithm': signedWith({
    signature: { method: { uri: 'urn:none', sign: () => Buffer.from('x') } },
  }),
  'empty signature algorithm': tampered(({ signature }) =>
    setAttribute(find(signature, 'SignatureMethod'), 'Algorithm', ''),
  ),
  'SHA-1 signature': signedWith({ signature: { algorithm: 'rsa-sha1' } }),
  'SHA-1 digest': signedWith({ signature: { digest: 'sha1' } }),
  'SHA-1 signature of the response': signedWith({
    sign: 'response',
    signature: { algorithm: 'rsa-sha1', digest: 'sha1' },
  }),
  'ECDSA with SHA-1': (world) => world.ecIdp.response({ ...BASE, signature: { algorithm: 'ecdsa-sha1' } }).xml,
  'MD5 signature': signedWith({ signature: { algorithm: 'rsa-md5' } }),
  'MD5 digest': signedWith({ signature: { digest: 'md5' } }),
  'inclusive canonicalization of SignedInfo': signedWith({
    signature: { canonicalization: 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315' },
  }),
  'unknown canonicalization of SignedInfo': tampered(({ signature }) =>
    setAttribute(find(signature, 'CanonicalizationMethod'), 'Algorithm', 'urn:none'),
  ),
});

const references = rejecting(['signature-reference'], {
  'reference to the whole document': signedWith({ sign: 'response', signature: { emptyUri: 'empty-uri' } }),
  'empty reference from the assertion': oddlySigned({ uri: () => '' }),
  'reference by XPointer to the root': oddlySigned({ uri: () => '#xpointer(/)' }),
  'reference by XPointer to the ID': oddlySigned({ uri: (id) => `#xpointer(id('${id}'))` }),
  'reference to a file': oddlySigned({ uri: () => 'file:///etc/hostname' }),
  'reference over HTTP': oddlySigned({ uri: () => 'http://127.0.0.1:9/' }),
  'reference to an ID that is nowhere': oddlySigned({ uri: () => '#_nowhere' }),
  'reference to the response from the assertion': tampered(({ root, signature }, world) => {
    const digest = String(find(signature, 'DigestValue').children[0]);
    resign(signature, world.idp.signingKey, signedInfo({ uri: `#${attributeOf(root, 'ID')}`, digest }));
  }),
});

const shapes = rejecting(['signature-shape', 'signature-algorithm'], {
  'no transforms': oddlySigned({ transforms: transform(EXC_C14N) }),
  'enveloped-signature twice': oddlySigned({ transforms: transform(ENVELOPED) + transform(ENVELOPED) }),
  'transforms in the wrong order': oddlySigned({ transforms: transform(EXC_C14N) + transform(ENVELOPED) }),
  'three transforms': oddlySigned({ transforms: transform(ENVELOPED) + transform(EXC_C14N) + transform(EXC_C14N) }),
  'two references signed by the IdP': (world) =>
    respond(world, { sign: 'response', signature: { alsoCovers: ["//*[local-name(.)='Assertion']"] } }),
  'Object in the signature': tampered(({ signature }) => void signature.children.push(wrap('ds:Object', [], 'x'))),
  'Manifest in the signature': tampered(
    ({ signature }) =>
      void signature.children.push(wrap('ds:Object', [], wrap('ds:Manifest', [], clone(find(signature, 'Reference'))))),
  ),
  'two SignatureValue': tampered(
    ({ signature }) => void signature.children.push(clone(find(signature, 'SignatureValue'))),
  ),
  'two DigestValue': tampered(({ signature }) => {
    find(signature, 'Reference').children.push(clone(find(signature, 'DigestValue')));
  }),
  'no SignedInfo': tampered(({ root, signature }) => detach(root, find(signature, 'SignedInfo'))),
  'no Reference': tampered(({ root, signature }) => detach(root, find(signature, 'Reference'))),
  'HMACOutputLength in the method': tampered(({ signature }) =>
    setText(find(signature, 'SignatureMethod'), '').children.push(wrap('ds:HMACOutputLength', [], '1')),
  ),
});

const transforms = rejecting(['signature-algorithm', 'signature-shape'], {
  'XSLT transform': oddlySigned({
    transforms:
      transform(
        'http://www.w3.org/TR/1999/REC-xslt-19991116',
        '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"></xsl:stylesheet>',
      ) + transform(EXC_C14N),
  }),
  'XPath transform': oddlySigned({
    transforms:
      transform(ENVELOPED) +
      transform(
        'http://www.w3.org/TR/1999/REC-xpath-19991116',
        '<ds:XPath>not(ancestor-or-self::saml:NameID)</ds:XPath>',
      ),
  }),
  'XPath Filter 2 transform': oddlySigned({
    transforms: transform(ENVELOPED) + transform('http://www.w3.org/2002/06/xmldsig-filter2', ''),
  }),
  'base64 transform': oddlySigned({ transforms: transform(ENVELOPED) + transform(`${DS}base64`) }),
  'inclusive canonicalization as transform': signedWith({
    signature: { transforms: [ENVELOPED, 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315'] },
  }),
  'unknown transform': oddlySigned({ transforms: transform(ENVELOPED) + transform('urn:none') }),
});

const severalSignedInfo = rejecting(
  ['signature-shape'],
  {
    'CVE-2025-29774: changed SignedInfo before the signed one': tampered(({ root, assertion, signature }, world) => {
      const forged = forgedSignedInfo(root, signature, world);
      makeEvil(assertion);
      signature.children.unshift(forged);
    }),
    'CVE-2025-29774: changed SignedInfo after the signed one': tampered(({ root, assertion, signature }, world) => {
      const forged = forgedSignedInfo(root, signature, world);
      makeEvil(assertion);
      signature.children.splice(1, 0, forged);
    }),
    'changed SignedInfo in place, signed one in an Object': tampered(({ root, assertion, signature }, world) => {
      const genuine = find(signature, 'SignedInfo');
      signature.children[signature.children.indexOf(genuine)] = forgedSignedInfo(root, signature, world);
      makeEvil(assertion);
      signature.children.push(wrap('ds:Object', [], genuine));
    }),
    'second Reference to a changed assertion': tampered(({ root, assertion, signature }, world) => {
      const forged = find(forgedSignedInfo(root, signature, world), 'Reference');
      makeEvil(assertion);
      find(signature, 'SignedInfo').children.push(forged);
    }),
  },
  { rule: 'R3' },
);

const twoSignatures = rejecting(['signature-position', 'signature-shape'], {
  'two signatures in the assertion': tampered(({ assertion, signature }) => {
    assertion.children.splice(1, 0, clone(signature));
  }),
});

function forgedSignedInfo(root: XmlElement, signature: XmlElement, world: World): XmlElement {
  const forged = clone(find(signature, 'SignedInfo'));
  setText(find(forged, 'DigestValue'), digestOfEvil(root, world));
  return forged;
}

/** CVE-2025-29775: canonicalisation drops the comment, a reader of the first text node takes the wrong digest. */
const commentInDigest = rejecting(
  ['comment'],
  {
    'CVE-2025-29775: comment in DigestValue': (world) => {
      const root = parseTree(respond(world));
      const evil = digestOfEvil(root, world);
      const value = find(root, 'DigestValue');
      const genuine = String(value.children[0]);
      makeEvil(find(root, 'Assertion'));
      setText(value, `<!--${evil}-->${genuine}`);
      return serialise(root);
    },
    'CVE-2025-29775: digest split by a comment': (world) => {
      const root = parseTree(respond(world));
      const value = find(root, 'DigestValue');
      setText(value, `${String(value.children[0])}<!-- -->${digestOfEvil(root, world)}`);
      makeEvil(find(root, 'Assertion'));
      return serialise(root);
    },
  },
  { rule: 'R3' },
);

const changed = rejecting(
  ['digest-value'],
  {
    'NameID changed after signing': tampered(({ assertion }) => makeEvil(assertion)),
    'NameID Format changed after signing': tampered(({ assertion }) =>
      setAttribute(find(assertion, 'NameID'), 'Format', 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'),
    ),
    'attribute value changed after signing': tampered(({ assertion }) =>
      setText(find(assertion, 'AttributeValue'), EVIL),
    ),
    'attribute added after signing': tampered(({ assertion }) => {
      const statement = find(assertion, 'AttributeStatement');
      statement.children.push(clone(find(statement, 'Attribute')));
    }),
    'audience changed after signing': tampered(({ assertion }) =>
      setText(find(assertion, 'Audience'), 'https://other'),
    ),
    'prefix of NameID bound to another namespace after signing': tampered(({ assertion }) =>
      setAttribute(find(assertion, 'NameID'), 'xmlns:saml', 'urn:not-saml'),
    ),
    'DigestValue of another message': tampered(({ root, signature }, world) => {
      const digest = digestOfEvil(root, world);
      resign(
        signature,
        world.idp.signingKey,
        signedInfo({ uri: `#${attributeOf(find(root, 'Assertion'), 'ID')}`, digest }),
      );
    }),
    'DigestValue of nothing, assertion with a relative namespace': relativeNamespace,
    'DigestValue empty': oddlySigned({ digest: '' }),
    'Destination changed in a signed response': (world) =>
      respond(world, { sign: 'response' }).replace('Destination="https://sp.test', 'Destination="https://other.test'),
    'Status changed in a signed response': (world) =>
      respond(world, {
        sign: 'response',
        response: { status: ['urn:oasis:names:tc:SAML:2.0:status:Responder'] },
      }).replace('status:Responder', 'status:Success'),
  },
  { rule: 'R2' },
);

/**
 * "The Fragile Lock" (R4): libxml2 cannot canonicalise a relative namespace URI; who takes its empty answer for the canonical
 * form takes any document that has one for the signed one.
 */
function relativeNamespace(world: World): string {
  const root = parseTree(respond(world));
  const assertion = find(root, 'Assertion');
  const digest = createHash('sha256').digest('base64');
  const uri = `#${attributeOf(assertion, 'ID')}`;
  resign(find(assertion, 'Signature'), world.idp.signingKey, signedInfo({ uri, digest }));
  assertion.attributes.push(['xmlns:x', '1']);
  find(assertion, 'NameID').attributes.push(['x:y', 'z']);
  makeEvil(assertion);
  return serialise(root);
}

const noCertificates: ResponseCase = {
  kind: 'response',
  name: 'no certificate to verify with',
  rule: 'R8',
  expected: ['certificate', 'signature-value', 'signature-present'],
  make: (world) => base64(respond(world)),
  job: () => ({ certificates: [] }),
};

const unreadableCertificate: ResponseCase = {
  kind: 'response',
  name: 'the only certificate is no certificate',
  rule: 'R8',
  expected: ['certificate', 'signature-value'],
  make: (world) => base64(respond(world)),
  job: () => ({ certificates: ['AAAA'] }),
};

/** R13: an unauthenticated stranger may write as many as he likes. */
const manyTransforms = rejecting(
  ['signature-shape', 'element-count', 'size'],
  {
    '2,000 transforms': tampered(({ signature }) => {
      const list = find(signature, 'Transforms');
      list.children.push(...Array.from({ length: 2000 }, () => clone(find(list, 'Transform'))));
    }),
    '20,000 transforms': tampered(({ signature }) => {
      const list = find(signature, 'Transforms');
      list.children.push(...Array.from({ length: 20_000 }, () => clone(find(list, 'Transform'))));
    }),
  },
  { rule: 'R13' },
);

export const signatureCases: readonly ResponseCase[] = [
  ...absent,
  ...foreign,
  ...otherKeyTypes,
  ...algorithms,
  ...references,
  ...shapes,
  ...transforms,
  ...severalSignedInfo,
  ...twoSignatures,
  ...commentInDigest,
  ...changed,
  noCertificates,
  unreadableCertificate,
  ...manyTransforms,
];
