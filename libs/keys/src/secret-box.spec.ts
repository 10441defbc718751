import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { Secret, type MasterKey } from '@app/config';
import fc from 'fast-check';
import { CannotOpen, SecretBox } from './secret-box.js';

function masterKey(id: string): MasterKey {
  return { id, key: new Secret(randomBytes(32)) };
}

function refusal(open: () => unknown): CannotOpen {
  try {
    open();
  } catch (error) {
    if (error instanceof CannotOpen) return error;
    throw error;
  }
  throw new Error('it opened');
}

const aad = fc.string({ minLength: 1, unit: 'grapheme' });
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));

describe('SecretBox', () => {
  const box = new SecretBox([masterKey('new'), masterKey('old')]);

  it('opens what it sealed, bytes and text', () => {
    fc.assert(
      fc.property(bytes, aad, (plaintext, place) => {
        expect(box.open(box.seal(plaintext, place), place)).toEqual(plaintext);
      }),
    );
    expect(box.open(box.seal('häßlich 🔑', 'a'), 'a').toString('utf8')).toBe('häßlich 🔑');
  });

  it('writes v1.{key id}.{nonce}.{ciphertext and tag}', () => {
    const sealed = box.seal('twelve bytes', 'a');
    expect(sealed).toMatch(/^v1\.new\.[\w-]{16}\.[\w-]{38}$/);
  });

  it('never seals twice alike', () => {
    const sealed = Array.from({ length: 200 }, () => box.seal('same', 'a'));
    expect(new Set(sealed.map((value) => value.split('.')[2])).size).toBe(200);
  });

  it('refuses another place', () => {
    fc.assert(
      fc.property(bytes, aad, aad, (plaintext, sealedAt, openedAt) => {
        fc.pre(sealedAt !== openedAt);
        expect(refusal(() => box.open(box.seal(plaintext, sealedAt), openedAt)).reason).toBe('not_authentic');
      }),
    );
  });

  it('refuses a value in which any one character was replaced, added or removed', () => {
    const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. '];
    fc.assert(
      fc.property(bytes, fc.nat(), fc.constantFrom(...alphabet, ''), fc.boolean(), (plaintext, at, char, insert) => {
        const sealed = box.seal(plaintext, 'a');
        const index = at % sealed.length;
        const changed = sealed.slice(0, index) + char + sealed.slice(insert ? index : index + 1);
        fc.pre(changed !== sealed);
        expect(() => box.open(changed, 'a')).toThrow(CannotOpen);
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses arbitrary text', () => {
    fc.assert(fc.property(fc.string(), (text) => void expect(() => box.open(text, 'a')).toThrow(CannotOpen)));
  });

  it('refuses a tag that was cut short', () => {
    const [version, id, nonce, text] = box.seal('', 'a').split('.');
    const cut = Buffer.from(text!, 'base64url').subarray(0, 12).toString('base64url');
    expect(refusal(() => box.open([version, id, nonce, cut].join('.'), 'a')).reason).toBe('malformed');
  });

  it('seals with the newest master key and opens with any known one', () => {
    const [older, newer] = [masterKey('2025'), masterKey('2026')];
    const sealedBefore = new SecretBox([older]).seal('secret', 'a');
    const rotated = new SecretBox([newer, older]);
    expect(rotated.open(sealedBefore, 'a').toString()).toBe('secret');
    expect(rotated.seal('secret', 'a')).toMatch(/^v1\.2026\./);
  });

  it('names the master key that is missing, and nothing of the content', () => {
    const sealed = new SecretBox([masterKey('lost')]).seal('the content', 'a');
    const error = refusal(() => box.open(sealed, 'a'));
    expect(error.reason).toBe('unknown_master_key');
    expect(error.message).toContain('"lost"');
    expect(inspect(error)).not.toContain(sealed.split('.')[3]);
  });

  it('tells a key that was replaced under the same id from a value that is not ours', () => {
    const sealed = new SecretBox([masterKey('new')]).seal('secret', 'a');
    expect(refusal(() => box.open(sealed, 'a')).reason).toBe('not_authentic');
  });

  it('shows no key when it is printed', () => {
    const key = masterKey('k');
    const printed =
      inspect(new SecretBox([key]), { depth: 9, showHidden: true }) + JSON.stringify(new SecretBox([key]));
    expect(printed).not.toContain(inspect(key.key.reveal()));
    expect(printed).not.toContain(key.key.reveal().toString('base64url'));
  });

  it.each([
    ['no key', [], 'GATEHOUSE_MASTER_KEYS'],
    ['a short key', [{ id: 'short', key: new Secret(randomBytes(16)) }], '"short" must have 32 bytes'],
    ['an id with a dot', [masterKey('a.b')], 'id must be'],
    ['one id twice', [masterKey('twice'), masterKey('twice')], '"twice"'],
  ])('refuses %s at the start', (_, keys, message) => {
    expect(() => new SecretBox(keys)).toThrow(message);
  });

  it('insists on a place', () => {
    expect(() => box.seal('x', '')).toThrow(TypeError);
    expect(() => box.open(box.seal('x', 'a'), '')).toThrow(TypeError);
  });
});
