import { isNativeError } from 'node:util/types';

/**
 * Postgres cannot be reached, or went away in the middle. Whether a statement that was under way has taken effect is
 * unknown. Callers answer 503 or fall back; the next call finds out anew.
 */
export class DatabaseUnavailable extends Error {
  constructor(options?: ErrorOptions) {
    super('The database cannot be reached', options);
    this.name = 'DatabaseUnavailable';
  }
}

/** What the operating system says when a connection cannot be made, or breaks. */
const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
]);

/** What Postgres says when it ends our session or takes none; the whole class 08 (connection exception) besides. */
const SQL_STATES = new Set([
  '53300', // too many connections
  '57P01', // shut down by the administrator
  '57P02', // shut down after a crash
  '57P03', // starting up or shutting down
  '57P05', // idle session ended
  '25P03', // idle transaction ended
]);

/** pg and pg-pool throw these without a code, so their words are all there is to go by; compared as a whole. */
const DRIVER_MESSAGES = new Set([
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Query read timeout',
  'Cannot use a pool after calling end on the pool',
]);

/** Whether the error, or one that it was made from (TypeORM wraps the driver's), says that the connection failed. */
export function isDatabaseUnavailable(error: unknown): boolean {
  // Not instanceof: errors of the system are made outside of the realm that tests run in.
  if (!isNativeError(error)) return false;
  if (error instanceof DatabaseUnavailable) return true;
  const { code, syscall, driverError, errors } = error as Error & {
    code?: unknown;
    syscall?: unknown;
    driverError?: unknown;
    errors?: unknown;
  };
  if (typeof code === 'string') {
    if (SYSTEM_CODES.has(code) || SQL_STATES.has(code) || /^08[0-9A-Z]{3}$/.test(code)) return true;
    // The socket's file is gone with its server, or is not ours to open; of any other file this says nothing.
    if ((code === 'ENOENT' || code === 'EACCES') && syscall === 'connect') return true;
  }
  if (DRIVER_MESSAGES.has(error.message)) return true;
  // A host with several addresses fails with one AggregateError, whose own message is empty.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isDatabaseUnavailable);
  return [driverError, error.cause].some((inner) => inner !== error && isDatabaseUnavailable(inner));
}

/** The error to throw on: a DatabaseUnavailable for a failed connection, otherwise the error itself. */
export function asDatabaseUnavailable(error: unknown): unknown {
  if (error instanceof DatabaseUnavailable || !isDatabaseUnavailable(error)) return error;
  return new DatabaseUnavailable({ cause: error });
}
