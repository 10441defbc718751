import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '@app/config';
import { Database } from '@app/database';
import { Revocations } from '@app/revocation';
import { ClientMemory } from '../client-memory.js';
import { applicationRevocationClaims, type Application } from './application.js';
import { APPLICATION_COLUMNS, applicationOf, type ApplicationRow } from './application-row.js';

/** One of an application's secrets, by its hash. */
export interface StoredSecret {
  readonly hash: Buffer;
  readonly expiresAt: Date | undefined;
}

/** An application with what proves it. */
export interface StoredApplication {
  readonly application: Application;
  readonly secrets: readonly StoredSecret[];
}

interface Row extends ApplicationRow {
  /** Hexadecimal hashes: JSON carries no bytes. */
  readonly secrets: { readonly hash: string; readonly expires_at: string | null }[];
}

/** RFC 6749 A.1, as long as a registered one may be. */
const CLIENT_ID = /^[\x21-\x7e]{1,100}$/;

/**
 * Registered applications that may be used: not disabled, of an organization that is there. Warm, finding one costs one
 * round trip to the transient store and no SQL; a change counts at once, at every instance (D20, R11).
 */
@Injectable()
export class Applications {
  private readonly memory: ClientMemory<StoredApplication>;

  constructor(
    private readonly database: Database,
    private readonly revocations: Revocations,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.memory = new ClientMemory((clientId) => this.read(clientId), clock);
  }

  /** Undefined: unknown, disabled, or not ours to know by this id. */
  async find(clientId: string): Promise<Application | undefined> {
    return (await this.findStored(clientId))?.application;
  }

  /** The same, with the hashes of its secrets. */
  async findStored(clientId: string): Promise<StoredApplication | undefined> {
    if (!CLIENT_ID.test(clientId)) return undefined;
    const recalled = this.memory.recall(clientId);
    if (recalled === 'unknown') return undefined;
    const stored = recalled ?? (await this.memory.load(clientId));
    if (stored === undefined || (await this.isCurrent(stored))) return stored;
    this.memory.forget(clientId);
    const reloaded = await this.memory.load(clientId);
    return reloaded !== undefined && (await this.isCurrent(reloaded)) ? reloaded : undefined;
  }

  /**
   * What is remembered, without a question to anybody, so that it may be out of date: for who looks at its revision in the
   * statement that acts on it.
   */
  recall(clientId: string): Application | undefined {
    const recalled = this.memory.recall(clientId);
    return recalled === 'unknown' ? undefined : recalled?.application;
  }

  private async isCurrent({ application }: StoredApplication): Promise<boolean> {
    return (await this.revocations.check(applicationRevocationClaims(application))).length === 0;
  }

  private async read(clientId: string): Promise<StoredApplication | undefined> {
    const [row] = await this.database.queryNamed<Row>(
      'application',
      `SELECT ${APPLICATION_COLUMNS},
              coalesce((SELECT json_agg(json_build_object('hash', encode(x.secret_hash, 'hex'), 'expires_at', x.expires_at))
                        FROM application_secrets x WHERE x.application_id = a.id), '[]') AS secrets
       FROM applications a JOIN organizations o ON o.id = a.organization_id
       WHERE a.client_id = $1 AND a.disabled_at IS NULL`,
      [clientId],
    );
    if (row === undefined) return undefined;
    const secrets = row.secrets.map(({ hash, expires_at: expiresAt }) => ({
      hash: Buffer.from(hash, 'hex'),
      expiresAt: expiresAt === null ? undefined : new Date(expiresAt),
    }));
    return { application: applicationOf(row), secrets };
  }
}
