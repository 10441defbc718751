/**
 * clients: who may ask for tokens.
 *
 * Owns: first-party clients and their callbacks (D7 a), client credentials of machines (D21), client authentication.
 * Does not own: what a client is given (tokens), or the person behind it (directory).
 * Routes: POST, GET /client-credentials · DELETE /client-credentials/{id}.
 */
export { ClientsModule } from './clients.module.js';
export { FirstPartyClients, type FirstPartyClient } from './first-party-clients.js';
export { presentedClient, type PresentationMethod, type PresentedClient } from './presented-client.js';
export { ClientAuthenticator, type IdentifiedClient } from './client-authenticator.js';
export type { MachineClient } from './machine-client.js';
