const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|[+-](\d{2}):(\d{2}))$/;

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysIn(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return (DAYS[month - 1] ?? 0) + (leap ? 1 : 0);
}

/**
 * A date-time of RFC 3339 §5.6, or undefined. `Date` alone would take a date without a zone, read 30 February as 2
 * March, and much more. Fractions below a millisecond are dropped.
 */
export function parseRfc3339(text: string): Date | undefined {
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const offsetHours = Number(match[8] ?? 0);
  const offsetMinutes = Number(match[9] ?? 0);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const fraction = match[7] ?? '';
  const written = text.toUpperCase().replace(/\.\d+/, fraction === '' ? '' : `.${fraction.slice(0, 3)}`);
  const time = Date.parse(written);
  if (Number.isNaN(time)) return undefined;
  // An offset can push the last days of 9999 into a year that RFC 3339 cannot write.
  const moment = new Date(time);
  return /^\d{4}-/.test(moment.toISOString()) ? moment : undefined;
}
