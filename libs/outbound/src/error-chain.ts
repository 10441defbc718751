import { isNativeError } from 'node:util/types';

const MAX_LINKS = 10;

/** An error and its causes, outermost first; empty for what is no error. Errors of other realms count too. */
export function errorChain(error: unknown): Error[] {
  const links: Error[] = [];
  for (let link = error; isError(link) && links.length < MAX_LINKS; link = link.cause) links.push(link);
  return links;
}

/** The `code` that Node and the protocol libraries put on their errors. */
export function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function isError(value: unknown): value is Error {
  return value instanceof Error || isNativeError(value);
}
