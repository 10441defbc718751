import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Database } from '@app/database';

/**
 * When each API key and service token was last used: gathered here and written every five seconds and at the end, so
 * that a call itself writes nothing. A crash loses the last seconds, nothing else.
 */
@Injectable()
export class KeyUsage implements OnApplicationShutdown {
  private readonly logger = new Logger(KeyUsage.name);
  private uses = new Map<string, Date>();
  private flushing: Promise<void> = Promise.resolve();

  constructor(private readonly database: Database) {}

  /** The key proved itself. */
  seen(keyId: string, at: Date): void {
    this.uses.set(keyId, at);
  }

  /** Writes what has gathered. What could not be written waits for the next time. */
  @Interval('tenant-key-usage', 5_000)
  flush(): Promise<void> {
    this.flushing = this.flushing.then(() => this.write());
    return this.flushing;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.flush();
  }

  private async write(): Promise<void> {
    if (this.uses.size === 0) return;
    const gathered = this.uses;
    this.uses = new Map();
    try {
      // The rows are locked in one order, so that two instances that write the same keys never deadlock.
      await this.database.query(
        `WITH used AS (SELECT * FROM unnest($1::text[], $2::timestamptz[]) AS u (id, at)),
         locked AS (
           SELECT k.id FROM tenant_keys k WHERE k.id IN (SELECT id FROM used) ORDER BY k.id FOR NO KEY UPDATE)
         UPDATE tenant_keys k SET last_used_at = greatest(k.last_used_at, used.at)
         FROM used, locked WHERE k.id = used.id AND locked.id = k.id`,
        [[...gathered.keys()], [...gathered.values()]],
      );
    } catch (error) {
      this.logger.warn(`could not write the use of keys: ${error instanceof Error ? error.message : 'unknown fault'}`);
      for (const [id, at] of gathered) if (!this.uses.has(id)) this.uses.set(id, at);
    }
  }
}
