/**
 * logout-notices: telling registered applications that a person's session has ended (OpenID Connect Back-Channel Logout
 * 1.0, D37).
 *
 * Owns: the outbox `logout_notices`, what is left there for a session or a person, the logout token, delivery and its
 * retries, how long notices are kept.
 * Does not own: when a session ends (tokens), dialling (outbound), keys (keys), what an answer's status means (webhooks).
 * No routes.
 */
export { recordLogoutNotices, recordLogoutNoticesOfUser } from './logout-outbox.js';
export { LogoutDelivery, type LogoutDeliveryCounts } from './logout-delivery.js';
export type { LogoutBacklog } from './logout-notice.repository.js';
export { LogoutNoticesModule } from './logout-notices.module.js';
