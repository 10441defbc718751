import type { LoggedError } from './redaction.js';

const LEVELS: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO ',
  40: 'WARN ',
  50: 'ERROR',
  60: 'FATAL',
};

interface Entry {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly context?: string;
  readonly err?: LoggedError;
  readonly [field: string]: unknown;
}

const PRINTED_APART = new Set(['level', 'time', 'msg', 'context', 'err', 'pid', 'hostname']);

function errorLines(err: LoggedError, lead: string): string {
  const text = err.stack ?? `${err.type}: ${err.message}`;
  const cause = err.cause === undefined ? '' : errorLines(err.cause, 'caused by ');
  return `\n    ${lead}${text.replaceAll('\n', '\n    ')}${cause}`;
}

/** One line that a person reads, of one JSON line of the log; unreadable input is passed on as it is. */
export function developmentLine(json: string): string {
  let entry: Entry;
  try {
    entry = JSON.parse(json) as Entry;
  } catch {
    return json;
  }
  const time = new Date(entry.time).toTimeString().slice(0, 8);
  const context = entry.context === undefined ? '' : `[${entry.context}] `;
  const fields = Object.entries(entry)
    .filter(([name]) => !PRINTED_APART.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const text = [entry.msg ?? '', ...fields].filter((part) => part !== '').join(' ');
  const error = entry.err === undefined ? '' : errorLines(entry.err, '');
  return `${time} ${LEVELS[entry.level] ?? entry.level} ${context}${text}${error}\n`;
}
