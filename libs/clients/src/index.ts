/**
 * clients: who may ask for tokens.
 *
 * Owns: first-party clients and their callbacks (D7 a), applications that organizations registered (D7 b), client
 * credentials of machines (D21), client authentication.
 * Does not own: what a client is given (tokens), or the person behind it (directory).
 * Routes: POST, GET /client-credentials · DELETE /client-credentials/{id}.
 */
export { ClientsCommandModule, ClientsModule } from './clients.module.js';
export { FirstPartyClients, type FirstPartyClient } from './first-party-clients.js';
export {
  CLIENT_FIELDS,
  presentedClient,
  type ClientFields,
  type PresentationMethod,
  type PresentedClient,
} from './presented-client.js';
export { ASSERTION_ALGORITHMS } from './client-assertions.js';
export { ClientAuthenticator, type IdentifiedClient } from './client-authenticator.js';
export type { MachineClient } from './machine-client.js';
export {
  APPLICATION_AUTH_METHODS,
  isPublic,
  type Application,
  type ApplicationAuthMethod,
  type ApplicationSettings,
} from './applications/application.js';
export { Applications } from './applications/applications.js';
export {
  ApplicationRegistry,
  type ApplicationKeeper,
  type RegisteredApplication,
} from './applications/application-registry.js';
export { ApplicationCommand } from './applications/application-command.js';
export { applicationFaults, type ApplicationFault } from './applications/application-rules.js';
