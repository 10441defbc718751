import { XmlC14NMode, XmlError, type XmlDocument, type XmlOutputBufferHandler } from 'libxml2-wasm';

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
 * Canonical XML 1.0 of a document, comments left out. Not the exclusive form, which forgets namespaces that nothing seems
 * to use: a part of the document may need them (InclusiveNamespaces).
 */
export function canonicalForm(document: XmlDocument): Buffer {
  const octets = new Octets();
  try {
    document.canonicalize(octets, { mode: XmlC14NMode.XML_C14N_1_0 });
  } catch (error) {
    if (error instanceof XmlError) throw new NoCanonicalForm(error.message, { cause: error });
    throw error;
  }
  const form = octets.joined();
  if (form.length === 0) throw new NoCanonicalForm('empty');
  return form;
}
