import { codeOf, errorChain } from './error-chain.js';

export type OutboundFault =
  'scheme_refused' | 'address_refused' | 'redirect_refused' | 'encoding_refused' | 'too_large' | 'timeout' | 'network';

/** Why a request got no answer. The message names method, origin and path, never a query, header or body. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  /** Whether the peer may have seen the request; undefined: nobody watched (only OutboundCalls does). */
  readonly written: 'no' | 'yes' | undefined;

  constructor(
    readonly fault: OutboundFault,
    message: string,
    { written, ...options }: ErrorOptions & { readonly written?: 'no' | 'yes' } = {},
  ) {
    super(message, options);
    this.written = written;
  }
}

/** The OutboundError somewhere in a chain of causes, if one is there. */
export function findOutboundError(error: unknown): OutboundError | undefined {
  return errorChain(error).find((link) => link instanceof OutboundError);
}

/** What a failure of the network is called in a message: its code, never its text. */
export function networkReason(error: unknown): string {
  const [outermost] = errorChain(error);
  const code = outermost && (codeOf(outermost) ?? outermost.name);
  return code === 'ABORT_ERR' || code === 'AbortError' ? 'aborted by the caller' : (code ?? 'failed');
}
