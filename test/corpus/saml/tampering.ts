import type { ResponseOptions } from '../../harness/saml-idp.js';
import { resign, signedInfo } from './hand-signing.js';
import { respond, type World } from './world.js';
import { attributeOf, clone, detach, find, parseTree, serialise, setText, type XmlElement } from './xml-tree.js';

export const EVIL = 'mallory@corp.test';

/** Changes the tree of a message whose assertion is signed. */
export function tampered(
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
export function oddlySigned(parts: { transforms?: string; uri?: (id: string) => string; digest?: string }) {
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
export function digestOfEvil(root: XmlElement, world: World): string {
  const copy = clone(find(root, 'Assertion'));
  detach(copy, find(copy, 'Signature'));
  setText(find(copy, 'NameID'), EVIL);
  const signed = parseTree(world.impostor.sign(serialise(copy)));
  return String(find(signed, 'DigestValue').children[0]);
}

export function makeEvil(assertion: XmlElement): void {
  setText(find(assertion, 'NameID'), EVIL);
}

export const signedWith = (changes: Partial<ResponseOptions>) => (world: World) => respond(world, changes);
