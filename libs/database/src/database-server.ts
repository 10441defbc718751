import { join } from 'node:path';
import type { GatehouseConfig } from '@app/config';
import { EmbeddedPostgres } from './embedded/embedded-postgres.js';
import type { EmbeddedLog } from './embedded/embedded-error.js';

/** The Postgres that the configuration names, or the embedded one under the data folder where it names none. */
export class DatabaseServer {
  private constructor(
    readonly url: string,
    private readonly embedded: EmbeddedPostgres | undefined,
  ) {}

  /** @throws EmbeddedPostgresError */
  static async open(
    { databaseUrl, dataDir }: Pick<GatehouseConfig, 'databaseUrl' | 'dataDir'>,
    log: EmbeddedLog,
  ): Promise<DatabaseServer> {
    if (databaseUrl !== undefined) return new DatabaseServer(databaseUrl.reveal(), undefined);
    const embedded = new EmbeddedPostgres({ dir: join(dataDir, 'postgres'), log });
    return new DatabaseServer(await embedded.start(), embedded);
  }

  /** Stops the embedded server; leaves any other alone. */
  async close(): Promise<void> {
    await this.embedded?.stop();
  }
}
