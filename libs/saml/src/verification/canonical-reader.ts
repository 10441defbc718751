import { plainText, XML_NAMESPACE, type Scope, type XmlAttribute, type XmlElement } from './xml-element.js';

/** Octets that are not canonical XML. Only a canonicalizer writes what is read here, so no message should ever cause it. */
export class NotCanonical extends Error {
  override readonly name = 'NotCanonical';
}

const [SPACE, SLASH, QUESTION, GREATER] = [0x20, 0x2f, 0x3f, 0x3e];
const NAME = /^(?:([^\s"&'/:<=>?]+):)?([^\s"&'/:<=>?]+)$/;
const OTHER_REFERENCE = /&(?!(?:amp|lt|gt|quot|#x9|#xA|#xD);)/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const OUTERMOST: Scope = new Map([
  ['', ''],
  ['xml', XML_NAMESPACE],
]);

/** What is read of an element before its content. */
interface Opened extends XmlElement {
  readonly elements: XmlElement[];
  readonly nodes: (XmlElement | string)[];
}

interface QualifiedName {
  readonly prefix: string;
  readonly local: string;
}

/**
 * Reads canonical XML of a document or an element, exclusive or not. That is a language of its own (Canonical XML §1.1,
 * §2.3): start tags with one blank before each attribute and no other, namespaces declared before the attributes, values in
 * double quotes, an end tag for every element, seven references; no comment, CDATA section or declaration. What is
 * not of that language is refused. Processing instructions, which only metadata may hold, are passed over.
 *
 * @throws NotCanonical
 */
export function readCanonical(octets: Uint8Array): XmlElement {
  const text = UTF8.decode(octets);
  if (OTHER_REFERENCE.test(text)) throw new NotCanonical('another reference');
  return new CanonicalReader(text).run();
}

class CanonicalReader {
  private at = 0;
  private root: XmlElement | undefined;
  private inside: Opened | undefined;
  private readonly outer: Opened[] = [];
  /** Few are used, and often. */
  private readonly names = new Map<string, QualifiedName>();

  constructor(private readonly text: string) {}

  run(): XmlElement {
    for (;;) {
      const less = this.text.indexOf('<', this.at);
      this.characters(less === -1 ? this.text.length : less);
      if (less === -1) break;
      const second = this.text.charCodeAt(less + 1);
      if (second === SLASH) this.endTag();
      else if (second === QUESTION) this.at = this.after('?>', less + 2);
      else this.startTag();
    }
    if (this.root === undefined || this.inside !== undefined) throw new NotCanonical('an element without end');
    return this.root;
  }

  private characters(end: number): void {
    if (end === this.at) return;
    const text = this.text.slice(this.at, end);
    this.at = end;
    if (this.inside !== undefined) this.inside.nodes.push(text);
    // Between the root and a processing instruction beside it.
    else if (text !== '\n') throw new NotCanonical('text beside the root');
  }

  private endTag(): void {
    if (this.inside === undefined) throw new NotCanonical('an end tag too many');
    const { tag } = this.inside;
    const end = this.at + 2 + tag.length;
    if (!this.text.startsWith(tag, this.at + 2) || this.text.charCodeAt(end) !== GREATER)
      throw new NotCanonical('another end tag');
    this.at = end + 1;
    this.inside = this.outer.pop();
  }

  private startTag(): void {
    const { text, inside } = this;
    if (inside === undefined && this.root !== undefined) throw new NotCanonical('a second root');
    const tag = this.tagName();
    const { prefix, local } = this.nameOf(tag);
    const scope = this.declarations(inside?.scope ?? OUTERMOST);
    const began = this.at;
    const attributes: XmlAttribute[] = [];
    while (text.charCodeAt(this.at) === SPACE) attributes.push(this.attribute(scope));
    if (text.charCodeAt(this.at) !== GREATER) throw new NotCanonical('a start tag without end');
    const element: Opened = {
      namespaceUri: namespaceOf(prefix, scope),
      prefix,
      name: local,
      attributes,
      parent: inside,
      elements: [],
      nodes: [],
      scope,
      tag,
      writtenAttributes: text.slice(began, this.at),
    };
    this.at++;
    if (inside === undefined) {
      this.root = element;
    } else {
      inside.nodes.push(element);
      inside.elements.push(element);
      this.outer.push(inside);
    }
    this.inside = element;
  }

  private tagName(): string {
    const { text } = this;
    const began = this.at + 1;
    let end = began;
    while (end < text.length && text.charCodeAt(end) !== SPACE && text.charCodeAt(end) !== GREATER) end++;
    this.at = end;
    return text.slice(began, end);
  }

  /** The outer scope itself, where nothing is declared. */
  private declarations(outer: Scope): Scope {
    let scope: Map<string, string> | undefined;
    while (this.text.startsWith(' xmlns=', this.at) || this.text.startsWith(' xmlns:', this.at)) {
      const [name, value] = this.pair();
      const prefix = name === 'xmlns' ? '' : this.nameOf(name).local;
      scope ??= new Map(outer);
      scope.set(prefix, value);
    }
    return scope ?? outer;
  }

  private attribute(scope: Scope): XmlAttribute {
    const [written, value] = this.pair();
    const { prefix, local } = this.nameOf(written);
    if (prefix === 'xmlns' || written === 'xmlns') throw new NotCanonical('a declaration behind an attribute');
    // One without prefix is in no namespace, whatever the default is (Namespaces in XML §6.2).
    return {
      namespaceUri: prefix === '' ? '' : namespaceOf(prefix, scope),
      prefix,
      name: local,
      value: plainText(value),
    };
  }

  /** The name and value of an attribute or declaration, as they are written. */
  private pair(): [name: string, value: string] {
    const equals = this.text.indexOf('="', this.at);
    if (equals === -1) throw new NotCanonical('an attribute without value');
    const name = this.text.slice(this.at + 1, equals);
    const after = this.after('"', equals + 2);
    const value = this.text.slice(equals + 2, after - 1);
    if (value.includes('<')) throw new NotCanonical('markup in an attribute');
    this.at = after;
    return [name, value];
  }

  private nameOf(written: string): QualifiedName {
    let name = this.names.get(written);
    if (name === undefined) {
      const [, prefix = '', local] = NAME.exec(written) ?? [];
      if (local === undefined) throw new NotCanonical('a tag or attribute without name');
      name = { prefix, local };
      this.names.set(written, name);
    }
    return name;
  }

  private after(terminator: string, from: number): number {
    const found = this.text.indexOf(terminator, from);
    if (found === -1) throw new NotCanonical(`no ${terminator}`);
    return found + terminator.length;
  }
}

function namespaceOf(prefix: string, scope: Scope): string {
  const uri = scope.get(prefix);
  if (uri === undefined) throw new NotCanonical('a prefix without namespace');
  return plainText(uri);
}
