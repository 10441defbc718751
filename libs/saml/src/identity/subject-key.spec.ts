import fc from 'fast-check';
import type { NameId } from '../message-facts.js';
import { LONGEST_SUBJECT_BYTES, nameIdFault, subjectKey, UnusableNameId, UNSPECIFIED_FORMAT } from './subject-key.js';

const alice: NameId = { format: undefined, nameQualifier: undefined, spNameQualifier: undefined, value: 'alice' };

/** Texts that try to look like parts of a key. */
const part = fc.oneof(
  fc.constantFrom(
    '',
    'alice',
    '"',
    '",null,null,"',
    '\\',
    'null',
    '[',
    ']',
    ' alice',
    'ALICE',
    'e\u0301',
    '\u00e9',
    'nameid:',
  ),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
);
const optional = fc.option(part, { nil: undefined });
const nameIds = fc
  .record({ format: optional, nameQualifier: optional, spNameQualifier: optional, value: part })
  .filter((nameId) => nameIdFault(nameId) === undefined);

const partsOf = (nameId: NameId) => [
  nameId.format ?? UNSPECIFIED_FORMAT,
  nameId.nameQualifier,
  nameId.spNameQualifier,
  nameId.value,
];

describe('D46', () => {
  it('gives two NameIDs one key exactly when every part is the same', () => {
    fc.assert(
      fc.property(nameIds, nameIds, (one, other) => {
        const same = partsOf(one).every((text, index) => text === partsOf(other)[index]);
        expect(subjectKey(one) === subjectKey(other)).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  it('tells every part apart from its neighbour, and an absent one from an empty one', () => {
    const variants: NameId[] = [
      alice,
      { ...alice, nameQualifier: '' },
      { ...alice, spNameQualifier: '' },
      { ...alice, nameQualifier: 'alice' },
      { ...alice, spNameQualifier: 'alice' },
      { ...alice, format: '' },
      { ...alice, value: 'Alice' },
      { ...alice, value: 'alice ' },
    ];
    expect(new Set(variants.map(subjectKey)).size).toBe(variants.length);
  });

  it('takes an absent Format for unspecified (core §2.2.2)', () => {
    expect(subjectKey(alice)).toBe(subjectKey({ ...alice, format: UNSPECIFIED_FORMAT }));
  });
});

describe('R28', () => {
  it.each<[string, Partial<NameId>]>([
    ['an empty value', { value: '' }],
    ['a blank value', { value: ' \u00a0' }],
    ['a zero byte', { value: 'alice\0' }],
    ['a line feed', { value: 'alice\n' }],
    ['a control character in a qualifier', { spNameQualifier: 'a\u0007' }],
    ['half a surrogate pair', { value: 'alice\ud800' }],
    ['a value too long', { value: 'x'.repeat(LONGEST_SUBJECT_BYTES) }],
    ['a value with too many bytes', { value: '€'.repeat(LONGEST_SUBJECT_BYTES / 3) }],
    ['a qualifier too long', { nameQualifier: 'x'.repeat(LONGEST_SUBJECT_BYTES) }],
  ])('refuses %s and never cuts', (_name, fault) => {
    expect(() => subjectKey({ ...alice, ...fault })).toThrow(UnusableNameId);
  });

  it('keeps keys within what the index of persons holds', () => {
    const overhead = Buffer.byteLength(subjectKey(alice)) - 'alice'.length;
    const longest = { ...alice, value: 'x'.repeat(LONGEST_SUBJECT_BYTES - overhead) };
    expect(Buffer.byteLength(subjectKey(longest))).toBe(LONGEST_SUBJECT_BYTES);
    expect(() => subjectKey({ ...longest, value: `${longest.value}x` })).toThrow('1501 bytes');
  });
});
