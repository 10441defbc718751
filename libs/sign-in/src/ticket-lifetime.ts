/**
 * How long what the assertion consumer service found waits under a ticket for its browser (D10). A logout that comes in
 * between has to be remembered for as long, or the identity that waits would become a session after it.
 */
export const SAML_TICKET_LIFETIME_MS = 2 * 60_000;
