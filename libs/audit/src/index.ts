/**
 * audit: who did what, kept for good.
 *
 * Owns: the closed union of facts worth keeping, and the append-only table that holds them.
 * Does not own: deciding anything from them, showing them, or the process log. No routes.
 */
export { AuditModule } from './audit.module.js';
export { AuditLog } from './audit-log.js';
export type { AuditContext, AuditEvent, AuditEventOf, AuditKind, SignInRefusal } from './audit-event.js';
