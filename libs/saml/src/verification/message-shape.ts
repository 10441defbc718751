import { quoteFound } from '../verdict.js';
import { refuse, type Verdicts } from './refused.js';
import {
  childrenOf,
  DSIG,
  elementsWithin,
  isElement,
  SAML,
  SAMLP,
  XML_NAMESPACE,
  type XmlAttribute,
  type XmlElement,
} from './xml-element.js';

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
  for (const { attributes } of elementsWithin(root)) {
    for (const attribute of attributes) {
      if (!isId(attribute)) continue;
      const id = attribute.value;
      if (seen.has(id) || others.has(id)) refuse('unique-ids', 'every ID once', `${quoteFound(id)} twice`);
      seen.add(id);
      if (attribute.name === 'ID') samlIds.add(id);
    }
  }
  verdicts.pass('unique-ids', 'every ID once');
  return samlIds;
}

/** SAML's, XML Signature's and Encryption's, what others might take for one, and `xml:id`. */
function isId({ namespaceUri, name }: XmlAttribute): boolean {
  if (namespaceUri === '') return name === 'ID' || name === 'Id' || name === 'id';
  return namespaceUri === XML_NAMESPACE && name === 'id';
}

/**
 * The one place for everything (R3, R6): at most one assertion in the whole document, a child of the Response; at most one
 * signature of each of the two, their own child; no other signature anywhere. A wrapped original has no place left to be.
 */
export function shapeOfResponse(root: XmlElement, verdicts: Verdicts): ResponseShape {
  requireRoot(root, SAMLP, 'Response', verdicts);
  const nodes = placedElements(root);
  const found = nodes.filter(isAssertion);
  const [element] = found;
  if (found.length > 1) refuse('one-assertion', 'one Assertion or EncryptedAssertion', `${found.length}`);
  if (element === undefined) {
    const [responseSignature] = requireSignatures(nodes, [root], verdicts);
    return { assertion: undefined, responseSignature, assertionSignature: undefined };
  }
  if (element.parent !== root || element.namespaceUri !== SAML)
    return refuse('one-assertion', 'it as a child of the Response', 'it elsewhere');
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
function placedElements(root: XmlElement): XmlElement[] {
  return elementsWithin(root).filter((element) => isAssertion(element) || element.name === 'Signature');
}

/** By local name: one in a foreign namespace counts too, for somebody might read it. */
function isAssertion(node: XmlElement): boolean {
  return node.name === 'Assertion' || node.name === 'EncryptedAssertion';
}

/** The child signature of each of these elements; no signature may be anywhere else. */
function requireSignatures(
  nodes: readonly XmlElement[],
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
