import { makeIdpKey } from '../../../../test/harness/saml-idp.js';
import { ResponseBench } from './response-bench.spec-support.js';

let t: ResponseBench;

beforeAll(async () => {
  t = await ResponseBench.open();
});
afterAll(() => t.close());

describe('R7', () => {
  const encrypt = () => ({ encrypt: { certificate: t.sp.certificate } });

  it('refuses an encrypted assertion that nobody signed', async () => {
    expect(await t.checkOf(t.respond({ sign: 'none', ...encrypt() }))).toBe('signature-present');
    expect(await t.checkOf(t.respond({ sign: 'none' }))).toBe('signature-present');
  });

  it('refuses an encrypted assertion with a bad signature', async () => {
    const foreign = { key: await makeIdpKey({ type: 'rsa' }) };
    expect(await t.checkOf(t.respond({ signature: foreign, ...encrypt() }))).toBe('signature-value');
    const changed = { signedAssertion: (xml: string) => xml.replace('user-1', 'user-2') };
    expect(await t.checkOf(t.respond({ edit: changed, ...encrypt() }))).toBe('digest-value');
    expect(await t.checkOf(t.respond({ sign: 'both', edit: changed, ...encrypt() }))).toBe('digest-value');
  });

  it('applies guard, uniqueness and shape to what was encrypted', async () => {
    const inside = (edit: (xml: string) => string) =>
      t.checkOf(t.respond({ edit: { signedAssertion: edit }, ...encrypt() }));
    expect(await inside((xml) => xml.replace('user-1', 'us<!---->er-1'))).toBe('comment');
    expect(await inside((xml) => `<!DOCTYPE x>${xml}`)).toBe('doctype');
    expect(await inside((xml) => xml.replace('<saml:Subject>', '<saml:Subject ID="_a"><x ID="_a"/>'))).toBe(
      'unique-ids',
    );
    expect(await inside((xml) => xml.replace('<saml:Subject>', '$&<saml:Assertion/>'))).toBe('one-assertion');
    expect(await inside(() => '<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>')).toBe(
      'root-element',
    );
    expect(await inside((xml) => xml + xml)).toBe('well-formed');
  });

  it('refuses an ID inside that is used outside', async () => {
    const response = t.respond({ assertion: { id: '_same' }, response: { id: '_same' }, ...encrypt() });
    expect(await t.checkOf(response)).toBe('unique-ids');
  });
});

describe('D53', () => {
  const encrypted = (
    content: 'aes128-gcm' | 'aes192-gcm' | 'aes128-cbc' | 'aes256-cbc' | 'tripledes-cbc',
    sign: 'assertion' | 'response' | 'both',
  ) => t.respond({ sign, encrypt: { certificate: t.sp.certificate, content } });

  it('decrypts AES-GCM with RSA-OAEP, its key inside or beside', async () => {
    for (const content of ['aes128-gcm', 'aes192-gcm'] as const) {
      expect((await t.assertionOf(encrypted(content, 'assertion'))).encrypted).toBe(true);
    }
    for (const keyPlace of ['inside', 'beside'] as const) {
      const response = t.respond({
        encrypt: { certificate: t.sp.certificate, keyTransport: 'rsa-oaep-sha256', keyPlace },
      });
      expect((await t.assertionOf(response)).encrypted).toBe(true);
    }
  });

  it('tries all of our keys', async () => {
    const newer = await makeIdpKey({ type: 'rsa' });
    expect(
      await t.checkOf(t.respond({ encrypt: { certificate: t.sp.certificate } }), {
        decryptionKeys: [newer.privateKey, t.sp.privateKey],
      }),
    ).toBe('accepted');
  });

  it('takes AES-CBC only where it is allowed and the whole response is signed', async () => {
    const legacy = { legacyEncryption: true };
    for (const content of ['aes128-cbc', 'aes256-cbc'] as const) {
      expect(await t.checkOf(encrypted(content, 'response'), legacy)).toBe('accepted');
      expect(await t.checkOf(encrypted(content, 'both'), legacy)).toBe('accepted');
      expect(await t.checkOf(encrypted(content, 'assertion'), legacy)).toBe('encryption-algorithm');
      expect(await t.checkOf(encrypted(content, 'both'))).toBe('encryption-algorithm');
    }
  });

  it('does not decrypt AES-CBC before the response’s signature is found good', async () => {
    const foreign = { key: await makeIdpKey({ type: 'rsa' }) };
    const response = t.respond({
      sign: 'response',
      signature: foreign,
      encrypt: { certificate: t.sp.certificate, content: 'aes256-cbc' },
    });
    for (const engine of ['strict', 'node-saml'] as const) {
      const verified = await t.verify(response, { engine, legacyEncryption: true });
      expect(t.failureOf(verified)?.check).toBe('signature-value');
      expect(verified.verdicts.map(({ check }) => check)).not.toContain('decryption');
    }
  });

  it('never takes triple-DES or RSA 1.5', async () => {
    expect(await t.checkOf(encrypted('tripledes-cbc', 'both'), { legacyEncryption: true })).toBe(
      'encryption-algorithm',
    );
    const response = t.respond({ sign: 'both', encrypt: { certificate: t.sp.certificate, keyTransport: 'rsa-1_5' } });
    expect(await t.checkOf(response, { legacyEncryption: true })).toBe('encryption-algorithm');
  });

  it('says the same of every decryption that fails', async () => {
    const other = await makeIdpKey({ type: 'rsa' });
    const good = t.respond({ encrypt: { certificate: t.sp.certificate } });
    const xml = Buffer.from(good, 'base64').toString();
    const values = [...xml.matchAll(/<xenc:CipherValue>([^<]*)</g)].map((match) => match[1] ?? '');
    const [wrapped = '', content = ''] = values;
    const flip = (value: string, at: number) => {
      const octets = Buffer.from(value, 'base64');
      octets[at < 0 ? octets.length + at : at]! ^= 1;
      return octets.toString('base64');
    };
    const shorter = Buffer.from(content, 'base64').subarray(0, 20).toString('base64');
    const variants: [string, string[]][] = [
      [good, [other.privateKey]],
      [good, [t.ecIdp.signingKey.privateKey, other.privateKey].slice(1)],
      ...[
        xml.replace(content, flip(content, 0)),
        xml.replace(content, flip(content, -1)),
        xml.replace(content, shorter),
      ]
        .concat(
          xml.replace(wrapped, flip(wrapped, 5)),
          xml.replace('aes256-gcm', 'aes128-gcm'),
          xml.replace(wrapped, 'AAAA'),
        )
        .map((text): [string, string[]] => [Buffer.from(text).toString('base64'), [t.sp.privateKey]]),
    ];
    const failures = await Promise.all(
      variants.map(async ([value, decryptionKeys]) => t.failureOf(await t.verify(value, { decryptionKeys }))),
    );
    expect(failures[0]).toMatchObject({ check: 'decryption' });
    expect(new Set(failures.map((failure) => JSON.stringify(failure))).size).toBe(1);
  });
});
