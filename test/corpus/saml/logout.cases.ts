/** Logout messages: signed on either binding, ours, young, and read from what was signed (R14, R15). */
import { createDeflateRaw, deflateRawSync } from 'node:zlib';
import { rawSignature } from '../../harness/saml-idp-signature.js';
import { after, EMAIL } from '../../harness/saml-idp-xml.js';
import type {
  LogoutRequestParts,
  LogoutResponseParts,
  PostLogoutOptions,
  RedirectOptions,
} from '../../harness/saml-idp.js';
import {
  ALICE,
  IDP,
  MAX_AGE_SECONDS,
  NOW,
  REQUEST_ID,
  SKEW_SECONDS,
  SLO,
  type Expected,
  type LogoutCase,
  type World,
} from './world.js';
import { find, parseTree, serialise } from './xml-tree.js';

const REQUEST: LogoutRequestParts = { now: NOW, destination: SLO, nameId: ALICE.nameId, sessionIndexes: ['session-1'] };
const RESPONSE: LogoutResponseParts = { now: NOW, destination: SLO, inResponseTo: REQUEST_ID };
const EVIL = 'mallory@corp.test';

type Make = LogoutCase['make'];

function cases(expected: Expected, rows: Readonly<Record<string, Make>>, more: Partial<LogoutCase> = {}): LogoutCase[] {
  return Object.entries(rows).map(([name, make]) => ({ kind: 'logout', name, expected, make, ...more }));
}

function posted(parts: Partial<LogoutRequestParts> = {}, options: PostLogoutOptions = {}): Make {
  return ({ idp }) => ({
    binding: 'post',
    parameter: 'SAMLRequest',
    value: idp.logoutRequestPost({ ...REQUEST, ...parts }, options).value,
  });
}

function redirected(parts: Partial<LogoutRequestParts> = {}, options: RedirectOptions = {}): Make {
  return ({ idp }) => ({
    binding: 'redirect',
    query: idp.logoutRequestRedirect({ ...REQUEST, ...parts }, options).query,
  });
}

function postedAnswer(parts: Partial<LogoutResponseParts> = {}, options: PostLogoutOptions = {}): Make {
  return ({ idp }) => ({
    binding: 'post',
    parameter: 'SAMLResponse',
    value: idp.logoutResponsePost({ ...RESPONSE, ...parts }, options).value,
  });
}

function redirectedAnswer(parts: Partial<LogoutResponseParts> = {}, options: RedirectOptions = {}): Make {
  return ({ idp }) => ({
    binding: 'redirect',
    query: idp.logoutResponseRedirect({ ...RESPONSE, ...parts }, options).query,
  });
}

const queryEdited = (edit: (query: string) => string) => redirected({}, { edit: { query: edit } });
const postEdited = (edit: (xml: string) => string) => posted({}, { edit: { afterSigning: edit } });

const good = cases('accepted', {
  'LogoutRequest by POST': posted(),
  'LogoutRequest by Redirect': redirected(),
  'LogoutRequest by Redirect with RelayState': redirected({}, { relayState: 'a b+c%26' }),
  'LogoutRequest by Redirect, RSA with SHA-512': redirected({}, { algorithm: 'rsa-sha512' }),
  'LogoutRequest by Redirect, ECDSA': ({ ecIdp }) => ({
    binding: 'redirect',
    query: ecIdp.logoutRequestRedirect(REQUEST).query,
  }),
  'LogoutRequest by POST, ECDSA': ({ ecIdp }) => ({
    binding: 'post',
    parameter: 'SAMLRequest',
    value: ecIdp.logoutRequestPost(REQUEST).value,
  }),
  'LogoutRequest by Redirect, lower-case percent-encoding': redirected(
    {},
    { edit: { signedText: (query) => query.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()) } },
  ),
  'LogoutRequest by Redirect with a parameter of no concern': queryEdited((query) => `${query}&other=1`),
  'LogoutRequest without NotOnOrAfter': posted({ notOnOrAfter: null }),
  'LogoutRequest without SessionIndex': redirected({ sessionIndexes: [] }),
  'LogoutRequest with three SessionIndexes': posted({ sessionIndexes: ['a', 'b', 'c'] }),
  'LogoutResponse by POST': postedAnswer(),
  'LogoutResponse by Redirect': redirectedAnswer(),
  'LogoutResponse of a partial logout': postedAnswer({
    status: ['urn:oasis:names:tc:SAML:2.0:status:Responder', 'urn:oasis:names:tc:SAML:2.0:status:PartialLogout'],
  }),
});

const unsigned = cases(
  ['signature-present', 'signature-shape'],
  {
    'unsigned LogoutRequest by POST': posted({}, { sign: 'none' }),
    'unsigned LogoutRequest by Redirect': redirected({}, { sign: 'none' }),
    'unsigned LogoutResponse by POST': postedAnswer({}, { sign: 'none' }),
    'unsigned LogoutResponse by Redirect': redirectedAnswer({}, { sign: 'none' }),
    'empty Signature': queryEdited((query) => query.replace(/Signature=.*$/, 'Signature=')),
    'Signature parameter without a value': queryEdited((query) => query.replace(/Signature=.*$/, 'Signature')),
    'no SigAlg': queryEdited((query) => query.replace(/&SigAlg=[^&]*/, '')),
    'empty SigAlg': queryEdited((query) => query.replace(/&SigAlg=[^&]*/, '&SigAlg=')),
    'enveloped signature only, by Redirect': ({ idp }) => {
      const { xml } = idp.logoutRequestPost(REQUEST);
      return {
        binding: 'redirect',
        query: `SAMLRequest=${encodeURIComponent(deflateRawSync(xml).toString('base64'))}`,
      };
    },
    'signature stripped from a POST': postEdited((xml) => {
      const root = parseTree(xml);
      root.children = root.children.filter((child) => typeof child === 'string' || !child.name.endsWith('Signature'));
      return serialise(root);
    }),
  },
  { rule: 'R15' },
);

const badSignatures = [
  ...cases(['signature-algorithm'], {
    'SHA-1 SigAlg': redirected({}, { algorithm: 'rsa-sha1' }),
    'SHA-1 signature by POST': posted({}, { signature: { algorithm: 'rsa-sha1' } }),
    'SHA-1 digest by POST': posted({}, { signature: { digest: 'sha1' } }),
    'HMAC as SigAlg': queryEdited((query) =>
      query.replace(
        /SigAlg=[^&]*/,
        `SigAlg=${encodeURIComponent('http://www.w3.org/2001/04/xmldsig-more#hmac-sha256')}`,
      ),
    ),
    'unknown SigAlg': queryEdited((query) => query.replace(/SigAlg=[^&]*/, 'SigAlg=none')),
  }),
  ...cases(['signature-value'], {
    'Redirect signed by an impostor': ({ impostor }) => ({
      binding: 'redirect',
      query: impostor.logoutRequestRedirect(REQUEST).query,
    }),
    'POST signed by an impostor': ({ impostor }) => ({
      binding: 'post',
      parameter: 'SAMLRequest',
      value: impostor.logoutRequestPost(REQUEST).value,
    }),
    'RelayState changed': (world) => {
      const { query } = world.idp.logoutRequestRedirect(REQUEST, { relayState: 'a' });
      return { binding: 'redirect', query: query.replace('RelayState=a', 'RelayState=b') };
    },
    'RelayState added': queryEdited((query) => query.replace('&SigAlg', '&RelayState=x&SigAlg')),
    'message of another query': ({ idp }) => {
      const genuine = idp.logoutRequestRedirect(REQUEST).query;
      const other = idp.logoutRequestRedirect({ ...REQUEST, nameId: EVIL }).query;
      return {
        binding: 'redirect',
        query: genuine.replace(/^SAMLRequest=[^&]*/, /^SAMLRequest=[^&]*/.exec(other)?.[0] ?? ''),
      };
    },
    'request passed off as a response': queryEdited((query) => query.replace('SAMLRequest=', 'SAMLResponse=')),
    'other percent-encoding than was signed': queryEdited((query) =>
      query.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    ),
    'Signature is not base64': queryEdited((query) => query.replace(/Signature=.*$/, 'Signature=!!!')),
  }),
  ...cases(['signature-reference'], {
    'POST with an empty reference': posted({}, { signature: { emptyUri: 'empty-uri' } }),
  }),
  ...cases(['digest-value'], {
    'NameID changed in a POST': postEdited((xml) => xml.replace('alice@', 'mallory@')),
    'SessionIndex removed from a POST': postEdited((xml) =>
      xml.replace(/<samlp:SessionIndex>.*<\/samlp:SessionIndex>/, ''),
    ),
  }),
  ...cases(['signature-position', 'signature-present', 'signature-shape', 'unique-ids', 'signature-reference'], {
    'signed LogoutRequest inside a changed one': postEdited((xml) => {
      const outer = parseTree(xml);
      outer.children = outer.children.filter((child) => typeof child === 'string' || !child.name.endsWith('Signature'));
      find(outer, 'NameID').children = [EVIL];
      outer.attributes = outer.attributes.map(([name, value]) => [name, name === 'ID' ? '_evil' : value]);
      outer.children.push(parseTree(xml));
      return serialise(outer);
    }),
    'signed LogoutRequest in the signature of a changed one': postEdited((xml) => {
      const outer = parseTree(xml);
      const original = parseTree(xml);
      original.children = original.children.filter(
        (child) => typeof child === 'string' || !child.name.endsWith('Signature'),
      );
      find(outer, 'NameID').children = [EVIL];
      outer.attributes = outer.attributes.map(([name, value]) => [name, name === 'ID' ? '_evil' : value]);
      find(outer, 'Signature').children.push(original);
      return serialise(outer);
    }),
  }),
].map((row): LogoutCase => ({ ...row, rule: 'R15' }));

const tricks = [
  ...cases(['processing-instruction'], {
    'tail of NameID turned into a processing instruction, by POST': posted(
      { nameId: { value: 'alice@corp.test.evil.test', format: EMAIL } },
      { edit: { afterSigning: (xml) => xml.replace('.evil.test<', '<?x .evil.test?><') } },
    ),
    'SessionIndex turned into a processing instruction, by POST': postEdited((xml) =>
      xml.replace('>session-1<', '><?x session-1?><'),
    ),
  }),
  ...cases(['comment'], {
    'comment in NameID, by POST': postEdited((xml) => xml.replace('alice@', 'alice<!-- -->@')),
    'comment in NameID, by Redirect': redirected(
      {},
      { edit: { xml: (xml) => xml.replace('alice@', 'alice<!-- -->@') } },
    ),
  }),
  ...cases(['doctype'], {
    'DOCTYPE by POST': postEdited((xml) => `<!DOCTYPE r>${xml}`),
    'DOCTYPE by Redirect': redirected({}, { edit: { xml: (xml) => `<!DOCTYPE r [<!ENTITY e "x">]>${xml}` } }),
  }),
  ...cases(['repeated-parameter', 'encoding', 'signature-value'], {
    'SAMLRequest twice, unsigned last': repeated((query, evil) => `${query}&SAMLRequest=${evil}`),
    'SAMLRequest twice, unsigned first': repeated((query, evil) => `SAMLRequest=${evil}&${query}`),
    'SAMLRequest and %53AMLRequest': repeated((query, evil) => `${query}&%53AMLRequest=${evil}`),
    '%53AMLRequest before SAMLRequest': repeated((query, evil) => `%53AMLRequest=${evil}&${query}`),
    'SAMLRequest in brackets too': repeated((query, evil) => `${query}&SAMLRequest=${evil}&SAMLRequest[]=${evil}`),
    'SAMLRequest and SAMLResponse': repeated((query, evil) => `${query}&SAMLResponse=${evil}`),
    'Signature twice': queryEdited((query) => `${query}&Signature=AAAA`),
    'SigAlg twice': queryEdited((query) => `${query}&SigAlg=none`),
    'RelayState twice': queryEdited((query) => `RelayState=a&RelayState=b&${query}`),
  }),
  ...cases(['encoding'], {
    'SAMLEncoding of another kind': queryEdited((query) => `${query}&SAMLEncoding=urn:other`),
    'query without a message': queryEdited(() => 'x=1'),
    'empty query': queryEdited(() => ''),
    'not deflated': resigned((xml) => Buffer.from(xml)),
    'garbage instead of DEFLATE': resigned(() => Buffer.from('x')),
  }),
];

/** A second, unsigned message beside the signed one. */
function repeated(edit: (query: string, evil: string) => string): Make {
  return ({ idp }) => {
    const { query } = idp.logoutRequestRedirect(REQUEST);
    const { xml } = idp.logoutRequestRedirect({ ...REQUEST, nameId: EVIL });
    return { binding: 'redirect', query: edit(query, encodeURIComponent(deflateRawSync(xml).toString('base64'))) };
  };
}

/** A query signed by the IdP itself over any octets. */
function resigned(octetsOf: (xml: string) => Buffer): Make {
  return ({ idp }) => {
    const { xml } = idp.logoutRequestRedirect(REQUEST);
    const algorithm = encodeURIComponent('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256');
    const query = `SAMLRequest=${encodeURIComponent(octetsOf(xml).toString('base64'))}&SigAlg=${algorithm}`;
    const signature = rawSignature('rsa-sha256', idp.signingKey.privateKey, query).toString('base64');
    return { binding: 'redirect', query: `${query}&Signature=${encodeURIComponent(signature)}` };
  };
}

const meaning = [
  ...cases(['issuer'], {
    'LogoutRequest of a foreign issuer, by POST': posted({ issuer: 'https://evil.test' }),
    'LogoutRequest of a foreign issuer, by Redirect': redirected({ issuer: 'https://evil.test' }),
    'LogoutRequest without issuer': redirected({ issuer: null }),
    'LogoutResponse of a foreign issuer': postedAnswer({ issuer: 'https://evil.test' }),
  }),
  ...cases(['destination'], {
    'LogoutRequest for somebody else, by POST': posted({ destination: 'https://other.test/slo' }),
    'LogoutRequest for somebody else, by Redirect': redirected({ destination: `${SLO}/` }),
    'LogoutRequest without destination': redirected({ destination: null }),
    'LogoutResponse for somebody else': redirectedAnswer({ destination: IDP }),
  }),
  ...cases(['in-response-to'], {
    'LogoutResponse to nothing': postedAnswer({ inResponseTo: null }),
    'LogoutResponse to another request': redirectedAnswer({ inResponseTo: '_other' }),
  }),
  ...cases(['version'], { 'LogoutRequest of version 1.1': posted({ version: '1.1' }) }),
  ...cases(['name-id'], {
    'LogoutRequest without NameID': posted({ nameId: null }),
    'LogoutRequest with two NameIDs': redirected({ nameId: [{ value: 'a' }, { value: 'b' }] }),
    'LogoutRequest with an empty NameID': redirected({ nameId: '' }),
  }),
  ...cases(['unique-ids'], { 'LogoutRequest without ID': redirected({ id: null }) }),
  ...cases(['root-element'], {
    'LogoutResponse in the parameter SAMLRequest': ({ idp }) => ({
      binding: 'post',
      parameter: 'SAMLRequest',
      value: idp.logoutResponsePost(RESPONSE).value,
    }),
    'LogoutRequest in the parameter SAMLResponse': ({ idp }) => ({
      binding: 'post',
      parameter: 'SAMLResponse',
      value: idp.logoutRequestPost(REQUEST).value,
    }),
  }),
];

const expired = [
  ...cases(['not-on-or-after'], {
    'LogoutRequest expired, by POST': posted({ notOnOrAfter: after(NOW, -SKEW_SECONDS - 1) }),
    'LogoutRequest expired, by Redirect': redirected({ notOnOrAfter: after(NOW, -SKEW_SECONDS - 1) }),
    'LogoutRequest with a NotOnOrAfter that is no time': redirected({ notOnOrAfter: 'never' }),
  }),
  ...cases(['issue-instant'], {
    'LogoutRequest a month old without NotOnOrAfter': redirected({
      issueInstant: after(NOW, -30 * 86_400),
      notOnOrAfter: null,
    }),
    'LogoutRequest too old': posted({ issueInstant: after(NOW, -MAX_AGE_SECONDS - SKEW_SECONDS - 1) }),
    'LogoutRequest from the future': posted({ issueInstant: after(NOW, SKEW_SECONDS + 1) }),
    'LogoutResponse a month old': postedAnswer({ issueInstant: after(NOW, -30 * 86_400) }),
  }),
].map((row): LogoutCase => ({ ...row, rule: 'R14' }));

/** Stands for `bytes` zeros: deflated once, in a stream, for it would not fit twice. */
export async function deflatedZeros(bytes: number): Promise<Buffer> {
  const deflate = createDeflateRaw({ level: 9 });
  const parts: Buffer[] = [];
  deflate.on('data', (part: Buffer) => parts.push(part));
  const done = new Promise<void>((resolve, reject) => deflate.once('end', resolve).once('error', reject));
  const megabyte = Buffer.alloc(1024 * 1024, ' ');
  for (let written = 0; written < bytes; written += megabyte.length) {
    if (!deflate.write(megabyte)) await new Promise((resolve) => deflate.once('drain', resolve));
  }
  deflate.end();
  await done;
  return Buffer.concat(parts);
}

export function bombCases(bombs: Readonly<Record<string, Buffer>>): LogoutCase[] {
  return Object.entries(bombs).map(([name, bomb]) => ({
    kind: 'logout',
    name: `deflate bomb of ${name}, rightly signed`,
    rule: 'R13',
    expected: ['size'],
    make: resigned(() => bomb),
  }));
}

const big = cases(
  ['size'],
  {
    'LogoutRequest of 300 KiB by POST': postEdited((xml) => xml + ' '.repeat(300 * 1024)),
    'LogoutRequest of 300 KiB by Redirect': redirected({}, { edit: { xml: (xml) => xml + ' '.repeat(300 * 1024) } }),
    'query of 1 MiB': queryEdited((query) => `${query}&x=${'x'.repeat(1024 * 1024)}`),
  },
  { rule: 'R13' },
);

export const logoutCases: readonly LogoutCase[] = [
  ...good,
  ...unsigned,
  ...badSignatures,
  ...tricks,
  ...meaning,
  ...expired,
  ...big,
];

/** Of the XML of a posted message, for other judges of signatures. */
export function postedXml(world: World, row: LogoutCase): string | undefined {
  const message = row.make(world);
  return message.binding === 'post' ? Buffer.from(message.value, 'base64').toString() : undefined;
}
