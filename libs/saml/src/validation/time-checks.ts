import { failed, passed, quoteFound, type CheckName, type Verdict } from '../verdict.js';
import { parseInstant } from './instant.js';

/** Against what the times of a message are held; its clock may differ from ours by the skew, either way (D40). */
export interface TimeFrame {
  readonly now: Date;
  readonly skewSeconds: number;
}

/** A time of a message: `what` names it for operators, e.g. `NotOnOrAfter of the conditions`. */
export interface TimeField {
  readonly check: CheckName;
  readonly what: string;
  readonly text: string | undefined;
}

/** NotOnOrAfter: this very instant is too late (core §2.5.1.2). Absent is refused, as R9 has it. */
export function checkNotOnOrAfter(field: TimeField, { now, skewSeconds }: TimeFrame): Verdict {
  return checkInstant(
    field,
    now,
    `in the future, give or take ${skewSeconds} s`,
    (ageSeconds) => ageSeconds < skewSeconds,
  );
}

/** NotBefore: this very instant is early enough. Absent is refused, as R9 has it. */
export function checkNotBefore(field: TimeField, { now, skewSeconds }: TimeFrame): Verdict {
  return checkInstant(
    field,
    now,
    `in the past, give or take ${skewSeconds} s`,
    (ageSeconds) => ageSeconds >= -skewSeconds,
  );
}

/** IssueInstant and AuthnInstant: not in the future, and not older than `maxAgeSeconds`, skew not counted. */
export function checkAge(field: TimeField, maxAgeSeconds: number, { now, skewSeconds }: TimeFrame): Verdict {
  const expected = Number.isFinite(maxAgeSeconds)
    ? `at most ${maxAgeSeconds} s ago and not in the future, give or take ${skewSeconds} s`
    : `not in the future, give or take ${skewSeconds} s`;
  return checkInstant(
    field,
    now,
    expected,
    (ageSeconds) => ageSeconds <= maxAgeSeconds + skewSeconds && ageSeconds >= -skewSeconds,
  );
}

/** `ageSeconds` is negative for the future. What cannot be read as a time never fits. */
export function checkInstant(
  { check, what, text }: TimeField,
  now: Date,
  expected: string,
  fits: (ageSeconds: number) => boolean,
): Verdict {
  const wanted = `${what} ${expected}`;
  if (text === undefined) return failed(check, wanted, quoteFound(text));
  const instant = parseInstant(text);
  if (instant === undefined) return failed(check, wanted, `${quoteFound(text)}, which is not a UTC time ending in Z`);
  const ageSeconds = (now.getTime() - instant.getTime()) / 1000;
  const found = `${quoteFound(text)}, ${distance(ageSeconds)}`;
  return fits(ageSeconds) ? passed(check, wanted, found) : failed(check, wanted, found);
}

function distance(ageSeconds: number): string {
  const seconds = Math.round(Math.abs(ageSeconds));
  return ageSeconds < 0 ? `${seconds} s ahead of our clock` : `${seconds} s ago by our clock`;
}
