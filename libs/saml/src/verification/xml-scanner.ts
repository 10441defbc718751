import type { CheckName } from '../verdict.js';

/** What a document may hold. Numbers are inclusive. */
export interface XmlLimits {
  /** Of UTF-8. */
  readonly bytes: number;
  readonly depth: number;
  readonly elements: number;
  /** Of the whole document; namespace declarations count. */
  readonly attributes: number;
  /** Canonicalisation sorts an element's attributes by insertion: quadratic. */
  readonly attributesOfOneElement: number;
  /** Comments, processing instructions and CDATA sections. */
  readonly annotations: 'refused' | 'skipped';
}

export interface XmlFault {
  readonly check: CheckName;
  readonly expected: string;
  readonly found: string;
}

const DECLARATION =
  /^<\?xml[\t\n\r ]+version[\t\n\r ]*=[\t\n\r ]*["']1\.0["'](?:[\t\n\r ]+encoding[\t\n\r ]*=[\t\n\r ]*["']([A-Za-z][A-Za-z0-9._-]*)["'])?(?:[\t\n\r ]+standalone[\t\n\r ]*=[\t\n\r ]*["'](?:yes|no)["'])?[\t\n\r ]*\?>$/;
const LONGEST_DECLARATION = 200;
/** What is not a character of XML (1.0 §2.2); U+FEFF because TextDecoder drops it at the start of a text: two NameIDs would be one. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const NOT_A_CHARACTER = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufeff\ufffe\uffff]/u;
const REFERENCE = /&(?:amp|lt|gt|quot|apos|#([0-9]{1,7})|#x([0-9a-fA-F]{1,6}));/y;

const WHITE_SPACE = new Set([0x09, 0x0a, 0x0d, 0x20]);
const [QUOTE, APOSTROPHE, SLASH, LESS, GREATER] = [0x22, 0x27, 0x2f, 0x3c, 0x3e];

function wellFormed(expected: string, found: string): XmlFault {
  return { check: 'well-formed', expected, found };
}

/**
 * Looks for everything that must not reach a parser, in one pass whose cost is linear in the text, before anything is
 * parsed (R4, R5, R13). It is no parser: of a document that is well formed it finds every construct; what is not well
 * formed the parser refuses. Returns the first fault.
 */
export function findXmlFault(text: string, limits: XmlLimits): XmlFault | undefined {
  if (NOT_A_CHARACTER.test(text)) {
    return { check: 'encoding', expected: 'characters of XML, no U+FEFF', found: 'another character' };
  }
  return new XmlScanner(text, limits).run();
}

class XmlScanner {
  private at = 0;
  private depth = 0;
  private elements = 0;
  private attributes = 0;
  /** The first ampersand that was not looked at yet; kept so that none is searched for twice. */
  private ampersand: number;

  constructor(
    private readonly text: string,
    private readonly limits: XmlLimits,
  ) {
    this.ampersand = text.indexOf('&');
  }

  run(): XmlFault | undefined {
    const fault = this.declaration();
    if (fault !== undefined) return fault;
    for (;;) {
      const less = this.text.indexOf('<', this.at);
      const end = less === -1 ? this.text.length : less;
      const fault = this.characterData(end) ?? (less === -1 ? undefined : this.markup());
      if (fault !== undefined) return fault;
      if (less === -1) break;
    }
    if (this.elements === 0) return wellFormed('an element', 'none');
    return this.depth === 0 ? undefined : wellFormed('every element closed', `${this.depth} left open`);
  }

  /** XML 1.0 §2.8; only at the very start. */
  private declaration(): XmlFault | undefined {
    if (!this.text.startsWith('<?xml') || !WHITE_SPACE.has(this.text.charCodeAt(5))) return undefined;
    const end = this.text.slice(0, LONGEST_DECLARATION).indexOf('?>');
    const declaration = DECLARATION.exec(this.text.slice(0, end + 2));
    if (end === -1 || declaration === null) return wellFormed('a declaration of XML 1.0', 'another one');
    const encoding = declaration[1];
    if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8') {
      return { check: 'encoding', expected: 'UTF-8', found: encoding };
    }
    this.at = end + 2;
    return undefined;
  }

  /** Text up to `end`: outside the root element only white space. */
  private characterData(end: number): XmlFault | undefined {
    if (this.depth === 0) {
      for (let at = this.at; at < end; at++) {
        if (!WHITE_SPACE.has(this.text.charCodeAt(at))) return wellFormed('one element and nothing around it', 'text');
      }
    }
    const fault = this.references(end);
    this.at = end;
    return fault;
  }

  private markup(): XmlFault | undefined {
    const second = this.text.charAt(this.at + 1);
    if (second === '/') return this.endTag();
    if (second === '!') return this.declarationOrSection();
    if (second === '?') return this.annotation('processing-instruction', 'a processing instruction', '?>', 2);
    return this.startTag();
  }

  private declarationOrSection(): XmlFault | undefined {
    if (this.text.startsWith('<!--', this.at)) return this.annotation('comment', 'a comment', '-->', 4);
    if (this.text.startsWith('<![CDATA[', this.at)) {
      if (this.depth === 0) return wellFormed('one element and nothing around it', 'text');
      return this.annotation('cdata', 'a CDATA section', ']]>', 9);
    }
    return { check: 'doctype', expected: 'no DOCTYPE and no entity', found: 'a declaration' };
  }

  private annotation(check: CheckName, name: string, terminator: string, opening: number): XmlFault | undefined {
    if (this.limits.annotations === 'refused') return { check, expected: 'none', found: name };
    const end = this.text.indexOf(terminator, this.at + opening);
    if (end === -1) return wellFormed(`the end of ${name}`, 'the end of the text');
    this.at = end + terminator.length;
    // An ampersand in there refers to nothing.
    if (this.ampersand !== -1 && this.ampersand < this.at) this.ampersand = this.text.indexOf('&', this.at);
    return undefined;
  }

  private endTag(): XmlFault | undefined {
    const end = this.text.indexOf('>', this.at);
    if (end === -1 || this.depth === 0) return wellFormed('matching tags', 'an end tag too many');
    this.depth--;
    this.at = end + 1;
    return undefined;
  }

  private startTag(): XmlFault | undefined {
    if (this.depth === 0 && this.elements > 0) return wellFormed('one root element', 'another one');
    let own = 0;
    let end = this.at + 1;
    for (; ; end++) {
      const code = this.text.charCodeAt(end);
      if (code === GREATER) break;
      if (Number.isNaN(code) || code === LESS) return wellFormed('the end of a tag', 'none');
      if (code !== QUOTE && code !== APOSTROPHE) continue;
      own++;
      end = this.text.indexOf(code === QUOTE ? '"' : "'", end + 1);
      if (end === -1) return wellFormed('the end of an attribute', 'none');
    }
    const fault = this.references(end) ?? this.count(own);
    if (fault !== undefined) return fault;
    if (this.text.charCodeAt(end - 1) !== SLASH) this.depth++;
    this.at = end + 1;
    return undefined;
  }

  private count(own: number): XmlFault | undefined {
    const { depth, elements, attributes, attributesOfOneElement } = this.limits;
    this.elements++;
    this.attributes += own;
    if (this.depth + 1 > depth) return { check: 'depth', expected: `at most ${depth}`, found: 'more' };
    if (this.elements > elements) return { check: 'element-count', expected: `at most ${elements}`, found: 'more' };
    if (own > attributesOfOneElement) {
      return {
        check: 'attribute-count',
        expected: `at most ${attributesOfOneElement} in one element`,
        found: `${own}`,
      };
    }
    if (this.attributes > attributes)
      return { check: 'attribute-count', expected: `at most ${attributes}`, found: 'more' };
    return undefined;
  }

  /** Only the five entities that XML itself knows, and numbers of characters that may stand in the text as well. */
  private references(end: number): XmlFault | undefined {
    while (this.ampersand !== -1 && this.ampersand < end) {
      REFERENCE.lastIndex = this.ampersand;
      const found = REFERENCE.exec(this.text);
      if (found === null) return wellFormed("XML's own five entities", 'another one');
      const [, decimal, hexadecimal] = found;
      const number = decimal === undefined ? parseInt(hexadecimal ?? '20', 16) : Number(decimal);
      if (
        number > 0x10ffff ||
        (number >= 0xd800 && number <= 0xdfff) ||
        NOT_A_CHARACTER.test(String.fromCodePoint(number))
      ) {
        return {
          check: 'encoding',
          expected: 'characters of XML, no U+FEFF',
          found: 'a reference to another character',
        };
      }
      this.ampersand = this.text.indexOf('&', this.ampersand + 1);
    }
    return undefined;
  }
}
