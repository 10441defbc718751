/** Signatures that are not of the profile of SAML core §5.4: several of something, odd references, odd transforms (R3, R13). */
import { DS, ENVELOPED, EXC_C14N, resign, signedInfo, transform } from './hand-signing.js';
import { digestOfEvil, makeEvil, oddlySigned, signedWith, tampered } from './tampering.js';
import { rejecting, respond, type ResponseCase, type World } from './world.js';
import { attributeOf, clone, detach, find, parseTree, serialise, setText, wrap, type XmlElement } from './xml-tree.js';

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

function forgedSignedInfo(root: XmlElement, signature: XmlElement, world: World): XmlElement {
  const forged = clone(find(signature, 'SignedInfo'));
  setText(find(forged, 'DigestValue'), digestOfEvil(root, world));
  return forged;
}

const strayOnes = rejecting(['signature-position'], {
  'a second signature in Extensions': tampered(({ root, signature }) => {
    root.children.splice(1, 0, wrap('samlp:Extensions', [], clone(signature)));
  }),
  'a second signature in the Subject of a signed response': (world) =>
    respond(world, {
      sign: 'response',
      edit: {
        assertion: (xml) => {
          const stray = find(parseTree(respond(world)), 'Signature');
          return xml.replace('</saml:Subject>', `${serialise(stray)}</saml:Subject>`);
        },
      },
    }),
  'a second signature in the KeyInfo of the first': tampered(({ signature }) => {
    find(signature, 'KeyInfo').children.push(clone(signature));
  }),
});

const twoSignatures = rejecting(['signature-position', 'signature-shape'], {
  'two signatures in the assertion': tampered(({ assertion, signature }) => {
    assertion.children.splice(1, 0, clone(signature));
  }),
});

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

export const signatureShapeCases: readonly ResponseCase[] = [
  ...references,
  ...shapes,
  ...transforms,
  ...severalSignedInfo,
  ...strayOnes,
  ...twoSignatures,
  ...commentInDigest,
  ...manyTransforms,
];
