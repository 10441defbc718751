import { randomInt } from 'node:crypto';

/** RFC 8628 §6.1: no vowels, so no words; nothing that looks like a digit or is mistaken for another letter of these. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LENGTH = 8;
const OTHERS = new RegExp(`[^${LETTERS}]`, 'g');

/**
 * A user code as it is stored: eight letters of twenty, 34 bits. That is little, and enough for ten minutes where guesses
 * are counted (RFC 8628 §5.1, §6.1).
 * @param randomBelow an evenly drawn whole number below its argument
 */
export function mintUserCode(randomBelow: (limit: number) => number = randomInt): string {
  return Array.from({ length: LENGTH }, () => LETTERS.charAt(randomBelow(LETTERS.length))).join('');
}

/**
 * The user code that a person meant, as {@link mintUserCode} made it: in either case, also in the wide letters of East
 * Asian keyboards, with or without dashes, spaces and whatever else is no letter of a code (RFC 8628 §6.1). Undefined for
 * what can be none.
 */
export function readUserCode(typed: string): string | undefined {
  // Letters outside ASCII are not raised: ß would become two letters that nobody typed.
  const raised = typed.normalize('NFKC').replaceAll(/[a-z]/g, (letter) => letter.toUpperCase());
  const code = raised.replaceAll(OTHERS, '');
  return code.length === LENGTH ? code : undefined;
}

/** A stored user code as people read it: `BCDF-GHJK`. */
export function shownUserCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}
