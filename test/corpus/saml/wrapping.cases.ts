/** Signature wrapping: a genuine signature over a genuine element, and another element where the reader would look (R1, R6). */
import { SAMLP } from '../../harness/saml-idp-xml.js';
import { rejecting, respond, type ResponseCase, type World } from './world.js';
import {
  attributeOf,
  clone,
  detach,
  find,
  findAll,
  parseTree,
  replace,
  serialise,
  setAttribute,
  setText,
  wrap,
  type XmlElement,
} from './xml-tree.js';

const DS = 'http://www.w3.org/2000/09/xmldsig#';
const EVIL = 'mallory@corp.test';

/** The parts of a response whose assertion is signed: `evil` is a changed copy without signature and with an ID of its own. */
function assertionParts(world: World) {
  const root = parseTree(respond(world));
  const signed = find(root, 'Assertion');
  const signature = find(signed, 'Signature');
  const evil = corrupt(withoutSignature(signed));
  return { root, signed, signature, evil };
}

function responseParts(world: World) {
  const root = parseTree(respond(world, { sign: 'response' }));
  const original = withoutSignature(root);
  corrupt(root);
  return { root, original, signature: find(root, 'Signature') };
}

function corrupt(element: XmlElement): XmlElement {
  setText(find(element, 'NameID'), EVIL);
  return setAttribute(element, 'ID', '_evil');
}

function withoutSignature(element: XmlElement): XmlElement {
  const copy = clone(element);
  for (const signature of findAll(copy, 'Signature')) detach(copy, signature);
  return copy;
}

function object(...children: XmlElement[]): XmlElement {
  return wrap('ds:Object', [['xmlns:ds', DS]], ...children);
}

function extensions(...children: XmlElement[]): XmlElement {
  return wrap('samlp:Extensions', [['xmlns:samlp', SAMLP]], ...children);
}

function before(root: XmlElement, node: XmlElement, ...added: XmlElement[]): string {
  replace(root, node, ...added, node);
  return serialise(root);
}

function after(root: XmlElement, node: XmlElement, ...added: XmlElement[]): string {
  replace(root, node, node, ...added);
  return serialise(root);
}

const ofResponses = rejecting(
  ['signature-position', 'signature-shape', 'signature-reference', 'unique-ids', 'one-assertion'],
  {
    'xsw1: signed response inside the signature of a changed one': (world) => {
      const { root, original, signature } = responseParts(world);
      signature.children.push(original);
      return serialise(root);
    },
    'xsw1: signed response in an Object of the signature': (world) => {
      const { root, original, signature } = responseParts(world);
      signature.children.push(object(original));
      return serialise(root);
    },
    'xsw2: signed response before the signature of a changed one': (world) => {
      const { root, original, signature } = responseParts(world);
      return before(root, signature, original);
    },
    'xsw2: signed response after the signature of a changed one': (world) => {
      const { root, original, signature } = responseParts(world);
      return after(root, signature, original);
    },
    'xsw2: the changed response keeps the ID': (world) => {
      const { root, original, signature } = responseParts(world);
      setAttribute(root, 'ID', attributeOf(original, 'ID'));
      return before(root, signature, original);
    },
    'signed response, signature and all, inside a changed one': (world) => {
      const inner = parseTree(respond(world, { sign: 'response' }));
      const outer = corrupt(withoutSignature(inner));
      outer.children.push(inner);
      return serialise(outer);
    },
    'signed response in Extensions of a changed one': (world) => {
      const { root, original, signature } = responseParts(world);
      return after(root, signature, extensions(original));
    },
  },
  { rule: 'R1' },
);

const ofAssertions = rejecting(
  ['one-assertion', 'unique-ids', 'signature-position', 'signature-shape', 'signature-reference'],
  {
    'xsw3: changed assertion before the signed one': (world) => {
      const { root, signed, evil } = assertionParts(world);
      return before(root, signed, evil);
    },
    'xsw3: changed assertion after the signed one': (world) => {
      const { root, signed, evil } = assertionParts(world);
      return after(root, signed, evil);
    },
    'xsw3: changed assertion with the same ID before the signed one': (world) => {
      const { root, signed, evil } = assertionParts(world);
      setAttribute(evil, 'ID', attributeOf(signed, 'ID'));
      return before(root, signed, evil);
    },
    'xsw4: signed assertion inside a changed one': (world) => {
      const { root, signed, evil } = assertionParts(world);
      replace(root, signed, evil);
      evil.children.push(signed);
      return serialise(root);
    },
    'xsw4: signed assertion first inside a changed one': (world) => {
      const { root, signed, evil } = assertionParts(world);
      replace(root, signed, evil);
      evil.children.unshift(signed);
      return serialise(root);
    },
    'xsw4: signed assertion in the Advice of a changed one': (world) => {
      const { root, signed, evil } = assertionParts(world);
      replace(root, signed, evil);
      evil.children.push(wrap('saml:Advice', [], signed));
      return serialise(root);
    },
    'xsw5: changed assertion holds the signature, the signed one follows': (world) => {
      const { root, signed, evil, signature } = assertionParts(world);
      const bare = withoutSignature(signed);
      evil.children.splice(1, 0, signature);
      replace(root, signed, evil, bare);
      return serialise(root);
    },
    'xsw5: changed assertion holds the signature, the signed one precedes': (world) => {
      const { root, signed, evil, signature } = assertionParts(world);
      const bare = withoutSignature(signed);
      evil.children.splice(1, 0, signature);
      replace(root, signed, bare, evil);
      return serialise(root);
    },
    'xsw6: changed assertion holds the signature, which holds the signed one': (world) => {
      const { root, signed, evil, signature } = assertionParts(world);
      signature.children.push(withoutSignature(signed));
      evil.children.splice(1, 0, signature);
      replace(root, signed, evil);
      return serialise(root);
    },
    'xsw6: the same with one ID for both': (world) => {
      const { root, signed, evil, signature } = assertionParts(world);
      setAttribute(evil, 'ID', attributeOf(signed, 'ID'));
      signature.children.push(withoutSignature(signed));
      evil.children.splice(1, 0, signature);
      replace(root, signed, evil);
      return serialise(root);
    },
    'xsw7: changed assertion in Extensions': (world) => {
      const { root, signed, evil } = assertionParts(world);
      return before(root, signed, extensions(evil));
    },
    'xsw7: signed assertion in Extensions, changed one in its place': (world) => {
      const { root, signed, evil } = assertionParts(world);
      replace(root, signed, extensions(signed), evil);
      return serialise(root);
    },
    'xsw8: signed assertion in an Object of the signature of a changed one': (world) => {
      const { root, signed, evil, signature } = assertionParts(world);
      signature.children.push(object(withoutSignature(signed)));
      evil.children.splice(1, 0, signature);
      replace(root, signed, evil);
      return serialise(root);
    },
    'xsw8: signed assertion in the KeyInfo of a changed one': (world) => {
      const { root, signed, evil, signature } = assertionParts(world);
      find(signature, 'KeyInfo').children.push(withoutSignature(signed));
      evil.children.splice(1, 0, signature);
      replace(root, signed, evil);
      return serialise(root);
    },
    'signed assertion in the StatusDetail, changed one in its place': (world) => {
      const { root, signed, evil } = assertionParts(world);
      replace(root, signed, evil);
      find(root, 'Status').children.push(wrap('samlp:StatusDetail', [], signed));
      return serialise(root);
    },
    'signature of the assertion moved up into the response': (world) => {
      const { root, signed, signature, evil } = assertionParts(world);
      detach(root, signature);
      root.children.splice(1, 0, signature);
      return before(root, signed, evil);
    },
    'signature of the assertion moved up, no second assertion': (world) => {
      const { root, signature } = assertionParts(world);
      detach(root, signature);
      root.children.splice(1, 0, signature);
      return serialise(root);
    },
    'signed assertion in an AttributeValue of a changed one': (world) => {
      const { root, signed, evil } = assertionParts(world);
      replace(root, signed, evil);
      setText(find(evil, 'AttributeValue'), '').children.push(signed);
      return serialise(root);
    },
    'signed assertion in an EncryptedAssertion, changed one beside it': (world) => {
      const { root, signed, evil } = assertionParts(world);
      replace(root, signed, wrap('saml:EncryptedAssertion', attributesOf(signed), signed), evil);
      return serialise(root);
    },
    'two signed assertions of two people': (world) => {
      const root = parseTree(respond(world));
      const other = parseTree(respond(world, { assertion: { nameId: 'bob' } }));
      return after(root, find(root, 'Assertion'), find(other, 'Assertion'));
    },
  },
  { rule: 'R1' },
);

function attributesOf(assertion: XmlElement): [string, string][] {
  return assertion.attributes.filter(([name]) => name.startsWith('xmlns'));
}

const unsignedFirst = rejecting(
  ['one-assertion'],
  {
    'unsigned assertion of a stranger before the signed one': (world) => {
      const { root, signed } = assertionParts(world);
      const stranger = parseTree(respond(world, { sign: 'none', assertion: { nameId: 'stranger' } }));
      return before(root, signed, find(stranger, 'Assertion'));
    },
    'two assertions in a signed response': (world) => respond(world, { sign: 'response', edit: { response: doubled } }),
    'two assertions, both signed, in a signed response': (world) =>
      respond(world, { sign: 'both', edit: { response: doubled } }),
  },
  { rule: 'R6' },
);

function doubled(xml: string): string {
  const root = parseTree(xml);
  const assertion = find(root, 'Assertion');
  return before(root, assertion, corrupt(withoutSignature(assertion)));
}

export const wrappingCases: readonly ResponseCase[] = [...ofResponses, ...ofAssertions, ...unsignedFirst];
