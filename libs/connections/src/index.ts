/**
 * connections: the routes of the vault, in the words of the two APIs that its users know.
 *
 * Owns: connecting an account through a browser (D47), importing, listing, deleting, handing out access tokens, the
 * on-demand refresh of mielto, the trigger and the health report of mix, keeping what sign-ins bring (D61).
 * Does not own: keeping tokens fresh (vault), who may call (organizations), the callback's address (sign-in).
 * Routes: /api/v1/connections…, /api/v1/oauth/initiate, /api/v1/oauth/refresh/{connection_id}, /connect/{ticket},
 * /internal/auth/refresh-tokens, /health/auth.
 */
export { ConnectionsModule } from './connections.module.js';
