/** What is inside an EncryptedAssertion obeys the same rules (R7), and how it is encrypted has its own (D53). */
import { encryptElement } from '../../harness/saml-idp-encryption.js';
import type { ContentEncryption, KeyTransport } from '../../harness/saml-idp-encryption.js';
import type { ResponseOptions } from '../../harness/saml-idp.js';
import { base64, rejecting, respond, type ResponseCase, type World } from './world.js';
import { clone, find, parseTree, serialise, setText, wrap, type XmlElement } from './xml-tree.js';

interface Encryption {
  readonly content?: ContentEncryption;
  readonly keyTransport?: KeyTransport;
}

function encrypted(encryption: Encryption, changes: Partial<ResponseOptions> = {}) {
  return (world: World) =>
    respond(world, { encrypt: { certificate: world.spKey.certificate, ...encryption }, ...changes });
}

/** Encrypts what a stranger made of an assertion: he knows our certificate as well as the IdP does. */
function reencrypted(edit: (assertion: string, world: World) => string, changes: Partial<ResponseOptions> = {}) {
  return (world: World) =>
    respond(world, {
      ...changes,
      edit: {
        signedAssertion: (xml) => encryptElement(edit(xml, world), { certificate: world.spKey.certificate }),
      },
    });
}

function afterEncryption(edit: (root: XmlElement, world: World) => void, changes: Partial<ResponseOptions> = {}) {
  return (world: World) => {
    const root = parseTree(encrypted({}, changes)(world));
    edit(root, world);
    return serialise(root);
  };
}

const algorithms = rejecting(['encryption-algorithm'], {
  'RSA 1.5 key transport': encrypted({ keyTransport: 'rsa-1_5' }),
  'RSA 1.5 key transport in a signed response': encrypted({ keyTransport: 'rsa-1_5' }, { sign: 'both' }),
  'AES-128-CBC': encrypted({ content: 'aes128-cbc' }),
  'AES-256-CBC in a signed response': encrypted({ content: 'aes256-cbc' }, { sign: 'both' }),
  'triple DES': encrypted({ content: 'tripledes-cbc' }),
  'triple DES in a signed response': encrypted({ content: 'tripledes-cbc' }, { sign: 'both' }),
  'unknown content encryption': afterEncryption((root) => {
    const method = find(find(root, 'EncryptedData'), 'EncryptionMethod');
    method.attributes = [['Algorithm', 'urn:none']];
  }),
  'no EncryptionMethod': afterEncryption((root) => {
    const data = find(root, 'EncryptedData');
    data.children = data.children.filter(
      (child) => typeof child !== 'string' && !child.name.endsWith('EncryptionMethod'),
    );
  }),
});

const legacy = [
  ...rejecting(['encryption-algorithm', 'signature-present'], {
    'AES-CBC allowed, but only the assertion is signed': encrypted({ content: 'aes128-cbc' }),
    'AES-CBC allowed, but nothing is signed': encrypted({ content: 'aes256-cbc' }, { sign: 'none' }),
  }),
  ...rejecting(['encryption-algorithm'], {
    'triple DES, AES-CBC being allowed': encrypted({ content: 'tripledes-cbc' }, { sign: 'response' }),
    'RSA 1.5, AES-CBC being allowed': encrypted(
      { content: 'aes128-cbc', keyTransport: 'rsa-1_5' },
      { sign: 'response' },
    ),
  }),
  ...rejecting(['signature-value', 'signature-shape'], {
    'AES-CBC allowed, response signed by an impostor': (world) =>
      encrypted({ content: 'aes128-cbc' }, { sign: 'response', signature: { key: world.impostor.signingKey } })(world),
  }),
  ...rejecting(['digest-value'], {
    'AES-CBC allowed, ciphertext changed under the signature of the response': (world) => {
      const root = parseTree(encrypted({ content: 'aes128-cbc' }, { sign: 'response' })(world));
      spoil(lastCipher(root));
      return serialise(root);
    },
  }),
].map((row): ResponseCase => ({ ...row, job: () => ({ legacyEncryption: true }) }));

const broken = rejecting(['decryption', 'encryption-algorithm'], {
  'encrypted for somebody else': (world) => respond(world, { encrypt: { certificate: world.strangerKey.certificate } }),
  'ciphertext changed': afterEncryption((root) => spoil(lastCipher(root))),
  'encrypted key changed': afterEncryption((root) => spoil(find(find(root, 'EncryptedKey'), 'CipherValue'))),
  'ciphertext cut to nothing': afterEncryption((root) => setText(lastCipher(root), 'AAAA')),
  'ciphertext is not base64': afterEncryption((root) => setText(lastCipher(root), '!!!!')),
  'ciphertext by reference': afterEncryption((root) => {
    const data = find(find(root, 'EncryptedData'), 'EncryptedKey');
    const cipher = find(data, 'CipherData');
    cipher.children = [wrap('xenc:CipherReference', [['URI', 'http://127.0.0.1:9/']])];
  }),
  'no CipherData': afterEncryption((root) => {
    const data = find(root, 'EncryptedData');
    data.children = data.children.filter((child) => typeof child !== 'string' && !child.name.endsWith('CipherData'));
  }),
});

function lastCipher(root: XmlElement): XmlElement {
  const data = find(root, 'EncryptedData').children.at(-1);
  if (data === undefined || typeof data === 'string') throw new Error('No CipherData.');
  return find(data, 'CipherValue');
}

function spoil(value: XmlElement): void {
  const octets = Buffer.from(String(value.children[0]), 'base64');
  octets[20] = (octets[20] ?? 0) ^ 1;
  setText(value, base64(octets));
}

const unsigned = rejecting(
  ['signature-present'],
  {
    'encrypted, and nobody signed': encrypted({}, { sign: 'none' }),
    'encrypted by a stranger, signature cut off': reencrypted((xml) => {
      const assertion = parseTree(xml);
      assertion.children = assertion.children.filter(
        (child) => typeof child !== 'string' && !child.name.endsWith('Signature'),
      );
      return serialise(assertion);
    }),
  },
  { rule: 'R7' },
);

const inside = [
  ...rejecting(['signature-value'], {
    'encrypted, signed by an impostor': (world) =>
      encrypted({}, { signature: { key: world.impostor.signingKey } })(world),
  }),
  ...rejecting(['digest-value'], {
    'encrypted again with another NameID': reencrypted((xml) => xml.replace('alice@corp.test<', 'mallory@corp.test<')),
  }),
  ...rejecting(['comment'], {
    'comment in NameID inside': reencrypted((xml) => xml.replace('alice@', 'alice<!-- -->@')),
  }),
  ...rejecting(['processing-instruction'], {
    'processing instruction in NameID inside': reencrypted((xml) => xml.replace('@corp.test<', '<?x @corp.test?><')),
  }),
  ...rejecting(['cdata'], {
    'CDATA in NameID inside': reencrypted((xml) => xml.replace('alice@corp.test<', '<![CDATA[alice@corp.test]]><')),
  }),
  ...rejecting(['doctype'], {
    'DOCTYPE inside': reencrypted((xml) => `<!DOCTYPE a [<!ENTITY e "x">]>${xml}`),
  }),
  ...rejecting(['depth'], {
    'depth bomb inside': reencrypted((xml) =>
      xml.replace('</saml:Assertion>', `${'<x>'.repeat(5000)}${'</x>'.repeat(5000)}</saml:Assertion>`),
    ),
  }),
  ...rejecting(['well-formed', 'one-assertion', 'decryption'], {
    'two assertions inside': reencrypted((xml) => `${xml}${xml.replace('alice@corp.test<', 'mallory@corp.test<')}`),
    'text inside': reencrypted(() => 'mallory'),
    'nothing inside': reencrypted(() => ' '),
    'text before the assertion inside': reencrypted((xml) => `x${xml}`),
  }),
  ...rejecting(['one-assertion', 'root-element', 'decryption', 'encryption-algorithm'], {
    'response inside': reencrypted((_, world) => respond(world)),
    'encrypted assertion inside an encrypted one': reencrypted((xml, world) =>
      encryptElement(xml, { certificate: world.spKey.certificate }),
    ),
    'two encrypted assertions': afterEncryption((root) => {
      root.children.push(clone(find(root, 'EncryptedAssertion')));
    }),
    'plain assertion beside the encrypted one': afterEncryption((root, world) => {
      root.children.push(find(parseTree(respond(world, { sign: 'none' })), 'Assertion'));
    }),
    'plain signed assertion before an encrypted forged one': (world) => {
      const root = parseTree(respond(world));
      const forged = respond(world, {
        sign: 'none',
        assertion: { nameId: 'mallory@corp.test' },
        encrypt: { certificate: world.spKey.certificate },
      });
      root.children.push(find(parseTree(forged), 'EncryptedAssertion'));
      return serialise(root);
    },
    'empty EncryptedAssertion': (world) =>
      respond(world, { sign: 'response', edit: { signedAssertion: () => '<saml:EncryptedAssertion/>' } }),
  }),
  ...rejecting(
    [
      'one-assertion',
      'unique-ids',
      'signature-position',
      'signature-shape',
      'signature-reference',
      'signature-present',
    ],
    {
      'xsw4 inside': reencrypted((xml) => {
        const signed = parseTree(xml);
        const evil = clone(signed);
        evil.children = evil.children.filter((child) => typeof child !== 'string' && !child.name.endsWith('Signature'));
        setText(find(evil, 'NameID'), 'mallory@corp.test');
        evil.attributes = evil.attributes.map(([name, value]) => [name, name === 'ID' ? '_evil' : value]);
        evil.children.push(signed);
        return serialise(evil);
      }),
    },
  ),
  ...rejecting(['unique-ids'], {
    'ID of the assertion inside on the response too': (world) => {
      const root = parseTree(encrypted({}, { assertion: { id: '_same', nameId: 'alice' } })(world));
      root.attributes = root.attributes.map(([name, value]) => [name, name === 'ID' ? '_same' : value]);
      return serialise(root);
    },
  }),
].map((row): ResponseCase => ({ ...row, rule: 'R7' }));

const plain = rejecting(['encryption-required'], {
  'plain assertion where encryption is demanded': (world) => respond(world),
  'plain assertion in a signed response where encryption is demanded': (world) => respond(world, { sign: 'both' }),
}).map((row): ResponseCase => ({ ...row, rules: { wantEncryptedAssertions: true } }));

export const encryptionCases: readonly ResponseCase[] = [
  ...algorithms,
  ...legacy,
  ...broken,
  ...unsigned,
  ...inside,
  ...plain,
];
