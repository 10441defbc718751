/** A changed copy of a message. `same`: canonical XML (exclusive, 1.0) takes the two for one. */
export interface Mutant {
  readonly what: string;
  readonly same: boolean;
  readonly xml: string;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Changes a message in every place of each kind: attribute values, texts, elements, and the spellings that mean the same.
 * Works on the text of any well-formed message without comments, processing instructions and CDATA.
 */
export function mutantsOf(xml: string): Mutant[] {
  const tags = [...xml.matchAll(/<[A-Za-z][^>]*>/g)].map((tag) => ({ text: tag[0], start: tag.index }));
  return [
    ...tags.flatMap((tag) => attributeMutants(xml, tag)),
    ...tags.flatMap((tag) => tagMutants(xml, tag)),
    ...textSpans(xml).flatMap((span) => textMutants(xml, span)),
    ...elementSpans(xml).flatMap((span) => elementMutants(xml, span)),
  ].filter((mutant) => mutant.xml !== xml);
}

const splice = (xml: string, { start, end }: Span, by: string): string => xml.slice(0, start) + by + xml.slice(end);
const context = (xml: string, at: number): string => JSON.stringify(xml.slice(at, at + 40));

function attributeMutants(xml: string, tag: { text: string; start: number }): Mutant[] {
  return [...tag.text.matchAll(/\s([\w:]+)="([^"]*)"/g)].flatMap((found) => {
    const [whole, name = '', value = ''] = found;
    const span = { start: tag.start + found.index, end: tag.start + found.index + whole.length };
    const at = `${name} of ${context(xml, tag.start)}`;
    const [first = 'x', rest = ''] = [value.slice(0, 1), value.slice(1)];
    return [
      { what: `change ${at}`, same: false, xml: splice(xml, span, ` ${name}="${first === 'Q' ? 'R' : 'Q'}${rest}"`) },
      { what: `remove ${at}`, same: false, xml: splice(xml, span, '') },
      { what: `single quotes for ${at}`, same: true, xml: splice(xml, span, ` ${name}='${value}'`) },
      { what: `white space around ${at}`, same: true, xml: splice(xml, span, `\n  ${name} = "${value}"`) },
      {
        what: `character reference in ${at}`,
        same: !name.startsWith('xmlns') || value !== '',
        xml: splice(xml, span, ` ${name}="${value === '' ? '' : `&#${first.codePointAt(0)};`}${rest}"`),
      },
    ];
  });
}

function tagMutants(xml: string, { text, start }: { text: string; start: number }): Mutant[] {
  const at = context(xml, start);
  const span = { start, end: start + text.length };
  const name = /^<([\w:.-]+)/.exec(text)?.[1] ?? '';
  const close = text.endsWith('/>') ? '/>' : '>';
  const body = text.slice(0, -close.length);
  return [
    { what: `unused prefix at ${at}`, same: true, xml: splice(xml, span, `${body} xmlns:unused="urn:unused"${close}`) },
    { what: `new attribute at ${at}`, same: false, xml: splice(xml, span, `${body} extra="1"${close}`) },
    { what: `comment after ${at}`, same: close === '>', xml: splice(xml, span, `${text}<!---->`) },
    { what: `processing instruction after ${at}`, same: false, xml: splice(xml, span, `${text}<?x y?>`) },
    ...(close === '/>'
      ? [{ what: `both tags for ${at}`, same: true, xml: splice(xml, span, `${body.trimEnd()}></${name}>`) }]
      : []),
  ];
}

function textMutants(xml: string, span: Span): Mutant[] {
  const text = xml.slice(span.start, span.end);
  const at = context(xml, span.start);
  const middle = Math.floor(text.length / 2);
  // A place between two letters, so that no character reference is cut.
  const cut = (between: string): string => splice(xml, span, text.slice(0, middle) + between + text.slice(middle));
  if (text.includes('&')) return [];
  const character = text.codePointAt(middle) ?? 0;
  const mutants = [
    { what: `longer text ${at}`, same: false, xml: splice(xml, span, `${text}x`) },
    { what: `comment in ${at}`, same: true, xml: cut('<!-- -->') },
    { what: `processing instruction in ${at}`, same: false, xml: cut('<?x y?>') },
    { what: `CDATA for ${at}`, same: true, xml: splice(xml, span, `<![CDATA[${text}]]>`) },
    {
      what: `character reference in ${at}`,
      same: true,
      xml: splice(
        xml,
        span,
        `${text.slice(0, middle)}&#${character};${text.slice(middle + (character > 0xffff ? 2 : 1))}`,
      ),
    },
  ];
  return text.trim() === '' ? mutants.slice(0, 1) : mutants;
}

function elementMutants(xml: string, span: Span): Mutant[] {
  const text = xml.slice(span.start, span.end);
  const at = context(xml, span.start);
  const twice = /\sI[dD]="/.test(text) ? text.replaceAll(/(\sI[dD]=")/g, '$1copy') : text;
  return [
    { what: `without ${at}`, same: false, xml: splice(xml, span, '') },
    { what: `twice ${at}`, same: false, xml: splice(xml, span, text + text) },
    { what: `copy with other ids before ${at}`, same: false, xml: splice(xml, span, twice + text) },
  ];
}

/** Texts between tags. */
function textSpans(xml: string): Span[] {
  return [...xml.matchAll(/>([^<]+)</g)]
    .map((found) => ({
      start: found.index + 1,
      end: found.index + 1 + (found[1] ?? '').length,
    }))
    .filter(({ end }) => end < xml.length - 1);
}

/** Every element but the root. */
function elementSpans(xml: string): Span[] {
  const open: number[] = [];
  const spans: Span[] = [];
  for (const tag of xml.matchAll(/<(\/?)[A-Za-z][^>]*?(\/?)>/g)) {
    const end = tag.index + tag[0].length;
    if (tag[2] === '/') spans.push({ start: tag.index, end });
    else if (tag[1] !== '/') open.push(tag.index);
    else spans.push({ start: open.pop() ?? 0, end });
  }
  return spans.slice(0, -1);
}
