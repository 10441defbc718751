import fc from 'fast-check';
import { mintUserCode, readUserCode, shownUserCode } from './user-code.js';

const LETTERS = [...'BCDFGHJKLMNPQRSTVWXZ'];
const code = fc.array(fc.constantFrom(...LETTERS), { minLength: 8, maxLength: 8 }).map((letters) => letters.join(''));
/** Whatever people, keyboards and clipboards put between the letters. */
const noise = fc.stringMatching(/^[-–—‑ \u00a0\u200b_.:0-9aeiouyAEIOUYßäé]{0,3}$/);

describe('RFC 8628 §6.1', () => {
  it('makes codes of eight letters out of twenty without vowels or look-alikes of digits', () => {
    for (let i = 0; i < 200; i++) expect(mintUserCode()).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/);
    expect(LETTERS).toHaveLength(20);
    expect(mintUserCode((limit) => limit - 1)).toBe('ZZZZZZZZ');
    expect(mintUserCode(() => 0)).toBe('BBBBBBBB');
  });

  it('draws each letter from all twenty, by a source that is asked for nothing else', () => {
    const limits: number[] = [];
    let next = 0;
    const drawn = mintUserCode((limit) => {
      limits.push(limit);
      return next++;
    });
    expect(drawn).toBe('BCDFGHJK');
    expect(limits).toEqual(Array(8).fill(20));
  });

  it('shows them in two halves', () => expect(shownUserCode('BCDFGHJK')).toBe('BCDF-GHJK'));

  it('reads what is shown, in either case, whatever stands between the letters', () => {
    fc.assert(
      fc.property(code, fc.array(fc.tuple(noise, fc.boolean()), { minLength: 9, maxLength: 9 }), (made, between) => {
        const letters = [...made].map((letter, at) => (between[at]?.[1] === true ? letter.toLowerCase() : letter));
        const typed = letters.map((letter, at) => `${between[at]?.[0] ?? ''}${letter}`).join('') + between[8]?.[0];
        expect(readUserCode(typed)).toBe(made);
      }),
    );
    fc.assert(fc.property(code, (made) => expect(readUserCode(shownUserCode(made))).toBe(made)));
  });

  it('reads the wide letters of East Asian keyboards', () => {
    expect(readUserCode('ＢＣＤＦ－ｇｈｊｋ')).toBe('BCDFGHJK');
  });

  it('reads nothing but codes out of any text, and is settled after one reading', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        const read = readUserCode(text);
        if (read === undefined) return;
        expect(read).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{8}$/);
        expect(readUserCode(read)).toBe(read);
      }),
    );
  });

  it.each(['', 'BCDF-GHJ', 'BCDF-GHJK-L', 'AEIOUAEI', '12345678', 'BCDFGHJ1'])('takes %j for no code', (text) => {
    expect(readUserCode(text)).toBeUndefined();
  });

  it('makes no letters of what has another length when it is raised', () => {
    expect(readUserCode('ßßßß')).toBeUndefined();
    expect(readUserCode('BCDFGHßJK')).toBe('BCDFGHJK');
  });
});
