/** Any number of digits after the point is legal; below a millisecond nothing is relied upon (core §1.3.3). */
const SHAPE = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?Z$/;

/**
 * Reads an xs:dateTime in the one form that SAML allows: UTC, marked by `Z` (core §1.3.3). An offset, a missing zone, a
 * day that the calendar lacks, 24:00:00 and leap seconds give undefined, and so does absence: a check that has no time to
 * compare refuses. Fractions are cut to milliseconds.
 */
export function parseInstant(text: string | undefined): Date | undefined {
  const match = text === undefined ? null : SHAPE.exec(text);
  const seconds = match?.[1];
  if (match === null || seconds === undefined) return undefined;
  const instant = new Date(`${seconds}.${(match[2] ?? '').slice(0, 3).padEnd(3, '0')}Z`);
  // JavaScript rolls 30 February over to March; what does not read back as it was written is no date. The year 0 is none
  // either (XML Schema 1.0).
  if (Number.isNaN(instant.getTime()) || seconds.startsWith('0000')) return undefined;
  return instant.toISOString().startsWith(seconds) ? instant : undefined;
}
