import * as fc from 'fast-check';

/** An element to be written: what it says of namespaces is put right by {@link writeXml}. */
export interface Tree {
  readonly prefix: string;
  readonly name: string;
  readonly declarations: readonly (readonly [prefix: string, uri: string])[];
  readonly attributes: readonly (readonly [prefix: string, name: string, value: string])[];
  readonly children: readonly (Tree | string)[];
}

const prefix = fc.constantFrom('', 'a', 'b', 'c');
const name = fc.constantFrom('x', 'y', 'ID', 'xmlnsx');
const text = fc
  .array(fc.constantFrom('a', 'é', '😀', ' ', '\t', '\n', '\r', '<', '>', '&', '"', "'", ']]>', '&amp;', '&#xD;'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.join(''));
const uri = fc.constantFrom('urn:1', 'urn:2', 'http://x.test/?a=1;b=%3C2%3E');

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.record({
    prefix,
    name,
    declarations: fc.uniqueArray(fc.tuple(prefix, fc.oneof(uri, fc.constant(''))), {
      selector: ([one]) => one,
      maxLength: 3,
    }),
    attributes: fc.array(fc.tuple(fc.oneof(prefix, fc.constant('xml')), name, text), { maxLength: 4 }),
    children: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.array(text, { maxLength: 2 }),
      fc.array(fc.oneof(tie('tree'), text), { maxLength: 4 }),
    ),
  }),
}));

/** Namespaces bound anew, taken back, used nowhere; attributes in any order; text of all that must be escaped. */
export const trees: fc.Arbitrary<Tree> = fc
  .tuple(tree, fc.array(tree, { minLength: 3, maxLength: 6 }))
  .map(([root, children]) => ({ ...root, children }));

const escaped = (value: string) =>
  value.replace(
    /[&<>"\t\n\r]/g,
    (one) =>
      ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\t': '&#9;', '\n': '&#10;', '\r': '&#13;' })[one] ??
      '',
  );

/** Well-formed XML, and with regard to namespaces: a prefix that is not in scope is left away. */
export function writeXml(
  { prefix: wanted, name: local, declarations, attributes, children }: Tree,
  outer: ReadonlyMap<string, string> = new Map([['xml', 'http://www.w3.org/XML/1998/namespace']]),
): string {
  const own = declarations.filter(([one, of]) => one === '' || of !== '');
  const scope = new Map([...outer, ...own]);
  const known = (one: string) => (scope.has(one) ? one : '');
  const tag = [known(wanted), local].filter((part) => part !== '').join(':');
  const seen = new Set<string>();
  const written = attributes.flatMap(([one, attribute, value]) => {
    const expanded = `${known(one) === '' ? '' : scope.get(one)} ${attribute}`;
    if (seen.has(expanded)) return [];
    seen.add(expanded);
    return [` ${[known(one), attribute].filter((part) => part !== '').join(':')}="${escaped(value)}"`];
  });
  const xmlns = own.map(([one, of]) => ` xmlns${one === '' ? '' : `:${one}`}="${escaped(of)}"`);
  const content = children.map((child) => (typeof child === 'string' ? escaped(child) : writeXml(child, scope)));
  return `<${tag}${xmlns.join('')}${written.join('')}>${content.join('')}</${tag}>`;
}
