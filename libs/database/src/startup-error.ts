import { isNativeError } from 'node:util/types';
import { QueryFailedError, TypeORMError } from 'typeorm';
import { isDatabaseUnavailable } from './database-unavailable.js';

/** The database cannot be used at start. The message names the setting and the fix, and never holds the password. */
export class DatabaseStartupError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DatabaseStartupError';
  }
}

/** Turns what the driver threw for `url` into words for the person who set it; a fault of our own code stays as it is. */
export function explainStartupError(url: string, error: unknown): unknown {
  if (error instanceof DatabaseStartupError) return error;
  if (error instanceof TypeORMError && !(error instanceof QueryFailedError)) return error;
  const address = describeAddress(url);
  if (address === undefined) {
    // No cause here: an error about an invalid URL may quote it.
    return new DatabaseStartupError(
      'DATABASE_URL is not a valid address. Write postgres://user:password@host:5432/database, with special ' +
        'characters in the password percent-encoded.',
    );
  }
  const { code } = firstWithCode(error);
  const advice =
    (code === undefined ? undefined : ADVICE.get(code)) ??
    (isDatabaseUnavailable(error)
      ? `it cannot be reached (${code ?? messageOf(error)}). Check that Postgres runs there and takes connections`
      : `it refuses us (${[code, messageOf(error)].filter(Boolean).join(': ')})`);
  return new DatabaseStartupError(`Postgres at ${address} (DATABASE_URL): ${advice}.`, { cause: error });
}

const ADVICE = new Map([
  ['28P01', 'user or password is wrong (28P01)'],
  ['28000', 'this user may not connect from here (28000): see its pg_hba.conf, or whether it wants TLS (sslmode)'],
  ['3D000', 'the database does not exist (3D000). Create it first'],
  ['42501', 'the user may not create tables there (42501). Make it the owner of the database'],
]);

/** Host, port and database; undefined when the URL cannot be taken apart without the danger of showing a secret. */
function describeAddress(url: string): string | undefined {
  // A Postgres URL may leave out the host (a socket is named in the query), which WHATWG does not allow.
  const withHost = url.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?#]|$)/, '$1localhost');
  if (!/^postgres(ql)?:/.test(url) || !URL.canParse(withHost)) return undefined;
  const { hostname, port, pathname, searchParams, hash } = new URL(withHost);
  // An "@" this far right was meant to end a password that holds a raw "/", "?" or "#".
  if (hash !== '' || `${pathname}${[...searchParams].join('')}`.includes('@')) return undefined;
  const host = searchParams.get('host') ?? hostname;
  return `${host}:${searchParams.get('port') ?? (port || '5432')}${pathname}`;
}

function firstWithCode(error: unknown): { code?: string } {
  for (let next = error; isNativeError(next);) {
    const { code, errors, driverError, cause } = next as Error & Record<string, unknown>;
    if (typeof code === 'string') return { code };
    next = (Array.isArray(errors) ? errors[0] : undefined) ?? driverError ?? cause;
  }
  return {};
}

function messageOf(error: unknown): string {
  return isNativeError(error) ? error.message : 'unknown error';
}
