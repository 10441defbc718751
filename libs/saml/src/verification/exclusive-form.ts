import type { Scope, XmlElement } from './xml-element.js';

export interface ExclusiveFormOptions {
  /** InclusiveNamespaces (§4); `#default` is the one without a prefix. */
  readonly prefixes: readonly string[];
  /** A child that is left out: the signature, for the enveloped-signature transform (XML Signature §6.6.4). */
  readonly without?: XmlElement;
}

/** Without a declaration the default is no namespace. */
const NOTHING: Scope = new Map([['', '']]);

/**
 * Exclusive XML Canonicalization 1.0 of an element in its place in a document that is canonical itself. libxml2 made that,
 * so what is left to say is which namespaces are declared where (§3): those that an element or its attributes use, and
 * those of `prefixes`, unless what is around it in the result has declared the same.
 *
 * Nobody has to trust it: its octets are taken only where the signer signed the very same ones, and only they are read.
 */
export function exclusiveForm(element: XmlElement, { prefixes, without }: ExclusiveFormOptions): Buffer {
  const inclusive = prefixes.map((prefix) => (prefix === '#default' ? '' : prefix));
  const parts: string[] = [];
  const write = (one: XmlElement, declared: Scope) => {
    const missing = undeclared(one, inclusive, declared);
    parts.push('<', one.tag);
    for (const [prefix, uri] of missing) parts.push(prefix === '' ? ' xmlns="' : ` xmlns:${prefix}="`, uri, '"');
    parts.push(one.writtenAttributes, '>');
    const within = missing.length === 0 ? declared : new Map([...declared, ...missing]);
    for (const node of one.nodes) {
      if (typeof node === 'string') parts.push(node);
      else if (node !== without) write(node, within);
    }
    parts.push('</', one.tag, '>');
  };
  write(element, NOTHING);
  return Buffer.from(parts.join(''), 'utf8');
}

/** In the order in which they are written: by prefix. */
function undeclared(
  { prefix, attributes, scope }: XmlElement,
  inclusive: readonly string[],
  declared: Scope,
): readonly (readonly [prefix: string, uri: string])[] {
  const missing: [string, string][] = [];
  const need = (one: string) => {
    const uri = scope.get(one);
    // A prefix of InclusiveNamespaces need not be in scope, and `xml` always is.
    if (uri === undefined || uri === declared.get(one) || one === 'xml') return;
    if (!missing.some(([other]) => other === one)) missing.push([one, uri]);
  };
  need(prefix);
  for (const attribute of attributes) if (attribute.prefix !== '') need(attribute.prefix);
  for (const one of inclusive) need(one);
  return missing.length < 2 ? missing : missing.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
