import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { readCanonical } from './canonical-reader.js';
import { exclusiveForm } from './exclusive-form.js';
import { elementsWithin, type XmlElement } from './xml-element.js';
import { trees, writeXml } from './xml-trees.spec-support.js';

const SEED = Number(process.env['XML_SEED'] ?? Date.now() % 2 ** 31);
const PREFIX_LISTS = [[], ['a'], ['#default'], ['b', 'c', 'unknown', '#default']];

interface Task {
  readonly xml: string;
  readonly prefixes: readonly string[];
}

/** What libxml2 makes of it: canonical XML of the whole, and the exclusive form of each element in document order. */
interface Made {
  readonly whole: string;
  readonly parts: readonly string[];
}

/** Jest's modules cannot load libxml2-wasm. */
const BY_LIBXML2 = `
  import { XmlDocument, XmlElement, XmlC14NMode } from 'libxml2-wasm';
  import { readFileSync } from 'node:fs';
  const made = JSON.parse(readFileSync(0, 'utf8')).map(({ xml, prefixes }) => {
    const document = XmlDocument.fromString(xml);
    const elements = document.find('/descendant::*').filter((node) => node instanceof XmlElement);
    const mode = XmlC14NMode.XML_C14N_EXCLUSIVE_1_0;
    const parts = elements.map((node) => {
      const options = { mode, inclusiveNamespacePrefixes: prefixes, nodeSet: new Set([node]) };
      return document.canonicalizeToString(options);
    });
    const whole = document.canonicalizeToString({ mode: XmlC14NMode.XML_C14N_1_0 });
    document.dispose();
    return { whole, parts };
  });
  process.stdout.write(JSON.stringify(made));
`;

function byLibxml2(tasks: readonly Task[]): readonly Made[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', BY_LIBXML2], {
    input: JSON.stringify(tasks),
    cwd: join(__dirname, '../../../..'),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Made[];
}

/** {@link elementsWithin} goes by level, libxml2 in the order of the document. */
function inDocumentOrder(element: XmlElement): XmlElement[] {
  return [element, ...element.elements.flatMap(inDocumentOrder)];
}

const ours = (element: XmlElement, prefixes: readonly string[]) => exclusiveForm(element, { prefixes }).toString();

describe('Exclusive XML Canonicalization 1.0', () => {
  it(`gives each element of 600 documents the form that libxml2 gives it (seed ${SEED})`, () => {
    const tasks = fc
      .sample(trees, { numRuns: 600, seed: SEED })
      .map((tree, at) => ({ xml: writeXml(tree), prefixes: PREFIX_LISTS[at % PREFIX_LISTS.length] ?? [] }));
    const made = byLibxml2(tasks);
    let declared = 0;
    for (const [at, { xml, prefixes }] of tasks.entries()) {
      const { whole, parts } = made[at] ?? { whole: '', parts: [] };
      const elements = inDocumentOrder(readCanonical(Buffer.from(whole)));
      expect(elements).toHaveLength(parts.length);
      for (const [nth, element] of elements.entries()) {
        const found = { xml, prefixes, form: ours(element, prefixes) };
        expect(found).toEqual({ xml, prefixes, form: parts[nth] });
        if (found.form.includes('xmlns')) declared++;
      }
    }
    expect(declared).toBeGreaterThan(1000);
  });

  it('declares what is used where it is used, and once', () => {
    const [, part] = elementsWithin(
      readCanonical(Buffer.from('<a xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q"><p:b p:c="1"><p:d></p:d></p:b></a>')),
    );
    expect(part && ours(part, [])).toBe('<p:b xmlns:p="urn:p" p:c="1"><p:d></p:d></p:b>');
    expect(part && ours(part, ['q', '#default'])).toBe(
      '<p:b xmlns="urn:d" xmlns:p="urn:p" xmlns:q="urn:q" p:c="1"><p:d></p:d></p:b>',
    );
  });
});

describe('XML Signature §6.6.4', () => {
  it('leaves out the signature that is named, and no other', () => {
    const root = readCanonical(Buffer.from('<a>1<s>one</s>2<b><s>two</s></b><s>three</s></a>'));
    const [signature] = root.elements;
    const form = signature && exclusiveForm(root, { prefixes: [], without: signature }).toString();
    expect(form).toBe('<a>12<b><s>two</s></b><s>three</s></a>');
  });
});
