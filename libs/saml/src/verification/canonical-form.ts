import { XmlC14NMode, type XmlDocument, type XmlOutputBufferHandler } from 'libxml2-wasm';
import { XmlError, type XmlElement } from './xml-document.js';

/** Thrown where there is no canonical form: a relative namespace name, for one. Never an empty form instead (R4). */
export class NoCanonicalForm extends Error {
  override readonly name = 'NoCanonicalForm';
}

/** The parts that libxml2 writes are views of its memory: copied at once. */
class Octets implements XmlOutputBufferHandler {
  private readonly parts: Buffer[] = [];

  write(part: Uint8Array): number {
    this.parts.push(Buffer.from(part));
    return part.byteLength;
  }

  close(): boolean {
    return true;
  }

  joined(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/**
 * Exclusive XML Canonicalization 1.0 of an element in its place in the document: it takes along what namespaces it uses, and
 * those of `prefixes` (InclusiveNamespaces; `#default` is the one without a prefix).
 */
export function canonicalForm(document: XmlDocument, element: XmlElement, prefixes: readonly string[]): Buffer {
  const octets = new Octets();
  const options = { mode: XmlC14NMode.XML_C14N_EXCLUSIVE_1_0, inclusiveNamespacePrefixes: [...prefixes] };
  try {
    // The guard leaves nothing beside the root; for it, libxml2 need not ask us about every node.
    const { node } = element;
    if (node.parent === null) document.canonicalize(octets, options);
    else document.canonicalize(octets, { ...options, nodeSet: new Set([node]) });
  } catch (error) {
    if (error instanceof XmlError) throw new NoCanonicalForm(error.message, { cause: error });
    throw error;
  }
  const form = octets.joined();
  if (form.length === 0) throw new NoCanonicalForm('empty');
  return form;
}
