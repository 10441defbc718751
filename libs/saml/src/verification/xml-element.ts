export const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';
export const SAMLP = 'urn:oasis:names:tc:SAML:2.0:protocol';
export const METADATA = 'urn:oasis:names:tc:SAML:2.0:metadata';
export const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
export const XENC = 'http://www.w3.org/2001/04/xmlenc#';
export const XENC11 = 'http://www.w3.org/2009/xmlenc11#';
export const EXCLUSIVE_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
export const XML_NAMESPACE = 'http://www.w3.org/XML/1998/namespace';

/** An element that is there more than once where SAML's schemas allow one: which one is meant would be a guess. */
export class RepeatedElement extends Error {
  override readonly name = 'RepeatedElement';
  constructor(readonly element: string) {
    super(`more than one <${element}>`);
  }
}

/** An element that must hold text only, and holds elements. */
export class NotText extends Error {
  override readonly name = 'NotText';
  constructor(readonly element: string) {
    super(`elements inside the text of <${element}>`);
  }
}

/** Prefixes in scope and what they stand for, as canonical XML writes it; the empty prefix is the default. */
export type Scope = ReadonlyMap<string, string>;

/** In no namespace where `namespaceUri` is the empty string. */
export interface XmlAttribute {
  readonly namespaceUri: string;
  readonly prefix: string;
  readonly name: string;
  readonly value: string;
}

/** An element as canonical XML says it (canonical-reader.ts). Names are without prefixes, but for `tag`. */
export interface XmlElement {
  readonly namespaceUri: string;
  readonly prefix: string;
  readonly name: string;
  readonly attributes: readonly XmlAttribute[];
  readonly parent: XmlElement | undefined;
  readonly elements: readonly XmlElement[];
  /** Text and elements in their order, and all else that a canonicalizer needs, as canonical XML writes it. */
  readonly nodes: readonly (XmlElement | string)[];
  readonly scope: Scope;
  readonly tag: string;
  /** Each with a blank before it, without declarations of namespaces. */
  readonly writtenAttributes: string;
}

/** A canonicalizer writes these references, and each only where it must (Canonical XML §2.3). */
const REFERENCES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#x9;': '\t',
  '&#xA;': '\n',
  '&#xD;': '\r',
};

/** The characters that canonical XML writes so. */
export function plainText(written: string): string {
  if (!written.includes('&')) return written;
  return written.replace(/&[^;]*;/g, (reference) => REFERENCES[reference] ?? reference);
}

/** The text of an element and of all that it holds. */
export function contentOf(element: XmlElement): string {
  const [first] = element.nodes;
  if (element.nodes.length === 1 && typeof first === 'string') return plainText(first);
  return element.nodes.map((node) => (typeof node === 'string' ? plainText(node) : contentOf(node))).join('');
}

export function isElement(element: XmlElement, namespace: string, name: string): boolean {
  return element.name === name && element.namespaceUri === namespace;
}

/** The element children, in order. */
export function elementsOf(parent: XmlElement): readonly XmlElement[] {
  return parent.elements;
}

/** The element and all below it. */
export function elementsWithin(element: XmlElement): XmlElement[] {
  const found = [element];
  // It grows meanwhile: by each element's children, in the order of the elements.
  for (let at = 0; at < found.length; at++) found.push(...(found[at]?.elements ?? []));
  return found;
}

/** The children of that name, in order; never deeper descendants. */
export function childrenOf(parent: XmlElement, namespace: string, name: string): XmlElement[] {
  return parent.elements.filter((child) => isElement(child, namespace, name));
}

/** The one child of that name; undefined where there is none. Throws {@link RepeatedElement}. */
export function childOf(parent: XmlElement, namespace: string, name: string): XmlElement | undefined {
  const [first, second] = childrenOf(parent, namespace, name);
  if (second !== undefined) throw new RepeatedElement(name);
  return first;
}

/** The value of an attribute in no namespace, as the parser normalised it. */
export function attributeOf(element: XmlElement, name: string): string | undefined {
  return element.attributes.find((one) => one.name === name && one.namespaceUri === '')?.value;
}

/** All of the text, white space included. Throws {@link NotText} where there are elements in it. */
export function textOf(element: XmlElement): string {
  if (element.elements.length > 0) throw new NotText(element.name);
  return contentOf(element);
}

/** Text of a type whose schema collapses white space (xs:anyURI, xs:dateTime): only the ends matter to us. */
export function trimmedTextOf(element: XmlElement): string {
  const text = textOf(element);
  let start = 0;
  let end = text.length;
  while (start < end && isXmlSpace(text.charCodeAt(start))) start++;
  while (end > start && isXmlSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** XML's white space, which is less than JavaScript's (XML 1.0 §2.3). */
export function isXmlSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
