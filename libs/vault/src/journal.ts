import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@app/database';
import type { ClaimedConnection } from './claimed-connection.js';
import { Gather } from './gather.js';
import { Leases } from './leases.js';
import { VAULT_SETTINGS, type VaultSettings } from './vault-settings.js';

interface Intent {
  readonly connection: ClaimedConnection;
  readonly fingerprint: Buffer;
}

/** Takes the row's lock, so it cannot pass another process's claim unseen; and gives the request a whole lease. */
export const INTEND = `
  UPDATE connections c
  SET intent_epoch = c.lease_epoch, intent_at = app_now(), intent_fingerprint = i.fingerprint,
      intent_replays = i.replays, lease_until = app_now() + $7 * interval '1 ms'
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[], $5::smallint[])
    AS i (id, generation, epoch, fingerprint, replays)
  WHERE c.id = i.id AND c.generation = i.generation AND c.lease_epoch = i.epoch AND c.lease_owner = $6
    AND c.lease_until > app_now() AND c.deleted_at IS NULL
  RETURNING c.id`;

/**
 * What makes a crash decidable: before a request is written, its row says so (D60). Whoever finds such an intent
 * without an outcome knows that the refresh token may be used up.
 */
@Injectable()
export class Journal {
  private readonly intents = new Gather<Intent, boolean>((batch) => this.write(batch));

  constructor(
    private readonly database: Database,
    private readonly leases: Leases,
    @Inject(VAULT_SETTINGS) private readonly settings: VaultSettings,
  ) {}

  /**
   * Commits that a request is about to be sent. False: the connection is not ours any more (its lease ended, it was
   * deleted or connected anew), so nothing may be sent.
   */
  intend(connection: ClaimedConnection, fingerprint: Buffer): Promise<boolean> {
    return this.intents.submit({ connection, fingerprint });
  }

  private async write(batch: readonly Intent[]): Promise<boolean[]> {
    const rows = await this.database.queryNamed<{ id: string }>('vault-intend', INTEND, [
      batch.map(({ connection }) => connection.connectionId),
      batch.map(({ connection }) => String(connection.generation)),
      batch.map(({ connection }) => String(connection.epoch)),
      batch.map(({ fingerprint }) => fingerprint),
      batch.map(({ connection }) => (connection.unresolved ? connection.replays + 1 : 0)),
      this.leases.owner,
      this.settings.leaseMs,
    ]);
    const intended = new Set(rows.map(({ id }) => id));
    return batch.map(({ connection }) => intended.has(connection.connectionId));
  }
}
