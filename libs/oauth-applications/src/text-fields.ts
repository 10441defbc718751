import { z } from 'zod';

/** Postgres takes neither U+0000 nor half of a character, and nothing here has a reason to hold a line break. */
const ONE_LINE = /^[^\p{Cc}\p{Cs}]*$/u;

/** Text of one line. */
export const line = (maxLength: number) =>
  z.string().max(maxLength).regex(ONE_LINE, 'must not hold control characters or half of a character');
