import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { AuditLog } from '@app/audit';
import { Database } from '@app/database';
import type { MachineClient } from './machine-client.js';

interface Use {
  readonly clientId: string;
  readonly organizationId: string;
  lastUsedAt: Date | undefined;
  tokens: number;
}

/**
 * When each client credential was last used, and how many tokens it got: gathered here and written every five seconds
 * and at the end, so that a grant itself writes nothing. A crash loses the last seconds of both, nothing else.
 */
@Injectable()
export class ClientUsage implements OnApplicationShutdown {
  private readonly logger = new Logger(ClientUsage.name);
  private uses = new Map<string, Use>();
  private flushing: Promise<void> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly audit: AuditLog,
  ) {}

  /** The credential proved itself. */
  seen(machine: MachineClient, at: Date): void {
    this.useOf(machine.credentialId, machine).lastUsedAt = at;
  }

  tokenIssued(machine: MachineClient): void {
    this.useOf(machine.credentialId, machine).tokens += 1;
  }

  /** Writes what has gathered. What could not be written waits for the next time. */
  @Interval('client-usage', 5_000)
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
      await this.store(gathered);
    } catch (error) {
      this.logger.warn(`could not write client usage: ${error instanceof Error ? error.message : 'unknown fault'}`);
      this.putBack(gathered);
    }
  }

  private async store(gathered: ReadonlyMap<string, Use>): Promise<void> {
    const used = [...gathered].filter(([, use]) => use.lastUsedAt !== undefined);
    const issuing = [...gathered.values()].filter((use) => use.tokens > 0);
    await this.database.transaction(async (manager) => {
      // The rows are locked in one order, so that two instances that write the same clients never deadlock.
      await manager.query(
        `WITH used AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS u (id, at)),
         locked AS (
           SELECT c.id FROM client_credentials c WHERE c.id IN (SELECT id FROM used) ORDER BY c.id FOR NO KEY UPDATE)
         UPDATE client_credentials c SET last_used_at = greatest(c.last_used_at, used.at)
         FROM used, locked WHERE c.id = used.id AND locked.id = c.id`,
        [used.map(([id]) => id), used.map(([, use]) => use.lastUsedAt)],
      );
      await this.audit.recordAll(
        manager,
        issuing.map(({ clientId, organizationId, tokens }) => ({
          kind: 'client.tokens_issued',
          clientId,
          organizationId,
          count: tokens,
        })),
      );
    });
  }

  private putBack(gathered: ReadonlyMap<string, Use>): void {
    for (const [id, { clientId, organizationId, lastUsedAt, tokens }] of gathered) {
      const use = this.useOf(id, { clientId, organizationId });
      use.lastUsedAt ??= lastUsedAt;
      use.tokens += tokens;
    }
  }

  private useOf(credentialId: string, client: Pick<MachineClient, 'clientId' | 'organizationId'>): Use {
    let use = this.uses.get(credentialId);
    if (use === undefined) {
      const { clientId, organizationId } = client;
      use = { clientId, organizationId, lastUsedAt: undefined, tokens: 0 };
      this.uses.set(credentialId, use);
    }
    return use;
  }
}
