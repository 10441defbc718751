import { randomBytes, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { AuditLog } from '@app/audit';
import { CLOCK, GATEHOUSE_CONFIG, type ApplicationConfig, type Clock, type GatehouseConfig } from '@app/config';
import { hashOpaqueToken } from '@app/oauth2';
import { Revocations, type Revoke } from '@app/revocation';
import type { EntityManager } from 'typeorm';
import type { ApplicationSettings } from './application.js';
import { announce, type ApplicationChange } from './application-registry.js';
import {
  APPLICATION_COLUMNS,
  applicationOf,
  SETTING_COLUMNS,
  settingValues,
  type ApplicationRow,
} from './application-row.js';

interface ConfiguredRow extends ApplicationRow {
  readonly disabled_at: Date | null;
  /** Hexadecimal. */
  readonly secret_hashes: readonly string[];
}

interface Changed {
  readonly client_id: string;
  readonly generation: number;
  readonly revision: number;
}

/**
 * The applications that the configuration file names (D62), brought in line with it at start: what is new is registered,
 * what differs is changed, and what is gone is disabled with all that it was issued, until the file names it again. The
 * organizations exist by then: the directory makes them, and what a module stands on starts before it.
 */
@Injectable()
export class ConfiguredApplications implements OnApplicationBootstrap {
  constructor(
    private readonly revocations: Revocations,
    private readonly audit: AuditLog,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.sync(this.config.applications);
  }

  /**
   * Instances that start together do it one after the other; what is in line costs no write. A change counts at once, at
   * every instance (D20, R11).
   * @throws Error when an organization is not there
   */
  async sync(applications: readonly ApplicationConfig[]): Promise<void> {
    const now = this.clock();
    await this.revocations.transaction(async (manager, revoke) => {
      await manager.query(`SELECT pg_advisory_xact_lock(hashtextextended('gatehouse:configured-applications', 0))`);
      const known = await rowsByClientId(manager);
      const organizations = await organizationIds(manager, applications);
      for (const application of applications) {
        const organizationId = organizations.get(application.organization);
        if (organizationId === undefined)
          throw new Error(
            `application "${application.clientId}": there is no organization "${application.organization}"; list it under organizations`,
          );
        const row = known.get(application.clientId);
        known.delete(application.clientId);
        if (row === undefined) await this.insert(manager, application, organizationId, now);
        else await this.align(manager, revoke, row, application, organizationId, now);
      }
      for (const gone of known.values()) if (gone.disabled_at === null) await this.disable(manager, revoke, gone, now);
    });
  }

  private async insert(
    manager: EntityManager,
    application: ApplicationConfig,
    organizationId: string,
    now: Date,
  ): Promise<void> {
    const id = `app_${randomBytes(16).toString('base64url')}`;
    const values = settingValues(application);
    await manager.query(
      `INSERT INTO applications
         (id, client_id, organization_id, configured, created_by, created_at, updated_at, ${SETTING_COLUMNS.join(', ')})
       VALUES ($1, $2, $3, true, 'configuration', $4, $4, ${values.map((_, index) => `$${index + 5}`).join(', ')})`,
      [id, application.clientId, organizationId, now, ...values],
    );
    await replaceSecrets(manager, id, hashesOf(application), now);
    await this.tell(manager, id, organizationId, ['created']);
  }

  private async align(
    manager: EntityManager,
    revoke: Revoke,
    row: ConfiguredRow,
    application: ApplicationConfig,
    organizationId: string,
    now: Date,
  ): Promise<void> {
    const moved = row.organization_id !== organizationId;
    const hashes = hashesOf(application);
    const rotated = !isDeepStrictEqual(new Set(row.secret_hashes), new Set(hashes));
    const changes: ApplicationChange[] = [];
    if (row.disabled_at !== null) changes.push('enabled');
    if (moved || !isDeepStrictEqual(settingsOf(applicationOf(row)), settingsOf(application))) changes.push('changed');
    if (rotated) changes.push('secret_rotated');
    if (changes.length === 0) return;
    const values = settingValues(application);
    // To another organization nothing goes along that people of this one gave it (R27).
    if (moved) await manager.query(`DELETE FROM consents WHERE application_id = $1`, [row.id]);
    if (moved) await this.tell(manager, row.id, row.organization_id, ['changed']);
    const [[changed]]: [Changed[], number] = await manager.query(
      `UPDATE applications SET organization_id = $2, disabled_at = NULL, updated_at = $3, revision = revision + 1,
              generation = generation + $4, ${SETTING_COLUMNS.map((column, index) => `${column} = $${index + 5}`).join(', ')}
       WHERE id = $1 RETURNING client_id, generation, revision`,
      [row.id, organizationId, now, moved ? 1 : 0, ...values],
    );
    if (changed !== undefined) announce(changed, revoke);
    if (rotated) await replaceSecrets(manager, row.id, hashes, now);
    await this.tell(manager, row.id, organizationId, changes);
  }

  private async disable(manager: EntityManager, revoke: Revoke, row: ConfiguredRow, now: Date): Promise<void> {
    const [[changed]]: [Changed[], number] = await manager.query(
      `UPDATE applications
       SET disabled_at = $2, updated_at = $2, revision = revision + 1, generation = generation + 1
       WHERE id = $1 RETURNING client_id, generation, revision`,
      [row.id, now],
    );
    if (changed !== undefined) announce(changed, revoke);
    await this.tell(manager, row.id, row.organization_id, ['disabled']);
  }

  private async tell(
    manager: EntityManager,
    applicationId: string,
    organizationId: string,
    changes: readonly ApplicationChange[],
  ): Promise<void> {
    await this.audit.recordAll(
      manager,
      changes.map((change) => ({
        kind: `application.${change}` as const,
        applicationId,
        organizationId,
        by: 'configuration',
      })),
    );
  }
}

async function rowsByClientId(manager: EntityManager): Promise<Map<string, ConfiguredRow>> {
  const rows: ConfiguredRow[] = await manager.query(
    `SELECT ${APPLICATION_COLUMNS}, a.disabled_at,
            ARRAY(SELECT encode(x.secret_hash, 'hex') FROM application_secrets x WHERE x.application_id = a.id)
              AS secret_hashes
     FROM applications a JOIN organizations o ON o.id = a.organization_id WHERE a.configured`,
  );
  return new Map(rows.map((row) => [row.client_id, row]));
}

async function organizationIds(
  manager: EntityManager,
  applications: readonly ApplicationConfig[],
): Promise<ReadonlyMap<string, string>> {
  if (applications.length === 0) return new Map();
  const rows: { id: string; name: string }[] = await manager.query(
    `SELECT id, name FROM organizations WHERE name = ANY ($1::text[])`,
    [applications.map(({ organization }) => organization)],
  );
  return new Map(rows.map(({ id, name }) => [name, id]));
}

/** What is stored in the place of its secrets, hexadecimal. */
function hashesOf({ clientSecrets }: ApplicationConfig): readonly string[] {
  return clientSecrets.map((secret) => hashOpaqueToken(secret.reveal()).toString('hex'));
}

/** The overlap of a change is in the file's hands: each secret is good as long as it stands there. */
async function replaceSecrets(
  manager: EntityManager,
  applicationId: string,
  hashes: readonly string[],
  now: Date,
): Promise<void> {
  await manager.query(
    `DELETE FROM application_secrets WHERE application_id = $1 AND encode(secret_hash, 'hex') <> ALL ($2::text[])`,
    [applicationId, hashes],
  );
  await manager.query(
    `INSERT INTO application_secrets (id, application_id, secret_hash, created_at)
     SELECT s.id, $1, decode(s.hash, 'hex'), $4 FROM unnest($2::uuid[], $3::text[]) AS s (id, hash)
     WHERE NOT EXISTS (SELECT 1 FROM application_secrets x
                       WHERE x.application_id = $1 AND x.secret_hash = decode(s.hash, 'hex'))`,
    [applicationId, hashes.map(() => randomUUID()), hashes, now],
  );
}

/** The settings alone, of a row as of the file, so that they can be compared. */
function settingsOf(settings: ApplicationSettings): ApplicationSettings {
  return {
    name: settings.name,
    logoUri: settings.logoUri,
    redirectUris: settings.redirectUris,
    postLogoutRedirectUris: settings.postLogoutRedirectUris,
    scopes: settings.scopes,
    grantTypes: settings.grantTypes,
    tokenEndpointAuthMethod: settings.tokenEndpointAuthMethod,
    jwks: settings.jwks,
    resources: settings.resources,
    consent: settings.consent,
    dpopBoundAccessTokens: settings.dpopBoundAccessTokens,
    backchannelLogoutUri: settings.backchannelLogoutUri,
    frontchannelLogoutUri: settings.frontchannelLogoutUri,
  };
}
