import { ParseOption, XmlDocument, XmlElement as ElementNode, XmlError } from 'libxml2-wasm';

export { XmlError };

export const SAML = 'urn:oasis:names:tc:SAML:2.0:assertion';
export const SAMLP = 'urn:oasis:names:tc:SAML:2.0:protocol';
export const METADATA = 'urn:oasis:names:tc:SAML:2.0:metadata';
export const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
export const XENC = 'http://www.w3.org/2001/04/xmlenc#';
export const XENC11 = 'http://www.w3.org/2009/xmlenc11#';
export const EXCLUSIVE_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';

/**
 * No network, nothing external, and no entity beyond the five: without XML_PARSE_NOENT and without a DTD (the guard refuses
 * it) there is nothing to substitute. IDs are ours to check: libxml2 would report only those of `xml:id`. Never _HUGE and
 * never _RECOVER.
 */
const OPTIONS =
  ParseOption.XML_PARSE_NONET |
  ParseOption.XML_PARSE_NO_XXE |
  ParseOption.XML_PARSE_NO_SYS_CATALOG |
  ParseOption.XML_PARSE_SKIP_IDS;

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

/**
 * An element of a tree in libxml2's memory. Each look at that memory costs more than what is looked for, so children are
 * listed once.
 */
export class XmlElement {
  readonly name: string;
  private namespace: string | undefined;
  private children: XmlElement[] | undefined;

  constructor(readonly node: ElementNode) {
    this.name = node.name;
  }

  /** The empty string where it is in none. */
  get namespaceUri(): string {
    return (this.namespace ??= this.node.namespaceUri);
  }

  get elements(): readonly XmlElement[] {
    if (this.children === undefined) {
      this.children = [];
      for (let node = this.node.firstChild; node !== null; node = node.next) {
        if (node instanceof ElementNode) this.children.push(new XmlElement(node));
      }
    }
    return this.children;
  }

  /** The text of it and of all that it holds. */
  get content(): string {
    return this.node.content;
  }

  /** Frees the child: it must not be used again. */
  remove(child: XmlElement): void {
    this.children = this.elements.filter((one) => one !== child);
    child.node.remove();
  }
}

/**
 * Parses, lets `read` look, and frees the tree in the module's memory, which no garbage collector does: nothing of libxml2
 * may leave `read`. The only way in this lib to look at XML. Throws XmlError for what is not well formed with regard to
 * namespaces. The text must have passed a guard (message-guard.ts): libxml2 itself would take a DOCTYPE.
 */
export function readXml<Result>(
  xml: string | Uint8Array,
  read: (root: XmlElement, document: XmlDocument) => Result,
): Result {
  // The encoding is named, so that libxml2 does not guess one from the first bytes.
  const bytes = typeof xml === 'string' ? Buffer.from(xml, 'utf8') : xml;
  const document = XmlDocument.fromBuffer(bytes, { encoding: 'utf-8', option: OPTIONS });
  try {
    return read(new XmlElement(document.root), document);
  } finally {
    document.dispose();
  }
}

export function isElement(element: XmlElement, namespace: string, name: string): boolean {
  return element.name === name && element.namespaceUri === namespace;
}

/** The element children, in order. */
export function elementsOf(parent: XmlElement): readonly XmlElement[] {
  return parent.elements;
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
  return element.node.attr(name)?.value;
}

/** All of the text, white space included. Throws {@link NotText} where there are elements in it. */
export function textOf(element: XmlElement): string {
  if (element.elements.length > 0) throw new NotText(element.name);
  return element.content;
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
