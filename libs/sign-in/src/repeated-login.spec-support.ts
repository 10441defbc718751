import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AuditLog } from '@app/audit';
import { CLOCK, ConfigModule, loadConfig, Secret, type GatehouseConfig, type TestProviderConfig } from '@app/config';
import { Database, DatabaseModule } from '@app/database';
import { Directory, ProviderRecords } from '@app/directory';
import { OAuthError } from '@app/oauth2';
import { Revocations } from '@app/revocation';
import { SamlSessions, type NameId } from '@app/saml';
import { Sessions } from '@app/tokens';
import { FoundationModule } from '../../../test/harness/foundation.module.js';
import { freshDatabase } from '../../../test/harness/postgres.js';
import type { ProvenIdentity } from './proven-identity.js';
import { RepeatedLogin } from './repeated-login.js';
import { SignInModule } from './sign-in.module.js';
import { SignIn } from './sign-in.js';

export const IDP = 'https://idp.example/metadata';
export const CONTEXT = { requestId: 'req-1', remoteAddress: '127.0.0.1' };

function provider(id: string): TestProviderConfig {
  return {
    type: 'test',
    id,
    name: id,
    icon: undefined,
    enabled: true,
    organization: 'default',
    linkByVerifiedEmailDomains: ['acme.example'],
  };
}

/** One Gatehouse's sign-in over a database of its own. */
export class TestSignIn {
  static async open(time: { now: Date }, config: Partial<GatehouseConfig> = {}): Promise<TestSignIn> {
    const fresh = await freshDatabase();
    const whole: GatehouseConfig = {
      ...loadConfig({}, () => ''),
      masterKeys: [{ id: 'test', key: new Secret(Buffer.alloc(32, 7)) }],
      providers: [provider('acme'), provider('other')],
      samlProviders: [],
      redisUrl: undefined,
      ...config,
      databaseUrl: new Secret(fresh.url),
    };
    class Room {}
    Module({
      imports: [
        ConfigModule.forConfig(whole, () => time.now),
        DatabaseModule.forRoot(),
        FoundationModule,
        SignInModule,
      ],
    })(Room);
    const app = await NestFactory.create<NestFastifyApplication>(Room, new FastifyAdapter(), {
      logger: false,
      abortOnError: false,
    });
    await app.init();
    return new TestSignIn(app, time, () => fresh.drop());
  }

  private constructor(
    readonly app: NestFastifyApplication,
    private readonly time: { now: Date },
    private readonly drop: () => Promise<void>,
  ) {
    this.signIn = this.of(SignIn);
    this.theLongWay = new SignIn(
      { begin: () => Promise.resolve(undefined) } as unknown as RepeatedLogin,
      this.of(Revocations),
      this.of(Directory),
      this.of(Sessions),
      this.of(SamlSessions),
      this.of(AuditLog),
      this.of<() => Date>(CLOCK),
    );
  }

  get database(): Database {
    return this.of(Database);
  }

  /** The ordinary way in, and the same without the short one. */
  readonly signIn: SignIn;
  readonly theLongWay: SignIn;

  of<T>(token: (new (...parameters: never[]) => T) | symbol): T {
    return this.app.get<T>(token as never, { strict: false });
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.drop();
  }

  logout(value: string): Promise<string[]> {
    const { now } = this.time;
    return this.database.transaction((manager) =>
      this.of(SamlSessions).recordLogout(manager, {
        providerId: 'acme',
        idpEntityId: IDP,
        nameId: nameId(value),
        sessionIndexes: [],
        issuedAt: now,
        until: new Date(now.getTime() + 300_000),
      }),
    );
  }

  async forgetEverybody(): Promise<void> {
    await this.of(AuditLog).settled();
    await this.database.query('TRUNCATE users, groups, audit_events, saml_logouts CASCADE');
    await this.of(ProviderRecords).enable('acme', { by: 'test' });
  }

  async userOf(subject: string): Promise<string> {
    const [row] = await this.database.query<{ user_id: string }>(
      `SELECT user_id FROM external_identities WHERE provider_id = 'acme' AND subject = $1`,
      [subject],
    );
    return row?.user_id ?? '';
  }

  /** Everything that a login may have written, without what chance gives. */
  async everything(): Promise<unknown> {
    const [row] = await this.database.query<{ all: unknown }>(`
      SELECT json_build_object(
        'users', (SELECT json_agg(to_jsonb(u) - ARRAY['id', 'organization_id', 'created_at', 'disabled_at', 'modified_at']
                         ORDER BY u.created_at, u.email_key) FROM users u WHERE email NOT LIKE '%' || id || '%'),
        'identities', (SELECT json_agg(to_jsonb(i) - ARRAY['id', 'user_id'] ORDER BY provider_id, subject)
                       FROM external_identities i),
        'groups', (SELECT json_agg(jsonb_build_array(g.name, g.last_seen_at, i.provider_id, i.subject)
                          ORDER BY g.name, i.provider_id, i.subject)
                   FROM groups g JOIN group_memberships m ON m.group_id = g.id
                   JOIN external_identities i ON i.id = m.identity_id),
        'sessions', (SELECT json_agg((to_jsonb(s) - ARRAY['id', 'user_id', 'identity_id', 'organization_id', 'created_at',
                            'expires_at']) || (coalesce(to_jsonb(m), '{}') - 'session_id')
                            || jsonb_build_object('subject', i.subject, 'whose', i.user_id = s.user_id,
                                 'home', u.organization_id = s.organization_id,
                                 'lives', round(extract(epoch FROM s.expires_at - now()) / 1000))
                            ORDER BY a.id)
                     FROM audit_events a JOIN sessions s ON s.id = (a.details->>'session')::uuid
                     JOIN external_identities i ON i.id = s.identity_id JOIN users u ON u.id = s.user_id
                     LEFT JOIN saml_sessions m ON m.session_id = s.id WHERE a.kind = 'user.signed_in'),
        'audit', (SELECT json_agg(jsonb_build_array(kind, organization_id IS NULL, actor = subject, request_id,
                         remote_address, details - ARRAY['session', 'identity']) ORDER BY id)
                  FROM audit_events WHERE kind NOT IN ('organization.created', 'keys.rotated')
                    AND kind NOT LIKE '%refused' AND kind <> 'account.conflict')) AS all`);
    return row?.all;
  }
}

export const nameId = (value: string): NameId => ({
  format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  nameQualifier: IDP,
  spNameQualifier: undefined,
  value,
});

export function saml(value: string, authnInstant: Date): ProvenIdentity['saml'] {
  return { nameId: nameId(value), sessionIndexes: ['_1'], authnInstant, sessionNotOnOrAfter: undefined };
}

export function person(subject: string, over: Partial<ProvenIdentity> = {}): ProvenIdentity {
  return {
    provider: 'acme',
    issuer: IDP,
    subject,
    email: `${subject}@acme.example`,
    emailVerified: true,
    name: 'Ada',
    groups: ['b', 'a'],
    authTime: undefined,
    acr: 'pwd',
    amr: ['pwd'],
    ...over,
  };
}

export async function outcome(login: Promise<string>): Promise<string> {
  try {
    return (await login) === '' ? 'nothing' : 'session';
  } catch (error) {
    return error instanceof OAuthError ? error.code : String(error);
  }
}
