/** Signatures that are absent, or another's, or by an algorithm that we refuse, and messages changed after signing (R2, R8). */
import { createHash, createHmac, generateKeyPairSync } from 'node:crypto';
import { rawSignature } from '../../harness/saml-idp-signature.js';
import { toPem } from '../../harness/saml-idp.js';
import { DS, resign, signedInfo } from './hand-signing.js';
import { digestOfEvil, EVIL, makeEvil, oddlySigned, signedWith, tampered } from './tampering.js';
import { base64, BASE, rejecting, respond, type ResponseCase, type World } from './world.js';
import { attributeOf, clone, detach, find, parseTree, serialise, setAttribute, setText } from './xml-tree.js';

const hmacWith = (secret: (world: World) => string | Buffer, uri: string, hash: string) => (world: World) =>
  respond(world, {
    signature: { method: { uri, sign: (info) => createHmac(hash, secret(world)).update(info).digest() } },
  });

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

export const signatureCases: readonly ResponseCase[] = [
  ...absent,
  ...foreign,
  ...otherKeyTypes,
  ...algorithms,
  ...changed,
  noCertificates,
  unreadableCertificate,
];
