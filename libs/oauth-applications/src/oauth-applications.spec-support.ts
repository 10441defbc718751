import { AuditLog } from '@app/audit';
import type { GatehouseConfig, OrganizationConfig } from '@app/config';
import { Database } from '@app/database';
import type { TenantAccess } from '@app/organizations';
import { startServer, type RunningServer } from '../../../apps/server/src/server.spec-support.js';
import { applicationUrl } from '../../../test/harness/application.js';
import { bearer, signInAsTest } from '../../../test/harness/sign-in.js';
import { json, send, type Answer } from '../../../test/protocol/http.js';

export const REDIRECT_URI = 'https://wiki.example/callback';

export interface Caller {
  readonly headers: Record<string, string>;
  readonly userId: string;
}

/** An application that was registered over HTTP. */
export interface Registered {
  readonly id: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
}

const entry = (user: string) => ({ provider: 'test', subjectOrEmail: `${user}@test.tmi` });
const ORGANIZATIONS: readonly OrganizationConfig[] = [
  { name: 'default', members: [{ ...entry('boss'), role: 'owner' }] },
  { name: 'acme corp', members: [{ ...entry('carol'), role: 'owner' }] },
];

/** The whole server over real HTTP and Postgres, and two organizations: everybody signs in to `default`. */
export class TestApplications {
  private constructor(readonly server: RunningServer) {}

  static async open(changes: Partial<GatehouseConfig> = {}): Promise<TestApplications> {
    return new TestApplications(await startServer({ organizations: ORGANIZATIONS, ...changes }));
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
  patch(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return send('PATCH', this.url(path), {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  }
  delete(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return send('DELETE', this.url(path), { headers });
  }

  /** `boss` owns default, `carol` acme corp, all others are members of default. */
  async person(user: string): Promise<Caller> {
    const { access_token: token } = await signInAsTest(this.url(''), user);
    const { body } = await this.get('/oauth2/userinfo', bearer(token));
    return { userId: String(body['sub']), headers: { authorization: `Bearer ${token}` } };
  }

  async serviceToken(
    owner: Caller,
    accesses: readonly TenantAccess[],
    organization = 'default',
  ): Promise<{ authorization: string }> {
    const path = `/api/v1/organizations/${encodeURIComponent(organization)}/service-tokens`;
    const { status, body, text } = await this.post(path, { name: 'ci', accesses }, owner.headers);
    if (status !== 200) throw new Error(text);
    return { authorization: String(body['token']) };
  }

  /** One that asks nobody for consent, unless `input` says so. */
  async application(owner: Caller, input: object = {}, organization = 'default'): Promise<Registered> {
    const path = `/api/v1/organizations/${encodeURIComponent(organization)}/applications`;
    const settings = { name: 'Wiki', redirect_uris: [REDIRECT_URI], consent: 'skip', ...input };
    const { status, body, text } = await this.post(path, settings, owner.headers);
    if (status !== 200) throw new Error(text);
    const [redirectUri = ''] = body['redirect_uris'] as string[];
    return {
      id: String(body['id']),
      clientId: String(body['client_id']),
      clientSecret: String(body['client_secret']),
      redirectUri,
    };
  }

  /** A person signs in at the `test` provider for this application. */
  async code(application: Registered, person: string, parameters: Record<string, string> = {}): Promise<string> {
    const url = applicationUrl(this.url(''), application, { login_hint: person, ...parameters });
    const { status, headers, text } = await send('GET', url);
    const code = new URL(headers.location ?? 'none:').searchParams.get('code');
    if (code === null) throw new Error(`${status} ${headers.location}: ${text}`);
    return code;
  }

  async audited(kind: string): Promise<{ subject: string; actor: string | null; details: Record<string, unknown> }[]> {
    await this.server.app.get(AuditLog, { strict: false }).settled();
    return this.database.query('SELECT subject, actor, details FROM audit_events WHERE kind = $1 ORDER BY id', [kind]);
  }

  close(): Promise<void> {
    return this.server.stop();
  }
}
