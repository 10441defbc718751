import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditLog } from '@app/audit';
import { loadConfig, type GatehouseConfig, type OrganizationConfig } from '@app/config';
import { Database } from '@app/database';
import type { TenantAccess } from '@app/organizations';
import { startServer, type RunningServer } from '../../../apps/server/src/server.spec-support.js';
import { Browser } from '../../../test/harness/browser.js';
import { startFakeUpstream, type FakeUpstream, type IssuedTokenSet } from '../../../test/harness/fake-upstream.js';
import { bearer, signInAsTest } from '../../../test/harness/sign-in.js';
import { json, send, type Answer } from '../../../test/protocol/http.js';

export const REDIRECT_URL = 'http://localhost:9/connected';
/** What all tests of this room may connect to: three providers at one lying upstream. */
const PROVIDERS = (url: string, more: string) => `
outbound: { allow_private: true }
oauth_providers:
  - { id: up, name: "Up & <co>", type: oauth2, authorization_url: "${url}/authorize", token_url: "${url}/token",
      userinfo_url: "${url}/userinfo", issuer: "${url}", client_id: fake-client, client_secret: fake-secret,
      subject_field: sub, scopes: [profile, offline_access], callback: own, revocation_url: "${url}/revoke" }
  - { id: shared, type: oidc, issuer: "${url}/realms/shared", client_id: fake-client, client_secret: fake-secret, sign_in: false }
  - { id: keeper, type: oidc, issuer: "${url}/realms/keeper", client_id: fake-client, client_secret: fake-secret,
      store_tokens: true, callback: own, organization: acme }
${more}`;

const entry = (user: string) => ({ provider: 'test', subjectOrEmail: `${user}@test.tmi` });
const ORGANIZATIONS: readonly OrganizationConfig[] = [
  { name: 'default', members: [{ ...entry('boss'), role: 'owner' }] },
  { name: 'acme', members: [{ ...entry('carol'), role: 'owner' }] },
];

export interface Caller {
  readonly headers: Record<string, string>;
  readonly userId: string;
}

/** The whole server, two organizations, and a provider that lies. */
export class TestVault {
  private constructor(
    readonly server: RunningServer,
    readonly upstream: FakeUpstream,
    private readonly dataDir: string,
  ) {}

  static async open(changes: Partial<GatehouseConfig> = {}, moreProviders = ''): Promise<TestVault> {
    const upstream = await startFakeUpstream();
    const { providers, outbound, vault } = loadConfig(
      { PUBLIC_URL: 'http://localhost:8080', TEST_IDP_PORT: 'off', GATEHOUSE_CONFIG: 'x' },
      () => PROVIDERS(upstream.url, moreProviders),
    );
    const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-connections-'));
    const server = await startServer({
      providers,
      outbound,
      dataDir,
      organizations: ORGANIZATIONS,
      admins: [entry('root')],
      vault: { ...vault, schedule: false, redirectUrls: [REDIRECT_URL, `${REDIRECT_URL}?app=1`] },
      ...changes,
    });
    return new TestVault(server, upstream, dataDir);
  }

  get database(): Database {
    return this.server.app.get(Database, { strict: false });
  }

  url(path: string): string {
    return `http://localhost:${this.server.port}${path}`;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return send('GET', this.url(path), { headers });
  }
  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return json(this.url(path), body, headers);
  }
  delete(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return send('DELETE', this.url(path), { headers });
  }

  /** Somebody who signed in at the `test` provider: `boss` owns default, `carol` acme, all others are members of default. */
  async person(user: string): Promise<Caller> {
    const { access_token: token } = await signInAsTest(this.url(''), user);
    const { body } = await this.get('/oauth2/userinfo', bearer(token));
    return { userId: String(body['sub']), headers: { authorization: `Bearer ${token}` } };
  }

  async apiKey(owner: Caller, permissions: readonly TenantAccess[], organization = 'default'): Promise<string> {
    const headers = { ...owner.headers, 'x-workspace-id': organization };
    const { status, body, text } = await this.post('/api/v1/api-keys', { name: 'ci', permissions }, headers);
    if (status !== 200) throw new Error(text);
    return String(body['key']);
  }

  /** A grant of the upstream, imported. */
  async imported(
    caller: Caller,
    how: { access_ttl?: number; integration?: string; without?: 'refresh_token' } = {},
  ): Promise<{ id: string; issued: IssuedTokenSet; answer: Answer }> {
    const [issued] = await this.upstream.issue(1, { access_ttl: how.access_ttl ?? 3600 });
    if (issued === undefined) throw new Error('the upstream issued nothing');
    const credentials = {
      access_token: issued.access_token,
      ...(how.without === undefined ? { refresh_token: issued.refresh_token } : {}),
      expires_at: new Date(Date.now() + issued.expires_in * 1000).toISOString(),
      scope: issued.scope,
    };
    const body = { label: 'Mail', integration: how.integration ?? 'up', integration_type: 'connectors', credentials };
    const answer = await this.post('/api/v1/connections', body, caller.headers);
    if (answer.status !== 200) throw new Error(answer.text);
    return { id: String(answer.body['id']), issued, answer };
  }

  async audited(kind: string): Promise<{ subject: string; actor: string | null; details: Record<string, unknown> }[]> {
    await this.server.app.get(AuditLog, { strict: false }).settled();
    return this.database.query('SELECT subject, actor, details FROM audit_events WHERE kind = $1 ORDER BY id', [kind]);
  }

  /** Moves the vault's clock (D59). */
  async shiftClock(seconds: number): Promise<void> {
    await this.database.query(
      `CREATE OR REPLACE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
       AS 'SELECT now() + interval ''${seconds} seconds'''`,
    );
  }

  /** Addresses name the public URL, where no test listens: the browser is led to where this server does. */
  local(address: string | URL): string {
    const url = new URL(address);
    return url.origin === new URL(this.server.config.publicUrl).origin ? this.url(url.pathname + url.search) : url.href;
  }

  browser(): Browser {
    return new Browser();
  }

  async close(): Promise<void> {
    await this.server.stop();
    await this.upstream.close();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
