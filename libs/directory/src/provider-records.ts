import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { allProviders, GATEHOUSE_CONFIG, type AnyProviderConfig, type GatehouseConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';
import { Revocations, type Revoke } from '@app/revocation';
import type { EntityManager } from 'typeorm';

/** What of a provider's settings its record repeats. */
export type RecordedSettings = Pick<AnyProviderConfig, 'id' | 'organization' | 'enabled'>;

/** Who switches a provider. `by`: a user id, or a word for what is not a person. */
export interface Switcher extends AuditContext {
  readonly by: string;
}

interface ProviderRow {
  readonly id: string;
  readonly organization_id: string;
  readonly enabled: boolean;
}

const CONFIGURATION: Switcher = { by: 'configuration' };

/**
 * The rows behind the configured providers: whether logins and tokens of each still count, for every instance alike.
 * Switching one off ends its sessions everywhere before the call returns (D20, R11).
 */
@Injectable()
export class ProviderRecords implements OnApplicationBootstrap {
  constructor(
    private readonly revocations: Revocations,
    private readonly audit: AuditLog,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.sync(allProviders(this.config));
  }

  /**
   * Brings the rows in line with the configuration, which wins: what it switches off, or no longer holds, is off.
   * Instances that start together do it one after the other.
   * @throws Error when a provider whose people are stored would move to another organization: it cannot (R27).
   */
  async sync(providers: readonly RecordedSettings[]): Promise<void> {
    await this.revocations.transaction(async (manager, revoke) => {
      await manager.query(`SELECT pg_advisory_xact_lock(hashtextextended('gatehouse:provider-records', 0))`);
      const organizations = await this.organizations(manager, providers);
      const rows: ProviderRow[] = await manager.query(`SELECT id, organization_id, enabled FROM providers`);
      const known = new Map(rows.map((row) => [row.id, row]));
      for (const settings of providers) {
        const organizationId = organizations.get(settings.organization);
        if (organizationId === undefined) throw new Error(`organization "${settings.organization}" was not stored`);
        const row = known.get(settings.id);
        known.delete(settings.id);
        if (row === undefined) await this.insert(manager, settings, organizationId);
        else await this.align(manager, revoke, row, settings, organizationId);
      }
      for (const gone of known.values())
        if (gone.enabled) await this.switch(manager, revoke, gone.id, 'off', CONFIGURATION);
    });
  }

  /**
   * Switches a provider off: no login, no session, no token of it is good any more. Until the next start with a
   * configuration that has it enabled, so switch it off there too.
   * @throws OAuthError `not_found`
   */
  async disable(providerId: string, switcher: Switcher): Promise<void> {
    await this.revocations.transaction((manager, revoke) => this.switch(manager, revoke, providerId, 'off', switcher));
  }

  /**
   * Switches a provider on again. What ended with it stays ended.
   * @throws OAuthError `not_found`
   */
  async enable(providerId: string, switcher: Switcher): Promise<void> {
    await this.revocations.transaction((manager, revoke) => this.switch(manager, revoke, providerId, 'on', switcher));
  }

  private async organizations(
    manager: EntityManager,
    providers: readonly RecordedSettings[],
  ): Promise<ReadonlyMap<string, string>> {
    const names = [...new Set(providers.map((provider) => provider.organization))];
    const made: { id: string; name: string }[] = await manager.query(
      `INSERT INTO organizations (id, name) SELECT * FROM unnest($1::uuid[], $2::text[]) AS o (id, name)
       WHERE NOT EXISTS (SELECT 1 FROM organizations x WHERE x.name = o.name)
       ON CONFLICT (name) DO NOTHING RETURNING id, name`,
      [names.map(() => randomUUID()), names],
    );
    await this.audit.recordAll(
      manager,
      made.map(({ id, name }) => ({ kind: 'organization.created', organizationId: id, name })),
    );
    const rows: { id: string; name: string }[] = await manager.query(
      `SELECT id, name FROM organizations WHERE name = ANY ($1::text[])`,
      [names],
    );
    return new Map(rows.map((row) => [row.name, row.id]));
  }

  private async insert(manager: EntityManager, settings: RecordedSettings, organizationId: string): Promise<void> {
    await manager.query(`INSERT INTO providers (id, organization_id, enabled) VALUES ($1, $2, $3)`, [
      settings.id,
      organizationId,
      settings.enabled,
    ]);
  }

  private async align(
    manager: EntityManager,
    revoke: Revoke,
    row: ProviderRow,
    settings: RecordedSettings,
    organizationId: string,
  ): Promise<void> {
    if (row.organization_id !== organizationId) {
      const [rows]: [unknown[], number] = await manager.query(
        `UPDATE providers p SET organization_id = $2
         WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM external_identities i WHERE i.provider_id = p.id)
         RETURNING id`,
        [row.id, organizationId],
      );
      if (rows.length === 0)
        throw new Error(
          `provider "${row.id}": organization "${settings.organization}" is not the one that its users belong to; ` +
            'put the old organization back, or give the provider a new id',
        );
    }
    if (row.enabled !== settings.enabled)
      await this.switch(manager, revoke, row.id, settings.enabled ? 'on' : 'off', CONFIGURATION);
  }

  private async switch(
    manager: EntityManager,
    revoke: Revoke,
    providerId: string,
    to: 'on' | 'off',
    switcher: Switcher,
  ): Promise<void> {
    const [rows]: [{ generation: number; organization_id: string }[], number] = await manager.query(
      `UPDATE providers SET enabled = $2, generation = generation + 1 WHERE id = $1
       RETURNING generation, organization_id`,
      [providerId, to === 'on'],
    );
    const [row] = rows;
    if (row === undefined) throw new OAuthError('not_found', 'There is no such provider');
    revoke({ subject: `provider:${providerId}`, generation: row.generation });
    const event = { providerId, organizationId: row.organization_id, by: switcher.by };
    await this.audit.record(
      manager,
      to === 'on' ? { kind: 'provider.enabled', ...event } : { kind: 'provider.disabled', ...event },
      switcher,
    );
  }
}
