import { Database } from '@app/database';
import { AuditLog } from '@app/audit';
import type { GatehouseConfig, OrganizationConfig } from '@app/config';
import { Directory } from '@app/directory';
import { startServer, type RunningServer } from '../../../apps/server/src/server.spec-support.js';
import { json, send, type Answer } from '../../../test/protocol/http.js';
import { bearer, signInAsTest } from '../../../test/harness/sign-in.js';
import { KeyUsage } from './key-usage.js';
import { Organizations } from './organizations.js';
import type { TenantAccess } from './tenant-caller.js';

/** Somebody who signed in at the `test` provider. */
export interface Person {
  readonly userId: string;
  readonly headers: { readonly authorization: string };
}

/** `default` and two more, with an owner each; `both` belongs to two, `root` administers the installation. */
export const ORGANIZATIONS: readonly OrganizationConfig[] = [
  { name: 'default', members: [{ ...entry('boss'), role: 'owner' }] },
  {
    name: 'acme corp',
    members: [
      { ...entry('carol'), role: 'owner' },
      { ...entry('both'), role: 'admin' },
    ],
  },
];

export function entry(user: string) {
  return { provider: 'test', subjectOrEmail: `${user}@test.tmi` };
}

/** The whole server over real HTTP and Postgres, with the routes and callers of this room. */
export class TestTenants {
  private constructor(readonly server: RunningServer) {}

  static async open(changes: Partial<GatehouseConfig> = {}): Promise<TestTenants> {
    const admins = [entry('root')];
    return new TestTenants(await startServer({ organizations: ORGANIZATIONS, admins, ...changes }));
  }

  get database(): Database {
    return this.server.app.get(Database, { strict: false });
  }
  get directory(): Directory {
    return this.server.app.get(Directory, { strict: false });
  }
  get organizations(): Organizations {
    return this.server.app.get(Organizations, { strict: false });
  }
  get usage(): KeyUsage {
    return this.server.app.get(KeyUsage, { strict: false });
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.server.port}${path}`;
  }
  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return send('GET', this.url(path), { headers });
  }
  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return json(this.url(path), body, headers);
  }
  put(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return send('PUT', this.url(path), {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  }
  delete(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return send('DELETE', this.url(path), { headers });
  }

  async person(user: string): Promise<Person> {
    const { access_token: token } = await signInAsTest(this.url(''), user);
    const { body } = await this.get('/oauth2/userinfo', bearer(token));
    return { userId: String(body['sub']), headers: { authorization: `Bearer ${token}` } };
  }

  /** A service token made over HTTP: the Authorization header that it is. */
  async serviceToken(
    owner: Person,
    accesses: readonly TenantAccess[],
    organization = 'default',
  ): Promise<{ id: string; headers: { authorization: string } }> {
    const path = `/api/v1/organizations/${encodeURIComponent(organization)}/service-tokens`;
    const { status, body, text } = await this.post(path, { name: 'ci', accesses }, owner.headers);
    if (status !== 200) throw new Error(text);
    return { id: String(body['id']), headers: { authorization: String(body['token']) } };
  }

  async apiKey(
    owner: Person,
    permissions: readonly TenantAccess[],
    organization = 'default',
  ): Promise<{ id: string; key: string; headers: { 'x-api-key': string } }> {
    const headers = { ...owner.headers, 'x-workspace-id': organization };
    const { status, body, text } = await this.post('/api/v1/api-keys', { name: 'ci', permissions }, headers);
    if (status !== 200) throw new Error(text);
    const key = String(body['key']);
    return { id: String(body['id']), key, headers: { 'x-api-key': key } };
  }

  async audited(kind: string): Promise<{ subject: string; actor: string | null; details: Record<string, unknown> }[]> {
    await this.server.app.get(AuditLog, { strict: false }).settled();
    return this.database.query('SELECT subject, actor, details FROM audit_events WHERE kind = $1 ORDER BY id', [kind]);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}
