/** What XML allows and SAML never needs: entities, comments, instructions, other encodings, too much of everything (R4, R5, R13). */
import { gzipSync, deflateRawSync } from 'node:zlib';
import { SAML } from '../../harness/saml-idp-xml.js';
import { base64, rejecting, respond, type ResponseCase, type World } from './world.js';
import { attributeOf, find, parseTree, serialise, setAttribute, wrap, type XmlElement } from './xml-tree.js';

const NAME = '>alice@corp.test</saml:NameID>';

/** Changes the text of a message after it was signed. */
function text(edit: (xml: string, world: World) => string) {
  return (world: World) => edit(respond(world), world);
}

/** A message for somebody whose name, cut short, is Alice's. */
function forLongName(edit: (xml: string) => string) {
  return (world: World) => edit(respond(world, { assertion: { nameId: 'alice@corp.test.evil.test' } }));
}

const doctypes = rejecting(
  ['doctype'],
  {
    'plain DOCTYPE': text((xml) => `<!DOCTYPE samlp:Response>${xml}`),
    'DOCTYPE after the XML declaration': text((xml) => `<?xml version="1.0"?>\n<!DOCTYPE samlp:Response>${xml}`),
    'external DOCTYPE': text((xml) => `<!DOCTYPE r SYSTEM "file:///etc/hostname">${xml}`),
    'external DOCTYPE over HTTP': text((xml) => `<!DOCTYPE r PUBLIC "x" "http://127.0.0.1:9/x.dtd">${xml}`),
    'parameter entity': text((xml) => `<!DOCTYPE r [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>${xml}`),
    'entity in NameID': text(
      (xml) => `<!DOCTYPE r [<!ENTITY e "mallory@corp.test">]>${xml.replace(NAME, '>&e;</saml:NameID>')}`,
    ),
    'external entity in NameID': text(
      (xml) => `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/hostname">]>${xml.replace(NAME, '>&e;</saml:NameID>')}`,
    ),
    'empty entity inside NameID': text((xml) => `<!DOCTYPE r [<!ENTITY e "">]>${xml.replace('alice@', 'alice&e;@')}`),
    'billion laughs': text((xml) => {
      const lines = Array.from({ length: 9 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`);
      return `<!DOCTYPE r [<!ENTITY l0 "lol">${lines.join('')}]>${xml.replace(NAME, '>&l9;</saml:NameID>')}`;
    }),
    'attribute default from a DOCTYPE': text((xml) => `<!DOCTYPE r [<!ATTLIST saml:Assertion evil CDATA "x">]>${xml}`),
    'ID type from a DOCTYPE': text((xml) => `<!DOCTYPE r [<!ATTLIST saml:NameID Format ID #IMPLIED>]>${xml}`),
  },
  { rule: 'R5' },
);

const entities = rejecting(
  ['well-formed', 'doctype', 'encoding'],
  {
    'entity that nobody declared': text((xml) => xml.replace(NAME, '>&evil;</saml:NameID>')),
    'HTML entity': text((xml) => xml.replace('alice@', 'alice&nbsp;@')),
    'character reference to NUL': text((xml) => xml.replace('alice@', 'alice&#0;@')),
    'character reference to a surrogate': text((xml) => xml.replace('alice@', 'alice&#xD800;@')),
    'DOCTYPE in small letters': text((xml) => `<!doctype r>${xml}`),
    'DOCTYPE after the root': text((xml) => `${xml}<!DOCTYPE r>`),
  },
  { rule: 'R4' },
);

const comments = rejecting(
  ['comment'],
  {
    'comment in NameID': forLongName((xml) => xml.replace('corp.test.evil', 'corp.test<!---->.evil')),
    'comment around the tail of NameID': forLongName((xml) => xml.replace('.evil.test<', '<!--.evil.test--><')),
    'comment in an AttributeValue': text((xml) => xml.replace('>staff<', '>st<!-- -->aff<')),
    'comment in an Issuer': text((xml) =>
      xml.replaceAll('https://idp.test/metadata<', 'https://idp.test<!-- -->/metadata<'),
    ),
    'comment in an Audience': text((xml) =>
      xml.replace('https://sp.test/saml/corp/metadata<', 'https://sp.test/saml/corp/metadata<!-- --><'),
    ),
    'comment in SignatureValue': text((xml) => xml.replace('</ds:SignatureValue>', '<!-- --></ds:SignatureValue>')),
    'comment before the root': text((xml) => `<!-- -->${xml}`),
    'comment after the root': text((xml) => `${xml}<!-- -->`),
    'comment between elements': text((xml) => xml.replace('<samlp:Status>', '<!-- --><samlp:Status>')),
  },
  { rule: 'R4' },
);

const instructions = rejecting(
  ['processing-instruction'],
  {
    'tail of NameID turned into a processing instruction': forLongName((xml) =>
      xml.replace('.evil.test<', '<?x .evil.test?><'),
    ),
    'processing instruction in the middle of NameID': text((xml) => xml.replace('alice@', 'alice<?x?>@')),
    'processing instruction in an AttributeValue': text((xml) => xml.replace('>staff<', '>st<?x aff?><')),
    'style sheet before the root': text((xml) => `<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>${xml}`),
    'processing instruction after the root': text((xml) => `${xml}<?x?>`),
  },
  { rule: 'R4' },
);

const cdata = rejecting(
  ['cdata'],
  {
    'CDATA in NameID': text((xml) => xml.replace(NAME, '><![CDATA[alice@corp.test]]></saml:NameID>')),
    'CDATA for the tail of NameID': forLongName((xml) => xml.replace('.evil.test<', '<![CDATA[.evil.test]]><')),
    'CDATA in an AttributeValue': text((xml) => xml.replace('>staff<', '><![CDATA[staff]]><')),
  },
  { rule: 'R4' },
);

const encodings = rejecting(
  ['encoding', 'well-formed'],
  {
    'declaration that claims UTF-16': text((xml) => `<?xml version="1.0" encoding="UTF-16"?>${xml}`),
    'declaration that claims ISO-8859-1': text((xml) => `<?xml version="1.0" encoding="ISO-8859-1"?>${xml}`),
    'declaration that claims UTF-7': text((xml) => `<?xml version="1.0" encoding="UTF-7"?>${xml}`),
    'XML 1.1': text((xml) => `<?xml version="1.1"?>${xml}`),
  },
  { rule: 'R4' },
);

const bytes: readonly ResponseCase[] = rejecting(['encoding', 'well-formed'], {}).concat(
  raw('UTF-16 with a byte order mark', (xml) =>
    Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(xml, 'utf16le')]),
  ),
  raw('UTF-16 without one', (xml) => Buffer.from(xml, 'utf16le')),
  raw('bytes that are not UTF-8', (xml) => Buffer.from(xml.replace('alice@', 'alice\xff@'), 'latin1')),
  raw('overlong UTF-8', (xml) => split(xml, Buffer.from([0xc0, 0xbc]))),
  raw('a surrogate in UTF-8', (xml) => split(xml, Buffer.from([0xed, 0xa0, 0x80]))),
  raw('NUL in NameID', (xml) => Buffer.from(xml.replace('alice@', 'alice\0@'))),
  raw('NUL and more after the root', (xml) => Buffer.from(`${xml}\0<evil/>`)),
  raw('control character in NameID', (xml) => Buffer.from(xml.replace('alice@', 'alice\x08@'))),
  raw('deflated instead of plain', (xml) => deflateRawSync(xml)),
  raw('gzip', (xml) => gzipSync(xml)),
  raw('JSON', () => Buffer.from('{"user":"mallory"}')),
  field('nothing', () => ''),
  field('white space', () => ' \r\n '),
  field('base64 with other characters in it', (value) => `${value.slice(0, 100)}!*${value.slice(100)}`),
  field('base64 followed by something', (value) => `${value}====PHg+`),
  field('base64 with a bad length', (value) => value.slice(0, -(value.length % 4) - 1)),
  field('base64url', (value) => value.replace('A', '-').replace('B', '_')),
  field('percent-encoded once more', (value) => encodeURIComponent(value.replace(/A/g, '+'))),
  field('raw XML', (value) => Buffer.from(value, 'base64').toString()),
);

function split(xml: string, middle: Buffer): Buffer {
  const at = xml.indexOf('@corp');
  return Buffer.concat([Buffer.from(xml.slice(0, at)), middle, Buffer.from(xml.slice(at))]);
}

function raw(name: string, make: (xml: string) => Buffer): ResponseCase {
  return {
    kind: 'response',
    name,
    expected: ['encoding', 'well-formed'],
    make: (world) => base64(make(respond(world))),
  };
}

function field(name: string, make: (value: string) => string): ResponseCase {
  return {
    kind: 'response',
    name: `field: ${name}`,
    expected: ['encoding'],
    make: (world) => make(base64(respond(world))),
  };
}

const malformed = rejecting(
  ['well-formed', 'processing-instruction'],
  {
    'text before the root': text((xml) => `x${xml}`),
    'text after the root': text((xml) => `${xml}x`),
    'second root': text((xml) => `${xml}${xml}`),
    'tag left open': text((xml) => xml.replace('</samlp:Response>', '')),
    'end tag of another name': text((xml) => xml.replace('</saml:NameID>', '</saml:NameIDx>')),
    'attribute twice': text((xml) => xml.replace(' Version="2.0"', ' Version="2.0" Version="2.0"')),
    'prefix without a namespace': text((xml) =>
      xml.replace('<samlp:Status>', '<evil:Status>').replace('</samlp:Status>', '</evil:Status>'),
    ),
    'prefix unbound': text((xml) => xml.replace('<samlp:Status>', '<samlp:Status xmlns:saml="">')),
    'attribute without quotes': text((xml) => xml.replace(' Version="2.0"', ' Version=2.0')),
    'less-than in an attribute': text((xml) => xml.replace(' Version="2.0"', ' Version="<"')),
    'XML declaration after white space': text((xml) => ` <?xml version="1.0"?>${xml}`),
  },
  { rule: 'R4' },
);

const roots = rejecting(
  ['root-element'],
  {
    'root in a foreign namespace': (world) =>
      respond(world).replace('xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"', 'xmlns:samlp="urn:foreign"'),
    'root of SAML 1.1': (world) =>
      respond(world).replace('urn:oasis:names:tc:SAML:2.0:protocol', 'urn:oasis:names:tc:SAML:1.0:protocol'),
    'assertion as root': (world) => serialise(find(parseTree(respond(world)), 'Assertion')),
    'another message as root': (world) => respond(world).replaceAll('samlp:Response', 'samlp:LogoutResponse'),
    'response inside another element': (world) => `<Envelope>${respond(world)}</Envelope>`,
    'response inside an ArtifactResponse': (world) =>
      `<samlp:ArtifactResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">${respond(world)}</samlp:ArtifactResponse>`,
  },
  { rule: 'R4' },
);

const assertionNamespace = rejecting(
  ['one-assertion', 'signature-present', 'signature-position'],
  {
    'assertion in a foreign namespace': (world) =>
      respond(world, { edit: { assertion: (xml) => xml.replace(SAML, 'urn:foreign') } }),
    'assertion in a foreign namespace, response signed': (world) =>
      respond(world, { sign: 'response', edit: { assertion: (xml) => xml.replace(SAML, 'urn:foreign') } }),
    'assertion without namespace': (world) =>
      respond(world, {
        sign: 'response',
        edit: { assertion: (xml) => xml.replace(`xmlns:saml="${SAML}"`, '').replaceAll('saml:', '') },
      }),
  },
  { rule: 'R4' },
);

const ids = rejecting(
  ['unique-ids'],
  {
    'ID of the assertion on the response too': withDouble((root) => {
      setAttribute(root, 'ID', attributeOf(find(root, 'Assertion'), 'ID'));
    }),
    'ID of the assertion on an element before it': withDouble((root) => {
      const id = attributeOf(find(root, 'Assertion'), 'ID');
      root.children.unshift(wrap('samlp:Extensions', [], wrap('x', [['ID', id]], 'evil')));
    }),
    'ID of the assertion as Id of another element': withDouble((root) => {
      const id = attributeOf(find(root, 'Assertion'), 'ID');
      root.children.splice(1, 0, wrap('samlp:Extensions', [], wrap('x', [['Id', id]], 'evil')));
    }),
    'ID of the assertion as id of another element': withDouble((root) => {
      const id = attributeOf(find(root, 'Assertion'), 'ID');
      root.children.splice(1, 0, wrap('samlp:Extensions', [], wrap('x', [['id', id]], 'evil')));
    }),
    'ID of the assertion as xml:id of another element': withDouble((root) => {
      const id = attributeOf(find(root, 'Assertion'), 'ID');
      root.children.splice(1, 0, wrap('samlp:Extensions', [], wrap('x', [['xml:id', id]], 'evil')));
    }),
  },
  { rule: 'R6' },
);

function withDouble(edit: (root: XmlElement) => void) {
  return (world: World) => {
    const root = parseTree(respond(world));
    edit(root);
    return serialise(root);
  };
}

const relative = rejecting(
  ['signature-shape', 'well-formed', 'digest-value', 'signature-value'],
  {
    'relative namespace URI in the assertion': (world) =>
      respond(world, {
        edit: { assertion: (xml) => xml.replace('<saml:Subject>', '<saml:Subject xmlns:x="1" x:y="z">') },
      }),
    'relative namespace URI in SignedInfo': text((xml) =>
      xml.replace('<ds:SignedInfo>', '<ds:SignedInfo xmlns:x="1" x:y="z">'),
    ),
  },
  { rule: 'R4' },
);

function padded(filler: string) {
  return text((xml) => xml.replace('<samlp:Status>', `<samlp:Extensions>${filler}</samlp:Extensions><samlp:Status>`));
}

const floods = [
  ...rejecting(['size'], {
    '300 KiB of text': padded('x'.repeat(300 * 1024)),
    '300 KiB in one attribute': padded(`<x a="${'x'.repeat(300 * 1024)}"/>`),
    '300 KiB of white space after the root': text((xml) => xml + ' '.repeat(300 * 1024)),
    '20 MiB': padded('x'.repeat(20 * 1024 * 1024)),
    '50,000 attributes': padded(`<x ${Array.from({ length: 50_000 }, (_, at) => `a${at}=""`).join(' ')}/>`),
  }),
  ...rejecting(['depth'], {
    '10,000 elements inside each other': padded('<x>'.repeat(10_000) + '</x>'.repeat(10_000)),
    '40,000 elements that never end': padded('<x>'.repeat(40_000)),
  }),
  ...rejecting(['element-count'], { '40,000 elements': padded('<x/>'.repeat(40_000)) }),
  ...rejecting(['attribute-count'], {
    '20,000 attributes of one element': padded(
      `<x ${Array.from({ length: 20_000 }, (_, at) => `a${at}=""`).join(' ')}/>`,
    ),
    '12,000 attributes of 600 elements': padded(
      `<x ${Array.from({ length: 20 }, (_, at) => `a${at}=""`).join(' ')}/>`.repeat(600),
    ),
    '5,000 namespace declarations': padded(
      `<x ${Array.from({ length: 5_000 }, (_, at) => `xmlns:a${at}="u"`).join(' ')}/>`,
    ),
  }),
].map((row): ResponseCase => ({ ...row, rule: 'R13' }));

export const xmlCases: readonly ResponseCase[] = [
  ...doctypes,
  ...entities,
  ...comments,
  ...instructions,
  ...cdata,
  ...encodings,
  ...bytes,
  ...malformed,
  ...roots,
  ...assertionNamespace,
  ...ids,
  ...relative,
  ...floods,
];
