import { randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, type AuditContext } from '@app/audit';
import { CLOCK, type Clock } from '@app/config';
import { Database } from '@app/database';
import { hashOpaqueToken, mintOpaqueToken, OAuthError } from '@app/oauth2';
import { Revocations, type Revoke } from '@app/revocation';
import type { EntityManager } from 'typeorm';
import { provesBySecret, revisionSubject, type Application, type ApplicationSettings } from './application.js';
import {
  APPLICATION_COLUMNS,
  applicationOf,
  SETTING_COLUMNS,
  settingValues,
  type ApplicationRow,
} from './application-row.js';
import { assertApplication } from './application-rules.js';

/** Who changes an application, for which organization. `actor` as in the audit: `user:{id}`, `service_token:{id}`, … */
export interface ApplicationKeeper {
  readonly organizationId: string;
  readonly actor: string;
}

/** An application as its keepers see it. */
export interface RegisteredApplication extends Application {
  readonly disabled: boolean;
  /** The configuration file owns it. */
  readonly configured: boolean;
  readonly createdBy: string;
}

interface KeptRow extends ApplicationRow {
  readonly disabled_at: Date | null;
  readonly configured: boolean;
  readonly created_by: string;
}

/** More of an UPDATE: `, column = $2, …`, with parameters from $2 on. */
interface Assignments {
  readonly columns?: string;
  readonly values?: readonly unknown[];
}

export type ApplicationChange = 'created' | 'changed' | 'secret_rotated' | 'disabled' | 'enabled' | 'deleted';

const KEPT = `SELECT ${APPLICATION_COLUMNS}, a.disabled_at, a.configured, a.created_by
              FROM applications a JOIN organizations o ON o.id = a.organization_id`;

/** Registering, changing, disabling and deleting applications of one organization (R27). A change counts at once (D20). */
@Injectable()
export class ApplicationRegistry {
  constructor(
    private readonly database: Database,
    private readonly revocations: Revocations,
    private readonly audit: AuditLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Registers an application. `clientSecret` is here once and is stored as its SHA-256; public applications and those that
   * sign have none.
   * @throws OAuthError 422 naming the field
   */
  async create(
    keeper: ApplicationKeeper,
    settings: ApplicationSettings,
    context: AuditContext,
  ): Promise<{ application: RegisteredApplication; clientSecret: string | undefined }> {
    assertApplication(settings);
    const id = `app_${randomBytes(16).toString('base64url')}`;
    const clientSecret = provesBySecret(settings) ? mintOpaqueToken('as') : undefined;
    const now = this.clock();
    await this.database.transaction(async (manager) => {
      const values = settingValues(settings);
      await manager.query(
        `INSERT INTO applications (id, client_id, organization_id, created_by, created_at, updated_at, ${SETTING_COLUMNS.join(', ')})
         VALUES ($1, $1, $2, $3, $4, $4, ${values.map((_, index) => `$${index + 5}`).join(', ')})`,
        [id, keeper.organizationId, keeper.actor, now, ...values],
      );
      if (clientSecret !== undefined) await this.addSecret(manager, id, clientSecret, now);
      await this.record(manager, 'created', id, keeper, context);
    });
    return { application: await this.get(keeper.organizationId, id), clientSecret };
  }

  /** @throws OAuthError `not_found` for an unknown one and for another organization's alike (R27) */
  async get(organizationId: string, id: string): Promise<RegisteredApplication> {
    const [row] = id.includes('\0')
      ? []
      : await this.database.queryNamed<KeptRow>(
          'application-of-organization',
          `${KEPT} WHERE a.id = $1 AND a.organization_id = $2`,
          [id, organizationId],
        );
    if (row === undefined) throw unknownApplication();
    return registeredOf(row);
  }

  /** Newest first, and how many there are of all pages. */
  async list(
    organizationId: string,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<{ applications: readonly RegisteredApplication[]; total: number }> {
    const [rows, [counted]] = await Promise.all([
      this.database.query<KeptRow>(
        `${KEPT} WHERE a.organization_id = $1 ORDER BY a.created_at DESC, a.id LIMIT $2 OFFSET $3`,
        [organizationId, page.limit, page.offset],
      ),
      this.database.query<{ total: number }>(
        `SELECT count(*)::int AS total FROM applications WHERE organization_id = $1`,
        [organizationId],
      ),
    ]);
    return { applications: rows.map(registeredOf), total: counted?.total ?? 0 };
  }

  /**
   * Puts new settings in place of the old ones, which `settings` is given. What was issued stays good, within the new scopes
   * at the next refresh; secrets end where the application has none any more.
   * @throws OAuthError 422, `not_found`, `forbidden` where the configuration file owns it
   */
  async change(
    keeper: ApplicationKeeper,
    id: string,
    settings: (current: RegisteredApplication) => ApplicationSettings,
    context: AuditContext,
  ): Promise<RegisteredApplication> {
    await this.changing(keeper, id, 'changed', context, async (current, manager) => {
      const wanted = settings(current);
      assertApplication(wanted);
      if (!provesBySecret(wanted))
        await manager.query(`DELETE FROM application_secrets WHERE application_id = $1`, [id]);
      const columns = SETTING_COLUMNS.map((column, index) => `, ${column} = $${index + 2}`).join('');
      return { columns, values: settingValues(wanted) };
    });
    return this.get(keeper.organizationId, id);
  }

  /**
   * Gives a new secret; the ones before stay good for `keepSeconds`, so that no instance of the application fails meanwhile.
   * @throws OAuthError `not_found`, `forbidden`; 422 where the application has no secret
   */
  async rotateSecret(
    keeper: ApplicationKeeper,
    id: string,
    keepSeconds: number,
    context: AuditContext,
  ): Promise<string> {
    const secret = mintOpaqueToken('as');
    const now = this.clock();
    const end = new Date(now.getTime() + keepSeconds * 1000);
    await this.changing(keeper, id, 'secret_rotated', context, async (current, manager) => {
      assertHasSecret(current);
      await manager.query(`DELETE FROM application_secrets WHERE application_id = $1 AND expires_at <= $2`, [id, now]);
      await manager.query(
        `UPDATE application_secrets SET expires_at = LEAST(expires_at, $2) WHERE application_id = $1`,
        [id, end],
      );
      await this.addSecret(manager, id, secret, now);
      return {};
    });
    return secret;
  }

  /** Nothing that it was issued is good when this returns, and it begins nothing more (R11). */
  async disable(keeper: ApplicationKeeper, id: string, context: AuditContext): Promise<void> {
    const values = [this.clock()];
    await this.changing(keeper, id, 'disabled', context, () => ({
      columns: ', disabled_at = coalesce(disabled_at, $2), generation = generation + 1',
      values,
    }));
  }

  /** It may begin anew; what it was issued before stays dead. */
  async enable(keeper: ApplicationKeeper, id: string, context: AuditContext): Promise<void> {
    await this.changing(keeper, id, 'enabled', context, () => ({ columns: ', disabled_at = NULL' }));
  }

  /** Disabled for good, and forgotten. */
  async delete(keeper: ApplicationKeeper, id: string, context: AuditContext): Promise<void> {
    await this.changing(keeper, id, 'deleted', context, () => ({ columns: ', generation = generation + 1' }));
  }

  /** @param assignments with parameters from $3 on, for `values` */
  /** One change at a time: what is planned sees what the change before it left. @returns the application before */
  private async changing(
    keeper: ApplicationKeeper,
    id: string,
    change: ApplicationChange,
    context: AuditContext,
    plan: (current: RegisteredApplication, manager: EntityManager) => Assignments | Promise<Assignments>,
  ): Promise<void> {
    const now = this.clock();
    await this.revocations.transaction(async (manager, revoke) => {
      const current = await this.lock(manager, keeper.organizationId, id);
      const { columns = '', values = [] } = await plan(current, manager);
      const [rows]: [{ client_id: string; generation: number; revision: number }[], number] = await manager.query(
        `UPDATE applications SET updated_at = $${values.length + 2}, revision = revision + 1 ${columns}
         WHERE id = $1 RETURNING client_id, generation, revision`,
        [id, ...values, now],
      );
      const [row] = rows;
      if (row === undefined) throw unknownApplication();
      announce(row, revoke);
      if (change === 'deleted') await manager.query(`DELETE FROM applications WHERE id = $1`, [id]);
      await this.record(manager, change, id, keeper, context);
    });
  }

  /** It must not be of the file: what a route changed, the next start would change back. */
  private async lock(manager: EntityManager, organizationId: string, id: string): Promise<RegisteredApplication> {
    const rows: KeptRow[] = id.includes('\0')
      ? []
      : await manager.query(`${KEPT} WHERE a.id = $1 AND a.organization_id = $2 FOR UPDATE OF a`, [id, organizationId]);
    const [row] = rows;
    if (row === undefined) throw unknownApplication();
    if (row.configured)
      throw new OAuthError('forbidden', 'The configuration file owns this application; change it there');
    return registeredOf(row);
  }

  private async addSecret(manager: EntityManager, id: string, secret: string, now: Date): Promise<void> {
    await manager.query(
      `INSERT INTO application_secrets (id, application_id, secret_hash, created_at) VALUES ($1, $2, $3, $4)`,
      [randomUUID(), id, hashOpaqueToken(secret), now],
    );
  }

  private async record(
    manager: EntityManager,
    change: ApplicationChange,
    applicationId: string,
    { organizationId, actor }: ApplicationKeeper,
    context: AuditContext,
  ): Promise<void> {
    await this.audit.record(
      manager,
      { kind: `application.${change}` as const, applicationId, organizationId, by: actor },
      context,
    );
  }
}

/** A generation that did not rise revokes nothing that is alive. */
export function announce(row: { client_id: string; generation: number; revision: number }, revoke: Revoke): void {
  revoke({ subject: revisionSubject(row.client_id), generation: row.revision });
  revoke({ subject: `client:${row.client_id}`, generation: row.generation });
}

function assertHasSecret(application: RegisteredApplication): void {
  if (provesBySecret(application)) return;
  const { tokenEndpointAuthMethod } = application;
  throw new OAuthError(
    'invalid_request',
    `This application authenticates by ${tokenEndpointAuthMethod}, not by a secret`,
    {
      status: 422,
      details: { in: 'path', field: 'id' },
    },
  );
}

function unknownApplication(): OAuthError {
  return new OAuthError('not_found', 'Your organization has no application with this id');
}

function registeredOf(row: KeptRow): RegisteredApplication {
  const { disabled_at: disabledAt, configured, created_by: createdBy } = row;
  return { ...applicationOf(row), disabled: disabledAt !== null, configured, createdBy };
}
