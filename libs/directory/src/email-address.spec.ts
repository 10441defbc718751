import fc from 'fast-check';
import { parseEmailAddress, placeholderEmail } from './email-address.js';

describe('R28 e-mail addresses', () => {
  it.each([
    ['Ada@Acme.Example', 'Ada@Acme.Example', 'ada@acme.example', 'acme.example'],
    ['ａda@acme.example', 'ada@acme.example', 'ada@acme.example', 'acme.example'],
    ["o'brien+x@mail.acme.example", "o'brien+x@mail.acme.example", "o'brien+x@mail.acme.example", 'mail.acme.example'],
  ])('reads %s', (text, email, key, domain) => {
    expect(parseEmailAddress(text)).toEqual({ email, key, domain });
  });

  it.each([
    'ada',
    'ada@',
    '@acme.example',
    'ada@acme.example@evil.example',
    'ada＠evil.example@acme.example',
    'ada @acme.example',
    'ada@acme.example\u0000',
    'ada@acme.example\n',
    '"a@b"@acme.example',
    'ada@-acme.example',
    'ada@acme..example',
    `${'a'.repeat(65)}@acme.example`,
    `ada@${'a'.repeat(250)}.example`,
  ])('refuses %j', (text) => {
    expect(parseEmailAddress(text)).toBeUndefined();
  });

  it('makes a key that is its own key, so that no third spelling exists', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.emailAddress(),
          fc.string({ unit: 'grapheme' }).map((s) => `${s}@acme.example`),
        ),
        (text) => {
          const parsed = parseEmailAddress(text);
          if (parsed === undefined) return;
          expect(parseEmailAddress(parsed.key)?.key).toBe(parsed.key);
          expect(parsed.key.split('@')).toHaveLength(2);
        },
      ),
    );
  });
});

describe('D54', () => {
  it('takes its own placeholders for nobody’s address', () => {
    expect(parseEmailAddress(placeholderEmail('b7d0d7a2-0000-4000-8000-000000000000'))).toBeUndefined();
    expect(parseEmailAddress('x@USERS.INVALID')).toBeUndefined();
  });
});
