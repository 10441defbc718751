import fc from 'fast-check';
import { claimAt, readEmail, readGroups, readLabels, readName, readSubject } from './identity-claims.js';
import { UpstreamError } from './upstream-error.js';

describe('R28 subject', () => {
  it('keeps a good one byte for byte and refuses all others', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const good = text.trim() !== '' && text.length <= 255 && !/[\p{Cc}\p{Cs}]/u.test(text);
        if (good) expect(readSubject(text)).toBe(text);
        else expect(() => readSubject(text)).toThrow(UpstreamError);
      }),
    );
  });

  it('never cuts: 255 characters pass, 256 do not', () => {
    expect(readSubject('a'.repeat(255))).toHaveLength(255);
    expect(() => readSubject('a'.repeat(256))).toThrow('longer than 255');
  });

  it('turns whole numbers into text and refuses those that JSON has rounded', () => {
    expect(readSubject(583231)).toBe('583231');
    expect(readSubject(Number.MAX_SAFE_INTEGER)).toBe('9007199254740991');
    for (const bad of [2 ** 53, JSON.parse('90071992547409931'), 1.5, NaN, Infinity]) {
      expect(() => readSubject(bad)).toThrow(UpstreamError);
    }
  });

  it.each([undefined, null, true, {}, [], ['a']])('refuses %j', (value) => {
    expect(() => readSubject(value)).toThrow(UpstreamError);
  });

  it('refuses lone surrogates, which storage would fold into one another', () => {
    expect(() => readSubject('a\ud800')).toThrow(UpstreamError);
  });
});

describe('R28 e-mail', () => {
  it.each(['ada@acme.test', 'a+b.c@sub.acme.test', "o'hara@acme.test", 'ada@localhost', 'jürgen@bücher.example'])(
    'accepts %s',
    (email) => expect(readEmail(email, true)).toEqual({ email, emailVerified: true }),
  );

  it.each([
    'ada',
    '@acme.test',
    'ada@',
    'ada@@acme.test',
    'ada@evil.test@acme.test',
    '"ada@evil.test"@acme.test',
    'ada@evil.test,bob@acme.test',
    'Ada <ada@acme.test>',
    'ada @acme.test',
    'ada@acme..test',
    'ada@-acme.test',
    'ada@acme.test.',
    'ada\u0000@acme.test',
    'ada\u200b@acme.test',
    'ada＠evil.test@acme.test',
    `${'a'.repeat(65)}@acme.test`,
    `ada@${'a'.repeat(251)}`,
    5,
    ['ada@acme.test'],
    null,
  ])('has no use for %j', (value) => {
    expect(readEmail(value, true)).toEqual({ email: undefined, emailVerified: false });
  });

  it('normalises look-alikes and then no longer calls them verified', () => {
    expect(readEmail('ａda@acme.test', true)).toEqual({ email: 'ada@acme.test', emailVerified: false });
    expect(readEmail('ada＠acme.test', true)).toEqual({ email: 'ada@acme.test', emailVerified: false });
  });

  it.each([false, undefined, null, 1, 'yes', 'TRUE', {}])('does not take %j for verified', (verified) => {
    expect(readEmail('ada@acme.test', verified).emailVerified).toBe(false);
  });

  it('whatever comes in, what goes out is NFKC with one ASCII @ and no blank or control', () => {
    const parts = fc.constantFrom('a', '@', '＠', '﹫', '.', '．', ' ', '-', 'ﬀ', '"', '<', '\u202e', 'é', '\n');
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 14 }), (pieces) => {
        const { email } = readEmail(pieces.join(''), true);
        if (email === undefined) return;
        expect(email).toBe(email.normalize('NFKC'));
        expect(email.split('@')).toHaveLength(2);
        expect(email).not.toMatch(/[\s\p{C}"<>,]/u);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes no longer for hostile addresses', () => {
    // 2^240 steps if the pattern could backtrack freely: the suite would never end.
    expect(readEmail(`a@${'a'.repeat(240)}!`, true).email).toBeUndefined();
    expect(readEmail(`a@${'a-'.repeat(120)}`, true).email).toBeUndefined();
  });
});

describe('R28 name', () => {
  it('is cleaned and cut between characters', () => {
    expect(readName('  Ada\u0000Lovelace \u202e')).toBe('Ada Lovelace');
    expect(readName('𝒜'.repeat(200))).toBe('𝒜'.repeat(127));
    expect(readName('x'.repeat(10_000))).toHaveLength(255);
    for (const none of ['', '   ', '\n', undefined, null, 5]) expect(readName(none)).toBeUndefined();
  });
});

describe('R28 groups', () => {
  it('reads an array or one string, without repetitions', () => {
    expect(readGroups(['b', 'a', 'b'])).toEqual(['b', 'a']);
    expect(readGroups('a,b')).toEqual(['a,b']);
    for (const none of [undefined, null, '', []]) expect(readGroups(none)).toEqual([]);
  });

  it('takes 2000 groups of 255 characters', () => {
    const groups = Array.from({ length: 2_000 }, (_, index) => String(index).padEnd(255, 'x'));
    expect(readGroups(groups)).toEqual(groups);
  });

  it.each([
    ['2001 groups', Array.from({ length: 2_001 }, String)],
    ['256 characters', ['a'.repeat(256)]],
    ['a number', [1]],
    ['an object', { a: 1 }],
    ['an empty name', ['']],
    ['a control character', ['a\u0000b']],
  ])('refuses %s', (_name, value) => {
    expect(() => readGroups(value)).toThrow(UpstreamError);
  });
});

describe('claimAt', () => {
  it('prefers a claim of the very name over a path', () => {
    expect(claimAt({ 'https://acme.com/groups': ['a'] }, 'https://acme.com/groups')).toEqual(['a']);
    expect(claimAt({ a: { b: { c: 1 } } }, 'a.b.c')).toBe(1);
    expect(claimAt({ 'a.b': 1, a: { b: 2 } }, 'a.b')).toBe(1);
  });

  it.each(['constructor', '__proto__', 'a.constructor.name', 'a.length', 'a.0', 'missing.b', ''])(
    'finds nothing at %j',
    (path) => expect(claimAt({ a: ['x'] }, path)).toBeUndefined(),
  );
});

describe('amr', () => {
  it('is a list of labels or not said', () => {
    expect(readLabels(['pwd', 'otp'])).toEqual(['pwd', 'otp']);
    for (const bad of ['pwd', [1], ['a'.repeat(256)], Array.from({ length: 33 }, String)]) {
      expect(readLabels(bad)).toBeUndefined();
    }
  });
});
