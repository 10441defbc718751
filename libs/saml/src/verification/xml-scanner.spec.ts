import fc from 'fast-check';
import { MESSAGE_LIMITS, METADATA_LIMITS } from './message-guard.js';
import { findXmlFault, type XmlLimits } from './xml-scanner.js';

const SMALL: XmlLimits = { ...MESSAGE_LIMITS, depth: 4, elements: 6, attributes: 5, attributesOfOneElement: 3 };

function checkOf(xml: string, limits: XmlLimits = MESSAGE_LIMITS): string | undefined {
  return findXmlFault(xml, limits)?.check;
}

describe('R5', () => {
  it.each([
    ['an internal subset', '<!DOCTYPE r [<!ENTITY a "b">]><r/>'],
    ['an external one', '<!DOCTYPE r SYSTEM "http://x.test/r.dtd"><r/>'],
    ['one after the declaration', '<?xml version="1.0"?><!DOCTYPE r><r/>'],
    ['an entity declaration in the content', '<r><!ENTITY a "b"></r>'],
    ['one in small letters', '<!doctype r><r/>'],
  ])('refuses a DOCTYPE: %s', (_name, xml) => {
    expect(checkOf(xml)).toBe('doctype');
    expect(checkOf(xml, METADATA_LIMITS)).toBe('doctype');
  });

  it('refuses entities other than the five', () => {
    expect(checkOf('<r>&lt;&gt;&amp;&quot;&apos;</r>')).toBeUndefined();
    expect(checkOf('<r>&nbsp;</r>')).toBe('well-formed');
    expect(checkOf('<r a="&x;"/>')).toBe('well-formed');
    expect(checkOf('<r>a & b</r>')).toBe('well-formed');
  });

  it('refuses references to characters that no text may hold', () => {
    expect(checkOf('<r>&#65;&#x1F600;&#xD;</r>')).toBeUndefined();
    for (const reference of ['&#0;', '&#x0;', '&#xD800;', '&#x110000;', '&#xFFFE;', '&#11;', '&#xfeff;', '&#65279;']) {
      expect(checkOf(`<r>${reference}</r>`)).toBe('encoding');
      expect(checkOf(`<r a='${reference}'/>`)).toBe('encoding');
    }
  });
});

describe('R4', () => {
  it.each([
    ['comment', '<r>al<!-- x -->ice</r>'],
    ['comment', '<!-- x --><r/>'],
    ['comment', '<r/><!-- x -->'],
    ['processing-instruction', '<r>alice<?x y?></r>'],
    ['processing-instruction', '<?x y?><r/>'],
    ['processing-instruction', ' <?xml version="1.0"?><r/>'],
    ['processing-instruction', '<r><?xml version="1.0"?></r>'],
    ['processing-instruction', '<?xml-stylesheet href="x"?><r/>'],
    ['cdata', '<r><![CDATA[alice]]></r>'],
  ])('refuses a %s: %s', (check, xml) => {
    expect(checkOf(xml)).toBe(check);
  });

  it('takes them where metadata is read, as far as they are well formed', () => {
    expect(checkOf('<!-- & < --><?x & <?><r><![CDATA[<a>&b;]]></r>', METADATA_LIMITS)).toBeUndefined();
    expect(checkOf('<r><!-- x </r>', METADATA_LIMITS)).toBe('well-formed');
    expect(checkOf('<![CDATA[x]]><r/>', METADATA_LIMITS)).toBe('well-formed');
  });

  it('refuses anything beside the one root element', () => {
    expect(checkOf('\n <r/>\t\r\n')).toBeUndefined();
    for (const xml of ['x<r/>', '<r/>x', '<r/><r/>', '<r></r><r>', '', ' ', '\u00a0<r/>', '</r>', '<r></r></r>']) {
      expect(checkOf(xml)).toBe('well-formed');
    }
  });

  it('refuses a byte order mark inside the text, which a decoder would drop', () => {
    expect(checkOf('<r>\ufeffalice@example.com</r>')).toBe('encoding');
  });

  it('refuses control characters and what is not a character', () => {
    for (const character of ['\u0000', '\u0008', '\u001f', '\ufffe', '\uffff']) {
      expect(checkOf(`<r>${character}</r>`)).toBe('encoding');
    }
  });
});

describe('XML 1.0 §2.8', () => {
  it('takes a declaration of version 1.0 in UTF-8 at the very start', () => {
    for (const declaration of [
      '<?xml version="1.0"?>',
      "<?xml version='1.0' encoding='utf-8'?>",
      '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>',
      '<?xml\n version = "1.0"\tencoding = "Utf-8"?>',
    ]) {
      expect(checkOf(`${declaration}<r/>`)).toBeUndefined();
    }
  });

  it('refuses another encoding, by the verdict encoding', () => {
    for (const encoding of ['UTF-16', 'ISO-8859-1', 'UTF-7', 'US-ASCII', 'IBM037']) {
      expect(checkOf(`<?xml version="1.0" encoding="${encoding}"?><r/>`)).toBe('encoding');
    }
  });

  it('refuses another version, and a declaration that has no end', () => {
    expect(checkOf('<?xml version="1.1"?><r/>')).toBe('well-formed');
    expect(checkOf('<?xml version="1.0"')).toBe('well-formed');
    expect(checkOf(`<?xml version="1.0"${' '.repeat(100_000)}?><r/>`)).toBe('well-formed');
  });
});

describe('R13', () => {
  it('counts depth', () => {
    expect(checkOf('<a><b><c><d/></c></b></a>', SMALL)).toBeUndefined();
    expect(checkOf('<a><b><c><d><e/></d></c></b></a>', SMALL)).toBe('depth');
    expect(checkOf('<a>'.repeat(200_000))).toBe('depth');
  });

  it('counts elements', () => {
    expect(checkOf(`<a>${'<b/>'.repeat(5)}</a>`, SMALL)).toBeUndefined();
    expect(checkOf(`<a>${'<b/>'.repeat(6)}</a>`, SMALL)).toBe('element-count');
  });

  it('counts attributes of one element and of all, namespace declarations too', () => {
    expect(checkOf('<a b="" c="" xmlns:d="u"/>', SMALL)).toBeUndefined();
    expect(checkOf('<a b="" c="" d="" xmlns:e="u"/>', SMALL)).toBe('attribute-count');
    expect(checkOf('<a b="" c="" d=""><e f="" g="" h=""/></a>', SMALL)).toBe('attribute-count');
  });

  it('is not confused by what is inside quotes', () => {
    expect(checkOf(`<a b='>"/<!--' c=">'/]]>"><d/></a>`)).toBeUndefined();
    expect(checkOf('<a b="<!-- ><c></a>')).toBe('well-formed');
  });

  it('passes over hostile texts of the largest size once', () => {
    const size = MESSAGE_LIMITS.bytes;
    const texts = ['<', '&', '"', "<a b='", '<a ', '&amp;', '<a/>', '</a>', '<!--', '<?', '<![CDATA[', '<a b="&', 'x<'];
    for (const text of texts) {
      const hostile = text.repeat(size / text.length);
      for (const limits of [MESSAGE_LIMITS, METADATA_LIMITS]) {
        expect(findXmlFault(`<r>${hostile}`, limits)).toBeDefined();
        expect(findXmlFault(hostile, limits)).toBeDefined();
      }
    }
  });

  it('never throws', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      '!',
      '?',
      '-',
      '--',
      '[CDATA[',
      ']]>',
      '"',
      "'",
      '&',
      ';',
      '#',
      'x',
      'a',
      ' ',
      '=',
      'xml',
      '<?xml ',
      '\ud800',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        for (const limits of [MESSAGE_LIMITS, METADATA_LIMITS, SMALL]) findXmlFault(pieces.join(''), limits);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('a well-formed document', () => {
  interface Made {
    readonly xml: string;
    readonly depth: number;
    readonly elements: number;
    readonly attributes: number;
  }
  const text = fc.string({
    unit: fc.constantFrom('a', ' ', '\n', '>', '"', "'", '&lt;', '&#65;', 'é', '😀', '-->', '?>'),
    maxLength: 5,
  });
  const value = fc.string({
    unit: fc.constantFrom('a', ' ', '>', "'", '&amp;', '/', '/>', '?>', '-->', '!--'),
    maxLength: 5,
  });
  const made = fc.letrec<{ element: Made }>((tie) => ({
    element: fc
      .tuple(
        fc.array(value, { maxLength: 3 }),
        fc.array(fc.oneof({ maxDepth: 4 }, text, tie('element')), { maxLength: 3 }),
      )
      .map(([values, children]) => {
        const inside = children.filter((child): child is Made => typeof child !== 'string');
        const attributes = values.map((one, at) => ` a${at}="${one}"`).join('');
        const content = children.map((child) => (typeof child === 'string' ? child : child.xml)).join('');
        return {
          xml: children.length === 0 ? `<e${attributes}/>` : `<e${attributes}>${content}</e>`,
          depth: 1 + Math.max(0, ...inside.map(({ depth }) => depth)),
          elements: 1 + inside.reduce((sum, { elements }) => sum + elements, 0),
          attributes: values.length + inside.reduce((sum, { attributes: own }) => sum + own, 0),
        };
      }),
  })).element;

  it('has no fault, and each limit is met exactly', () => {
    fc.assert(
      fc.property(made, ({ xml, depth, elements, attributes }) => {
        const exact = { ...MESSAGE_LIMITS, depth, elements, attributes };
        expect(findXmlFault(xml, exact)).toBeUndefined();
        expect(checkOf(xml, { ...exact, depth: depth - 1 })).toBe('depth');
        expect(checkOf(xml, { ...exact, elements: elements - 1 })).toBe('element-count');
        if (attributes > 0) expect(checkOf(xml, { ...exact, attributes: attributes - 1 })).toBe('attribute-count');
      }),
    );
  });

  it('is refused with a comment, instruction, section or DOCTYPE before any tag of it', () => {
    const intruder = fc.constantFrom(
      ['<!-- " -->', 'comment'],
      ["<?x '?>", 'processing-instruction'],
      ['<![CDATA[>]]>', 'cdata'],
      ['<!DOCTYPE x>', 'doctype'],
    );
    fc.assert(
      fc.property(made, intruder, fc.nat(), ({ xml }, [markup, check], where) => {
        // In a value of this generator there is no `<`, so each one begins a tag.
        const tags = [...xml.matchAll(/</g)].map(({ index }) => index).slice(1);
        const at = tags[where % Math.max(1, tags.length)];
        fc.pre(at !== undefined);
        expect(checkOf(`${xml.slice(0, at)}${markup}${xml.slice(at)}`)).toBe(check);
      }),
    );
  });
});
