import * as fc from 'fast-check';
import {
  attributeOf,
  clone,
  elementsIn,
  findAll,
  parentOf,
  parseTree,
  replace,
  serialise,
  setAttribute,
  type XmlElement,
  type XmlNode,
} from './xml-tree.js';

/** One change of a signed message; the numbers choose where. Plain data, so that fast-check can shrink and print it. */
export interface Mutation {
  readonly kind: string;
  readonly a: number;
  readonly b: number;
}

type TreeMutation = (root: XmlElement, other: XmlElement, a: number, b: number) => void;
type TextMutation = (xml: string, a: number, b: number) => string;

const DS = 'http://www.w3.org/2000/09/xmldsig#';
const EVIL = 'mallory@corp.test';

function pick<T>(list: readonly T[], at: number): T | undefined {
  return list[at % Math.max(list.length, 1)];
}

/** Below the root, so that a document remains. */
function inner(root: XmlElement): XmlElement[] {
  return elementsIn(root).slice(1);
}

function textsOf(root: XmlElement): { parent: XmlElement; at: number; text: string }[] {
  return elementsIn(root).flatMap((parent) =>
    parent.children.flatMap((child, at) => (typeof child === 'string' ? [{ parent, at, text: child }] : [])),
  );
}

function editText(root: XmlElement, a: number, edit: (text: string) => string): void {
  const found = pick(textsOf(root), a);
  if (found !== undefined) found.parent.children[found.at] = edit(found.text);
}

function splitAt(text: string, b: number, middle: (tail: string) => string): string {
  const at = b % (text.length + 1);
  return text.slice(0, at) + middle(text.slice(at));
}

function insert(parent: XmlElement, node: XmlNode, at: number): void {
  parent.children.splice(at % (parent.children.length + 1), 0, node);
}

const WRAPPERS: readonly [string, [string, string][]][] = [
  [
    'saml:Assertion',
    [
      ['xmlns:saml', 'urn:oasis:names:tc:SAML:2.0:assertion'],
      ['ID', '_w'],
      ['Version', '2.0'],
    ],
  ],
  [
    'samlp:Response',
    [
      ['xmlns:samlp', 'urn:oasis:names:tc:SAML:2.0:protocol'],
      ['ID', '_w'],
      ['Version', '2.0'],
    ],
  ],
  ['samlp:Extensions', [['xmlns:samlp', 'urn:oasis:names:tc:SAML:2.0:protocol']]],
  ['saml:Advice', [['xmlns:saml', 'urn:oasis:names:tc:SAML:2.0:assertion']]],
  ['saml:EncryptedAssertion', [['xmlns:saml', 'urn:oasis:names:tc:SAML:2.0:assertion']]],
  ['saml:Subject', [['xmlns:saml', 'urn:oasis:names:tc:SAML:2.0:assertion']]],
  ['ds:Object', [['xmlns:ds', DS]]],
  ['ds:Signature', [['xmlns:ds', DS]]],
  ['x', []],
];

/** A copy without a signature, for somebody else. */
function evilCopy(original: XmlElement): XmlElement {
  const copy = clone(original);
  for (const element of elementsIn(copy)) {
    element.children = element.children.filter(
      (child) => typeof child === 'string' || !child.name.endsWith('Signature'),
    );
  }
  for (const name of findAll(copy, 'NameID')) name.children = [EVIL];
  return copy;
}

const TREE: Readonly<Record<string, TreeMutation>> = {
  'delete a node': (root, _, a) => {
    const node = pick(inner(root), a);
    if (node !== undefined) replace(root, node);
  },
  'duplicate a node': (root, _, a) => {
    const node = pick(inner(root), a);
    if (node !== undefined) replace(root, node, node, clone(node));
  },
  'move a node': (root, _, a, b) => {
    const node = pick(inner(root), a);
    if (node === undefined) return;
    replace(root, node);
    const target = pick(elementsIn(root), b);
    if (target !== undefined) insert(target, node, b >> 4);
  },
  'swap two nodes': (root, _, a, b) => {
    const first = pick(inner(root), a);
    const second = pick(inner(root), b);
    if (first === undefined || second === undefined) return;
    if (elementsIn(first).includes(second) || elementsIn(second).includes(first)) return;
    const [one, two] = [parentOf(root, first), parentOf(root, second)];
    const [at, to] = [one.children.indexOf(first), two.children.indexOf(second)];
    one.children[at] = second;
    two.children[to] = first;
  },
  'wrap a node': (root, _, a, b) => {
    const node = pick(inner(root), a);
    const [name, attributes] = pick(WRAPPERS, b) ?? ['x', []];
    if (node !== undefined) replace(root, node, { name, attributes: structuredClone(attributes), children: [node] });
  },
  'unwrap a node': (root, _, a) => {
    const node = pick(inner(root), a);
    if (node !== undefined) replace(root, node, ...node.children);
  },
  'wrap in a changed copy of itself': (root, _, a, b) => {
    const node = pick(findAll(root, b % 2 === 0 ? 'Assertion' : 'Signature'), a);
    if (node === undefined || node === root) return;
    const evil = evilCopy(node);
    if (b % 3 !== 0 && evil.attributes.some(([name]) => name === 'ID')) setAttribute(evil, 'ID', '_evil');
    replace(root, node, evil);
    insert(pick(elementsIn(evil), b) ?? evil, node, b >> 4);
  },
  'insert a changed assertion': (root, _, a, b) => {
    const assertion = pick(findAll(root, 'Assertion'), a);
    if (assertion === undefined) return;
    const evil = evilCopy(assertion);
    if (b % 2 === 0) setAttribute(evil, 'ID', '_evil');
    insert(pick(elementsIn(root), b >> 1) ?? root, evil, a);
  },
  'change a text': (root, _, a, b) => editText(root, a, (text) => splitAt(text, b, (tail) => `x${tail.slice(1)}`)),
  'name somebody else': (root, _, a) => {
    const name = pick(
      [...findAll(root, 'NameID'), ...findAll(root, 'AttributeValue'), ...findAll(root, 'Audience')],
      a,
    );
    if (name !== undefined) name.children = [EVIL];
  },
  'comment in a text': (root, _, a, b) => editText(root, a, (text) => splitAt(text, b, (tail) => `<!---->${tail}`)),
  'comment for the tail of a text': (root, _, a, b) =>
    editText(root, a, (text) => splitAt(text, b, (tail) => `<!--${tail}-->`)),
  'instruction for the tail of a text': (root, _, a, b) =>
    editText(root, a, (text) => splitAt(text, b, (tail) => `<?x ${tail}?>`)),
  'CDATA for the tail of a text': (root, _, a, b) =>
    editText(root, a, (text) => splitAt(text, b, (tail) => `<![CDATA[${tail}]]>`)),
  'element in a text': (root, _, a, b) => editText(root, a, (text) => splitAt(text, b, (tail) => `<x/>${tail}`)),
  'character references in a text': (root, _, a, b) =>
    editText(root, a, (text) =>
      splitAt(text, b, (tail) => (/^[\w@.]/.test(tail) ? `&#${tail.charCodeAt(0)};${tail.slice(1)}` : tail)),
    ),
  'swap two attribute values': (root, _, a, b) => {
    const all = elementsIn(root).flatMap(({ attributes }) => attributes);
    const [first, second] = [pick(all, a), pick(all, b)];
    if (first !== undefined && second !== undefined) [first[1], second[1]] = [second[1], first[1]];
  },
  'copy an attribute value': (root, _, a, b) => {
    const all = elementsIn(root).flatMap(({ attributes }) => attributes);
    const [from, to] = [pick(all, a), pick(all, b)];
    if (from !== undefined && to !== undefined) to[1] = from[1];
  },
  'delete an attribute': (root, _, a, b) => {
    const element = pick(
      elementsIn(root).filter(({ attributes }) => attributes.length > 0),
      a,
    );
    element?.attributes.splice(b % element.attributes.length, 1);
  },
  'copy an ID to another element': (root, _, a, b) => {
    const from = pick(
      elementsIn(root).filter(({ attributes }) => attributes.some(([name]) => name === 'ID')),
      a,
    );
    const to = pick(elementsIn(root), b);
    if (from !== undefined && to !== undefined)
      setAttribute(to, pick(['ID', 'Id', 'id', 'xml:id'], b >> 3) ?? 'ID', attributeOf(from, 'ID'));
  },
  'declare a namespace': (root, _, a, b) => {
    const prefix = pick(['xmlns:saml', 'xmlns:samlp', 'xmlns:ds', 'xmlns', 'xmlns:x'], a) ?? 'xmlns';
    const uri =
      pick(
        ['urn:evil', 'urn:oasis:names:tc:SAML:2.0:assertion', 'urn:oasis:names:tc:SAML:2.0:protocol', DS, 'relative'],
        b,
      ) ?? '';
    const element = pick(elementsIn(root), a + b);
    if (element !== undefined) setAttribute(element, prefix, uri);
  },
  'rename an element': (root, _, a, b) => {
    const [element, like] = [pick(elementsIn(root), a), pick(elementsIn(root), b)];
    if (element !== undefined && like !== undefined) element.name = like.name;
  },
  'change a prefix': (root, _, a) => {
    const element = pick(elementsIn(root), a);
    if (element !== undefined) element.name = element.name.replace(/^\w+:/, '');
  },
  'graft a node of another message': (root, other, a, b) => {
    const [node, theirs] = [pick(inner(root), a), pick(elementsIn(other), b)];
    if (node !== undefined && theirs !== undefined) replace(root, node, theirs);
  },
  'add a node of another message': (root, other, a, b) => {
    const [parent, theirs] = [pick(elementsIn(root), a), pick(elementsIn(other), b)];
    if (parent !== undefined && theirs !== undefined) insert(parent, theirs, a + b);
  },
  'graft the like node of another message': (root, other, a) => {
    const node = pick(inner(root), a);
    const theirs = node && findAll(other, node.name.replace(/^.*:/, ''))[0];
    if (node !== undefined && theirs !== undefined) replace(root, node, theirs);
  },
  'put the message into the place of its assertion': (root, _, a) => {
    const assertion = findAll(root, 'Assertion')[0];
    if (assertion === undefined) return;
    const whole = clone(root);
    const evil = evilCopy(assertion);
    replace(root, assertion, evil);
    insert(pick(elementsIn(root), a) ?? root, whole, a >> 5);
  },
};

const TEXT: Readonly<Record<string, TextMutation>> = {
  'flip a bit': (xml, a, b) => {
    const octets = Buffer.from(xml);
    const at = a % octets.length;
    octets[at] = (octets[at] ?? 0) ^ (1 << (b % 8));
    return octets.toString('latin1');
  },
  'delete some characters': (xml, a, b) => xml.slice(0, a % xml.length) + xml.slice((a % xml.length) + 1 + (b % 40)),
  'repeat some characters': (xml, a, b) => {
    const at = a % xml.length;
    return xml.slice(0, at) + xml.slice(at, at + 1 + (b % 400)) + xml.slice(at);
  },
  'swap tags': (xml, a, b) => {
    const tags = xml.match(/<[^>]+>/g) ?? [];
    const [first, second] = [pick(tags, a), pick(tags, b)];
    return first === undefined || second === undefined ? xml : xml.replace(first, () => second);
  },
  'insert a piece of markup': (xml, a, b) => {
    const piece = pick(
      ['<!DOCTYPE r>', '<!---->', '<?x?>', '&e;', '&#65;', '<x/>', '<x>', '</x>', ']]>', '\0', '\ufeff', ' '],
      b,
    );
    return xml.slice(0, a % (xml.length + 1)) + piece + xml.slice(a % (xml.length + 1));
  },
  'insert white space inside a tag': (xml, a) => {
    const tags = [...xml.matchAll(/\/?>/g)];
    const at = pick(tags, a)?.index ?? 0;
    return `${xml.slice(0, at)} \n${xml.slice(at)}`;
  },
};

export const MUTATION_KINDS: readonly string[] = [...Object.keys(TREE), ...Object.keys(TEXT)];

/** Refused at the first look, whatever else was changed: kept apart so that they do not hide the others. */
const ANNOTATIONS = Object.keys(TREE).filter((kind) => /^(comment|instruction|CDATA)/.test(kind));
const STRUCTURAL = Object.keys(TREE).filter((kind) => !ANNOTATIONS.includes(kind));

/** Mostly one to three changes of the tree; sometimes one of the text follows, after which there may be no tree any more. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.oneof(
  { weight: 7, arbitrary: fc.array(mutation(STRUCTURAL), { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.tuple(mutation(ANNOTATIONS)) },
  { weight: 2, arbitrary: fc.tuple(mutation(Object.keys(TEXT))) },
  { weight: 1, arbitrary: fc.tuple(mutation(STRUCTURAL), mutation(Object.keys(TEXT))) },
);

function mutation(kinds: readonly string[]): fc.Arbitrary<Mutation> {
  return fc.record({ kind: fc.constantFrom(...kinds), a: fc.nat(100_000), b: fc.nat(100_000) });
}

/** Every assertion encrypted anew: a stranger may do that with what he changed. */
export function encryptAssertions(octets: Buffer, encrypt: (xml: string) => string): Buffer {
  const root = parseTree(octets.toString());
  for (const assertion of findAll(root, 'Assertion')) {
    const within = elementsIn(root).find(({ children }) => children.includes(assertion));
    if (within !== undefined) replace(root, assertion, encrypt(serialise(assertion)));
  }
  return Buffer.from(serialise(root));
}

/**
 * @param other a message of the same IdP for somebody else, to take pieces from
 * @returns the octets of the changed message
 */
export function mutate(xml: string, other: string, list: readonly Mutation[]): Buffer {
  const root = parseTree(xml);
  for (const { kind, a, b } of list) TREE[kind]?.(root, parseTree(other), a, b);
  const text = serialise(root);
  const last = list.at(-1);
  const change = last === undefined ? undefined : TEXT[last.kind];
  if (last === undefined || change === undefined) return Buffer.from(text);
  const changed = change(text, last.a, last.b);
  return Buffer.from(changed, last.kind === 'flip a bit' ? 'latin1' : 'utf8');
}
