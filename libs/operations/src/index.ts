/**
 * operations: what every process of ours shows its operators, and how it ends.
 *
 * Owns: log lines and what never gets into one (R31), the registry of metrics and what is measured of other rooms, the
 * checks behind /health/ready, the list of tables with secrets, ending on signals.
 * Does not own: what a room counts or checks (that room), or who may see it (tokens). No routes: the processes have them.
 */
export { openLog, type Log } from './logging/log.js';
export { NestLog } from './logging/nest-log.js';
export { loggedError } from './logging/redaction.js';
export { CertificateMetrics } from './metrics/certificate-metrics.js';
export { HttpMetrics } from './metrics/http-metrics.js';
export { LogoutNoticeMetrics } from './metrics/logout-notice-metrics.js';
export { VaultMetrics } from './metrics/vault-metrics.js';
export { WebhookMetrics } from './metrics/webhook-metrics.js';
export { endOnSignals } from './process-lifetime.js';
export { Readiness, type Check, type ReadinessReport } from './readiness.js';
export { SEALED } from './sealed.js';
