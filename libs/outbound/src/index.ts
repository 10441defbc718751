/**
 * outbound: the one guarded way out of the house (R26).
 *
 * Owns: which addresses may be called, the dial that checks them, limits of size and time, what an error's chain says.
 * Alone speaks undici.
 * Does not own: what is said to whom, or when it is tried again. No routes.
 */
export { OutboundModule } from './outbound.module.js';
export { isPermittedUrl, OutboundFetch, type OutboundLimits, type OutboundRequest } from './outbound-fetch.js';
export { OutboundCalls, type CallLimits, type OutboundAnswer, type OutboundCall } from './outbound-calls.js';
export { findOutboundError, OutboundError, type OutboundFault } from './outbound-error.js';
export { codeOf, errorChain } from './error-chain.js';
export { isLoopbackHost } from './public-address.js';
