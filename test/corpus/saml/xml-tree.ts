/**
 * A tree over the very text of a message: what is not touched comes out byte for byte. Knows elements, attributes and text,
 * which is all that the messages of our identity provider hold; names and values stay as they are written.
 */
export interface XmlElement {
  name: string;
  attributes: [name: string, value: string][];
  children: XmlNode[];
}

export type XmlNode = XmlElement | string;

export function parseTree(xml: string): XmlElement {
  const holder: XmlElement = { name: '', attributes: [], children: [] };
  const open = [holder];
  for (const [token] of xml.matchAll(/<[^>]+>|[^<]+/g)) {
    const parent = open.at(-1) ?? holder;
    if (!token.startsWith('<')) {
      parent.children.push(token);
    } else if (token.startsWith('</')) {
      open.pop();
    } else {
      const element = readTag(token);
      parent.children.push(element);
      if (!token.endsWith('/>')) open.push(element);
    }
  }
  const root = holder.children.find((node) => typeof node !== 'string');
  if (root === undefined) throw new Error('There is no element in this text.');
  return root;
}

export function serialise(node: XmlNode): string {
  if (typeof node === 'string') return node;
  const attributes = node.attributes.map(([name, value]) => ` ${name}="${value}"`).join('');
  if (node.children.length === 0) return `<${node.name}${attributes}/>`;
  return `<${node.name}${attributes}>${node.children.map(serialise).join('')}</${node.name}>`;
}

export function clone(element: XmlElement): XmlElement {
  return structuredClone(element);
}

/** Every element of that local name, in document order, the root included. */
export function findAll(root: XmlElement, localName: string): XmlElement[] {
  return elementsIn(root).filter((element) => element.name.replace(/^.*:/, '') === localName);
}

/** The first one of that local name; throws where there is none. */
export function find(root: XmlElement, localName: string): XmlElement {
  const [first] = findAll(root, localName);
  if (first === undefined) throw new Error(`There is no <${localName}> here.`);
  return first;
}

export function elementsIn(root: XmlElement): XmlElement[] {
  return [root, ...root.children.flatMap((child) => (typeof child === 'string' ? [] : elementsIn(child)))];
}

export function parentOf(root: XmlElement, node: XmlNode): XmlElement {
  const parent = elementsIn(root).find((element) => element.children.includes(node));
  if (parent === undefined) throw new Error('This node is not in this tree.');
  return parent;
}

/** Takes a node out of the tree and gives it back. */
export function detach<Node extends XmlNode>(root: XmlElement, node: Node): Node {
  const siblings = parentOf(root, node).children;
  siblings.splice(siblings.indexOf(node), 1);
  return node;
}

export function replace(root: XmlElement, node: XmlNode, ...by: readonly XmlNode[]): void {
  const siblings = parentOf(root, node).children;
  siblings.splice(siblings.indexOf(node), 1, ...by);
}

export function setAttribute(element: XmlElement, name: string, value: string): XmlElement {
  const found = element.attributes.find(([own]) => own === name);
  if (found === undefined) element.attributes.push([name, value]);
  else found[1] = value;
  return element;
}

export function attributeOf(element: XmlElement, name: string): string {
  const found = element.attributes.find(([own]) => own === name);
  if (found === undefined) throw new Error(`<${element.name}> has no ${name}.`);
  return found[1];
}

export function setText(element: XmlElement, text: string): XmlElement {
  element.children = [text];
  return element;
}

export function wrap(name: string, attributes: [string, string][], ...children: XmlNode[]): XmlElement {
  return { name, attributes, children };
}

function readTag(token: string): XmlElement {
  const name = /^<([^\s/>]+)/.exec(token)?.[1] ?? '';
  const attributes = [...token.matchAll(/([^\s=]+)="([^"]*)"/g)].map(([, key = '', value = '']): [string, string] => [
    key,
    value,
  ]);
  return { name, attributes, children: [] };
}
