import { XmlAttribute, XmlElement as ElementNode, XmlXPath } from 'libxml2-wasm';
import { quoteFound } from '../verdict.js';
import { refuse, type Verdicts } from './refused.js';
import { childrenOf, DSIG, isElement, SAML, SAMLP, type XmlElement } from './xml-document.js';

/** Compiled once; they live as long as the worker. */
const IDS = XmlXPath.compile('/descendant::*/@ID | /descendant::*/@Id | /descendant::*/@id | /descendant::*/@xml:id');
/** All that the rules of a shape are about. By local name, and sought inside libxml2: each node that comes out costs. */
const PLACED = XmlXPath.compile(
  "/descendant::*[local-name() = 'Assertion' or local-name() = 'EncryptedAssertion' or local-name() = 'Signature']",
);

export interface ResponseShape {
  readonly assertion: { readonly kind: 'plain' | 'encrypted'; readonly element: XmlElement } | undefined;
  readonly responseSignature: XmlElement | undefined;
  readonly assertionSignature: XmlElement | undefined;
}

/**
 * Core §1.3.4, XML Signature §4.3.3.2: what `#ID` names must not be a matter of taste (R6). Returns the SAML IDs, which a
 * decrypted part must not repeat; what else is called an id there (pysaml2 gives every ds:Signature the same `Id`) is
 * another document's.
 */
export function requireUniqueIds(
  root: XmlElement,
  verdicts: Verdicts,
  others: ReadonlySet<string> = new Set(),
): Set<string> {
  const seen = new Set<string>();
  const samlIds = new Set<string>();
  for (const node of root.node.find(IDS)) {
    if (!(node instanceof XmlAttribute)) continue;
    const id = node.value;
    if (seen.has(id) || others.has(id)) refuse('unique-ids', 'every ID once', `${quoteFound(id)} twice`);
    seen.add(id);
    if (node.name === 'ID') samlIds.add(id);
  }
  verdicts.pass('unique-ids', 'every ID once');
  return samlIds;
}

/**
 * The one place for everything (R3, R6): at most one assertion in the whole document, a child of the Response; at most one
 * signature of each of the two, their own child; no other signature anywhere. A wrapped original has no place left to be.
 */
export function shapeOfResponse(root: XmlElement, verdicts: Verdicts): ResponseShape {
  requireRoot(root, SAMLP, 'Response', verdicts);
  const nodes = placedElements(root);
  const found = nodes.filter(isAssertion);
  const [node] = found;
  if (found.length > 1) refuse('one-assertion', 'one Assertion or EncryptedAssertion', `${found.length}`);
  if (node === undefined) {
    const [responseSignature] = requireSignatures(nodes, [root], verdicts);
    return { assertion: undefined, responseSignature, assertionSignature: undefined };
  }
  const element = root.elements.find((child) => child.node.isSameNode(node));
  if (element?.namespaceUri !== SAML) return refuse('one-assertion', 'it as a child of the Response', 'it elsewhere');
  verdicts.pass('one-assertion', 'one, a child of the Response');
  const kind = element.name === 'Assertion' ? 'plain' : 'encrypted';
  const [responseSignature, assertionSignature] = requireSignatures(
    nodes,
    kind === 'plain' ? [root, element] : [root],
    verdicts,
  );
  return { assertion: { kind, element }, responseSignature, assertionSignature };
}

/** A LogoutRequest or LogoutResponse; returns its signature. */
export function shapeOfLogout(root: XmlElement, name: string, verdicts: Verdicts): XmlElement | undefined {
  requireRoot(root, SAMLP, name, verdicts);
  const nodes = placedElements(root);
  if (nodes.some(isAssertion)) refuse('one-assertion', 'none in a logout message', 'one');
  return requireSignatures(nodes, [root], verdicts)[0];
}

/** An assertion that came out of an EncryptedAssertion: the same rules once more (R7). Returns its signature. */
export function shapeOfDecrypted(root: XmlElement, verdicts: Verdicts): XmlElement | undefined {
  requireRoot(root, SAML, 'Assertion', verdicts);
  const nodes = placedElements(root);
  if (nodes.filter(isAssertion).length > 1) refuse('one-assertion', 'one, not one inside another', 'more');
  return requireSignatures(nodes, [root], verdicts)[0];
}

/** Every assertion and signature of the document, wherever it is and whatever namespace it is in. */
function placedElements(root: XmlElement): ElementNode[] {
  return root.node.find(PLACED).filter((node) => node instanceof ElementNode);
}

/** By local name: one in a foreign namespace counts too, for somebody might read it. */
function isAssertion(node: ElementNode): boolean {
  return node.name === 'Assertion' || node.name === 'EncryptedAssertion';
}

/** The child signature of each of these elements; no signature may be anywhere else. */
function requireSignatures(
  nodes: readonly ElementNode[],
  parents: readonly XmlElement[],
  verdicts: Verdicts,
): (XmlElement | undefined)[] {
  const signatures = parents.map((parent) => {
    const [first, second] = childrenOf(parent, DSIG, 'Signature');
    if (second !== undefined) refuse('signature-position', `one signature of the ${parent.name}`, 'more');
    return first;
  });
  const count = nodes.filter((node) => node.name === 'Signature' && node.namespaceUri === DSIG).length;
  const placed = signatures.filter((signature) => signature !== undefined).length;
  const names = parents.map((parent) => parent.name).join(' or ');
  verdicts.require(
    'signature-position',
    count === placed,
    `signatures only as a child of ${names}`,
    `${count - placed} elsewhere`,
  );
  return signatures;
}

export function requireRoot(root: XmlElement, namespace: string, name: string, verdicts: Verdicts): void {
  const found = `${quoteFound(root.name)} in ${quoteFound(root.namespaceUri)}`;
  verdicts.require('root-element', isElement(root, namespace, name), `${name} of SAML 2.0`, found);
}
