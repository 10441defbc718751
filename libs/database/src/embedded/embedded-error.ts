/** The embedded Postgres cannot run here; the message says what to change. Setting DATABASE_URL always helps. */
export class EmbeddedPostgresError extends Error {
  constructor(problem: string, options?: ErrorOptions) {
    super(`Embedded Postgres: ${problem}`, options);
    this.name = 'EmbeddedPostgresError';
  }
}

/** Where the launcher reports what its user should know. A Nest `Logger` fits. */
export interface EmbeddedLog {
  log(message: string): void;
  warn(message: string): void;
}
