import * as fc from 'fast-check';
import { NotCanonical, readCanonical } from './canonical-reader.js';
import { exclusiveForm } from './exclusive-form.js';
import { attributeOf, contentOf, textOf, NotText, type XmlElement } from './xml-element.js';

const read = (text: string) => readCanonical(Buffer.from(text));
const nth = (element: XmlElement, at: number): XmlElement => {
  const child = element.elements[at];
  if (child === undefined) throw new Error('no such child');
  return child;
};

describe('what canonical XML says', () => {
  it('is names in namespaces, bound and bound anew', () => {
    const root = read('<a xmlns="urn:1"><p:b xmlns:p="urn:2"><c xmlns=""></c></p:b><p:b xmlns:p="urn:3"></p:b></a>');
    expect([root.namespaceUri, root.name]).toEqual(['urn:1', 'a']);
    expect([nth(root, 0).namespaceUri, nth(root, 0).name]).toEqual(['urn:2', 'b']);
    expect(nth(nth(root, 0), 0).namespaceUri).toBe('');
    expect(nth(root, 1).namespaceUri).toBe('urn:3');
  });

  it('is attributes, of which only those without prefix are in no namespace', () => {
    const root = read(
      '<a xmlns="urn:1" xmlns:p="urn:2" ID="1&quot;&#x9;&#xA;&#xD;&amp;&lt;>" xmlnsx="2" p:ID="3"></a>',
    );
    expect(attributeOf(root, 'ID')).toBe('1"\t\n\r&<>');
    expect(attributeOf(root, 'xmlnsx')).toBe('2');
    expect(attributeOf(read('<a xmlns:p="urn:2" p:ID="3"></a>'), 'ID')).toBeUndefined();
    expect(attributeOf(root, 'xmlns')).toBeUndefined();
  });

  it('is text to the last character, whose references are read once', () => {
    expect(textOf(read('<a> &amp;lt; &lt;b&gt;&#xD;\n 😀</a>'))).toBe(' &lt; <b>\r\n 😀');
    expect(textOf(read('<a></a>'))).toBe('');
  });

  it('is the text of all that an element holds, in its order, unless it must be text alone', () => {
    const root = read('<a>1<b x=">">2<c>&amp;</c></b>3</a>');
    expect(contentOf(root)).toBe('12&3');
    expect(() => textOf(root)).toThrow(NotText);
  });

  it('is not in the processing instructions, beside the root and inside', () => {
    expect(textOf(read('<?x <b>?>\n<a>1<?y ">?>2</a>\n<?z?>'))).toBe('12');
  });
});

describe('what is not canonical XML is refused', () => {
  it.each([
    '',
    'a',
    '<a>',
    '</a>',
    '<a></b>',
    '<a></a ></a>',
    '<a></aa>',
    '<a/>',
    '<a ></a>',
    '<a  b="1"></a>',
    '<a\tb="1"></a>',
    '<a b="1"c="2"></a>',
    "<a b='1'></a>",
    '<a b = "1"></a>',
    '<a b=1></a>',
    '<a b></a>',
    '<a b="<"></a>',
    '<a b="1></a>',
    '<a b="1" xmlns="urn:1"></a>',
    '<a b="1" xmlns:p="urn:1"></a>',
    '<p:a></p:a>',
    '<a p:b="1"></a>',
    '<a:b:c xmlns:a="urn:1"></a:b:c>',
    '< ></ >',
    '<></>',
    '<a>&nbsp;</a>',
    '<a>&#65;</a>',
    '<a>&</a>',
    '<a b="&apos;"></a>',
    '<!--c--><a></a>',
    '<a><!--c--></a>',
    '<a><![CDATA[c]]></a>',
    '<!DOCTYPE a><a></a>',
    '<a></a><b></b>',
    '<a></a>text',
    'text<a></a>',
    '<?x',
  ])('%s', (text) => {
    expect(() => read(text)).toThrow(NotCanonical);
  });

  it('and so is what is not UTF-8', () => {
    expect(() => readCanonical(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e]))).toThrow();
  });

  it('whatever it is: what is read is what was written, or there is an error', () => {
    const piece = fc.constantFrom(
      '<a>',
      '</a>',
      '<b c="1">',
      '</b>',
      'text',
      '&amp;',
      '&',
      '<',
      '>',
      '"',
      ' ',
      '<a ',
      '/',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = `<r>${pieces.join('')}</r>`;
        let root: XmlElement;
        try {
          root = read(text);
        } catch (error) {
          return error instanceof NotCanonical;
        }
        return exclusiveForm(root, { prefixes: [] }).toString() === text;
      }),
      { numRuns: 5000 },
    );
  });
});
