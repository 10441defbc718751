const DURATION = /^P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

const DATE_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?$/;

/** Years and months have no length of their own: for a cache the usual one is right enough. */
const SECONDS = [365 * 86_400, 30 * 86_400, 86_400, 3_600, 60, 1] as const;

/** Seconds of an xs:duration; undefined where it is none, or negative, which no cache can be told. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  return SECONDS.reduce((sum, seconds, index) => sum + seconds * Number(match[index + 1] ?? 0), 0);
}

/** The moment of an xs:dateTime; without a zone it is UTC (SAML core §1.3.3). Undefined where it is none. */
export function parseDateTime(text: string): Date | undefined {
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [, dateTime, fraction = '', zone = 'Z'] = match;
  const date = new Date(`${dateTime}${fraction.slice(0, 4)}${zone}`);
  // JavaScript makes the 2nd of March of the 30th of February.
  const calendar = new Date(`${dateTime}Z`);
  if (Number.isNaN(date.getTime()) || !calendar.toISOString().startsWith(dateTime ?? '?')) return undefined;
  return date;
}
