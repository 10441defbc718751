import { ParseOption, XmlDocument, XmlError } from 'libxml2-wasm';
import { canonicalForm } from './canonical-form.js';
import { readCanonical } from './canonical-reader.js';
import type { XmlElement } from './xml-element.js';

export { XmlError };

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

/**
 * The root of a document that libxml2 parsed and canonicalised: the only way in this lib to look at XML that no
 * canonicalizer wrote. libxml2's own nodes are not looked at, for each look costs more than what is found, and the classes
 * around them never stop V8 from optimising them in vain.
 *
 * @param xml must have passed a guard (message-guard.ts): libxml2 itself would take a DOCTYPE
 * @throws XmlError for what is not well formed with regard to namespaces, NoCanonicalForm for what has none
 */
export function readXml(xml: string): XmlElement {
  // The encoding is named, so that libxml2 does not guess one from the first bytes.
  const document = XmlDocument.fromBuffer(Buffer.from(xml, 'utf8'), { encoding: 'utf-8', option: OPTIONS });
  try {
    return readCanonical(canonicalForm(document));
  } finally {
    // It is in the module's memory, where there is no garbage collector.
    document.dispose();
  }
}
