import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { UpstreamTokenSet } from '@app/upstream-tokens';
import type { VaultSettings } from '../../../libs/vault/src/vault-settings.js';
import {
  startFakeUpstream,
  type FakeProvider,
  type FakeUpstream,
  type FakeUpstreamSettings,
  type IssuedTokenSet,
} from '../../harness/fake-upstream.js';
import { VaultProcess } from './vault-process.js';

export type Rotation = 'single_use' | 'grace' | 'reusable';

/** A provider of the vault, which is a realm of the lying upstream of the same name. */
export interface ProviderOptions extends FakeUpstreamSettings {
  readonly rotation?: Rotation;
  /** More settings of it, as YAML knows them. */
  readonly yaml?: Readonly<Record<string, string | number>>;
}

/** A connection, and the upstream's name of its grant. */
export interface Connected {
  readonly id: string;
  readonly family: string;
}

export interface ConnectionState {
  readonly status: string;
  readonly status_reason: string | null;
  readonly generation: number;
  readonly intent_epoch: number | null;
  readonly lease_epoch: number;
}

export interface ProcessOptions extends Partial<VaultSettings> {
  readonly callers?: number;
  readonly dataDir?: string;
}

/** A database, the lying upstream with its providers, and processes of the vault that live and die over them. */
export class CrashWorld {
  readonly processes: VaultProcess[] = [];
  private readonly dirs: string[] = [];
  private readonly pool: pg.Pool;

  private constructor(
    readonly databaseUrl: string,
    readonly upstream: FakeUpstream,
    private readonly providers: Readonly<Record<string, ProviderOptions>>,
    private readonly outbound: string,
  ) {
    this.pool = new pg.Pool({ connectionString: databaseUrl, max: 4 });
    this.pool.on('error', () => {});
  }

  /** @param tokenTimeoutMs how long a request to the upstream may take; scale it with the lease */
  static async start(
    databaseUrl: string,
    providers: Readonly<Record<string, ProviderOptions>>,
    tokenTimeoutMs = 60_000,
  ): Promise<CrashWorld> {
    const upstream = await startFakeUpstream();
    for (const [name, { yaml: _, ...settings }] of Object.entries(providers)) await upstream.realm(name).set(settings);
    const outbound = `outbound: { token_timeout_ms: ${tokenTimeoutMs} }`;
    return new CrashWorld(databaseUrl, upstream, providers, outbound);
  }

  /** One more process; without settings its schedule is off, and its lease so short that tests can outlive it. */
  async process(options: ProcessOptions = {}): Promise<VaultProcess> {
    const { callers, dataDir = this.newDir(), ...settings } = options;
    const started = await VaultProcess.start({
      databaseUrl: this.databaseUrl,
      dataDir,
      yaml: this.yaml(),
      settings: { leaseMs: 600, waitMs: 60_000, ...settings },
      ...(callers === undefined ? {} : { callers }),
    });
    this.processes.push(started);
    return started;
  }

  processesWith(count: number, options: ProcessOptions = {}): Promise<VaultProcess[]> {
    return Promise.all(Array.from({ length: count }, () => this.process(options)));
  }

  newDir(): string {
    const dir = mkdtempSync(join(tmpdir(), 'gatehouse-crash-'));
    this.dirs.push(dir);
    return dir;
  }

  realm(provider: string): FakeProvider {
    return this.upstream.realm(provider);
  }

  /** New grants of a provider, imported as connections. */
  async connect(through: VaultProcess, provider: string, count = 1): Promise<Connected[]> {
    const issued = await this.realm(provider).issue(count);
    const ids = await through.call('connect', provider, issued.map(tokenSetOf));
    return issued.map(({ family }, n) => ({ family, id: ids[n] ?? '' }));
  }

  async connectOne(through: VaultProcess, provider: string): Promise<Connected> {
    const [one] = await this.connect(through, provider);
    if (one === undefined) throw new Error('nothing was connected');
    return one;
  }

  async query<T extends object>(sql: string, parameters: readonly unknown[] = []): Promise<T[]> {
    return (await this.pool.query(sql, [...parameters])).rows as T[];
  }

  async state(id: string): Promise<ConnectionState> {
    const [row] = await this.query<ConnectionState>(
      `SELECT status, status_reason, generation::int, intent_epoch::int, lease_epoch::int
       FROM connections WHERE id = $1`,
      [id],
    );
    if (row === undefined) throw new Error(`${id} is not there`);
    return row;
  }

  /** Outcomes in the journal, oldest first. */
  async outcomes(id: string): Promise<string[]> {
    const rows = await this.query<{ outcome: string }>(
      `SELECT outcome FROM refresh_attempts WHERE connection_id = $1 ORDER BY id`,
      [id],
    );
    return rows.map(({ outcome }) => outcome);
  }

  /** Lets the tokens of connections expire, so that they are due. */
  async makeDue(ids: readonly string[]): Promise<void> {
    await this.query(`UPDATE connections SET next_refresh_at = app_now(), expires_at = app_now() WHERE id = ANY($1)`, [
      ids,
    ]);
  }

  /** Until nobody holds the connection by the database's clock. */
  async leaseOver(id: string): Promise<void> {
    await until(async () => {
      const [row] = await this.query<object>(
        `SELECT FROM connections WHERE id = $1 AND (lease_until IS NULL OR lease_until <= app_now())`,
        [id],
      );
      return row !== undefined;
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((one) => one.kill()));
    await this.upstream.close();
    await this.pool.end();
    for (const dir of this.dirs) rmSync(dir, { recursive: true, force: true });
  }

  private yaml(): string {
    const lines = Object.entries(this.providers).map(([id, { rotation = 'single_use', yaml = {} }]) => {
      const { issuer } = this.realm(id);
      const more = Object.entries({ rotation, max_per_second: 10_000, max_concurrency: 200, ...yaml });
      return `
  - id: ${id}
    type: oauth2
    authorization_url: ${issuer}/authorize
    token_url: ${issuer}/token
    client_id: fake-client
    client_secret: fake-secret
    callback: own
    sign_in: false
${more.map(([name, value]) => `    ${name}: ${value}`).join('\n')}`;
    });
    return `${this.outbound}\noauth_providers:${lines.join('')}\n`;
  }
}

/** Looks again and again until it is so. */
export async function until(so: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await so())) await pause(10);
}

function tokenSetOf(issued: IssuedTokenSet): UpstreamTokenSet {
  return {
    accessToken: issued.access_token,
    refreshToken: issued.refresh_token,
    tokenType: 'Bearer',
    scope: issued.scope,
    expiresInSeconds: issued.expires_in,
    refreshExpiresInSeconds: undefined,
    metadata: {},
  };
}
