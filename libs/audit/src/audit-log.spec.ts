import { Database, dataSourceOptions, DEFAULT_ORGANIZATION, openDataSource, runMigrations } from '@app/database';
import { freshDatabase } from '../../../test/harness/postgres.js';
import type { AuditEventOf, AuditKind } from './audit-event.js';
import { AuditLog } from './audit-log.js';
import { AUDIT_KINDS, auditRowOf } from './audit-row.js';

const organizationId = DEFAULT_ORGANIZATION.id;
const account = { userId: 'u', organizationId, providerId: 'p', identityId: 'i' };
const credential = { clientId: 'c', ownerId: 'u', organizationId, scopes: ['introspect'] };
const user = { userId: 'u', organizationId, by: 'admin' };
const metadata = { providerId: 'p', reason: 'r', added: ['a'], removed: ['b'] };
const provider = { providerId: 'p', organizationId, by: 'configuration' };
const connection = { connectionId: 'conn_1', organizationId, providerId: 'p', origin: 'import', by: 'user:u' };
const application = { applicationId: 'app_1', organizationId, by: 'user:u' };
const consent = { userId: 'u', applicationId: 'app_1', organizationId, scopes: ['openid'] };
const device = { userId: 'u', applicationId: 'app_1', organizationId, deviceAddress: '192.0.2.7' };
const tenantKey = { keyId: 'k', organizationId, accesses: ['read_connections'], by: 'user:u' };

/** One of each kind; a kind without a sample does not compile. */
const SAMPLES: { readonly [K in AuditKind]: AuditEventOf<K> } = {
  'user.created': { kind: 'user.created', ...account },
  'identity.linked': { kind: 'identity.linked', ...account },
  'user.signed_in': {
    kind: 'user.signed_in',
    userId: 'u',
    organizationId,
    providerId: 'p',
    sessionId: 's',
    clientId: 'c',
  },
  'sign_in.refused': { kind: 'sign_in.refused', providerId: 'p', reason: 'user_disabled', userId: 'u' },
  'account.conflict': { kind: 'account.conflict', providerId: 'p', organizationId, existingUserId: 'u', reason: 'r' },
  'session.ended': { kind: 'session.ended', sessionId: 's', userId: 'u', organizationId, reason: 'logout' },
  'refresh.reused': {
    kind: 'refresh.reused',
    familyId: 'f',
    sessionId: 's',
    userId: 'u',
    clientId: 'c',
    organizationId,
  },
  'token.revoked': { kind: 'token.revoked', tokenId: 't', tokenType: 'access_token', by: 'u', organizationId },
  'client_credential.created': { kind: 'client_credential.created', ...credential },
  'client_credential.deleted': { kind: 'client_credential.deleted', ...credential },
  'client.locked': { kind: 'client.locked', clientId: 'c' },
  'client.tokens_issued': { kind: 'client.tokens_issued', clientId: 'c', organizationId, count: 3 },
  'administrator.pinned': { kind: 'administrator.pinned', entry: 'p:e', userId: 'u', identityId: 'i', organizationId },
  'user.deleted': { kind: 'user.deleted', ...user },
  'user.disabled': { kind: 'user.disabled', ...user },
  'user.enabled': { kind: 'user.enabled', ...user },
  'provider.enabled': { kind: 'provider.enabled', ...provider },
  'provider.disabled': { kind: 'provider.disabled', ...provider },
  'organization.created': { kind: 'organization.created', organizationId, name: 'default' },
  'service_token.created': { kind: 'service_token.created', ...tenantKey },
  'service_token.revoked': { kind: 'service_token.revoked', ...tenantKey },
  'api_key.created': { kind: 'api_key.created', ...tenantKey },
  'api_key.revoked': { kind: 'api_key.revoked', ...tenantKey },
  'application.created': { kind: 'application.created', ...application },
  'application.changed': { kind: 'application.changed', ...application },
  'application.secret_rotated': { kind: 'application.secret_rotated', ...application },
  'application.disabled': { kind: 'application.disabled', ...application },
  'application.enabled': { kind: 'application.enabled', ...application },
  'application.deleted': { kind: 'application.deleted', ...application },
  'consent.granted': { kind: 'consent.granted', ...consent },
  'consent.withdrawn': { kind: 'consent.withdrawn', ...consent },
  'device.allowed': { kind: 'device.allowed', ...device },
  'device.denied': { kind: 'device.denied', ...device },
  'logout_notice.failed': {
    kind: 'logout_notice.failed',
    applicationId: 'app_1',
    organizationId,
    userId: 'u',
    sid: 's',
    attempts: 3,
    reason: 'http_400',
  },
  'member.changed': { kind: 'member.changed', organizationId, userId: 'u', role: 'owner', by: 'configuration' },
  'connection.created': { kind: 'connection.created', ...connection },
  'connection.reconnected': { kind: 'connection.reconnected', ...connection },
  'connection.deleted': { kind: 'connection.deleted', ...connection },
  'connection.needs_reauth': {
    kind: 'connection.needs_reauth',
    connectionId: 'conn_1',
    organizationId,
    providerId: 'p',
    reason: 'revoked',
  },
  'connection.not_kept': {
    kind: 'connection.not_kept',
    providerId: 'p',
    sessionId: 's',
    reason: 'DatabaseUnavailable',
  },
  'keys.rotated': { kind: 'keys.rotated', purpose: 'access', keyId: 'k' },
  'saml.refused': {
    kind: 'saml.refused',
    providerId: 'p',
    message: 'response',
    reference: 'req',
    check: 'audience',
    verdicts: [{ check: 'audience', ok: false, expected: 'ours', found: 'another' }],
  },
  'saml.metadata_held': { kind: 'saml.metadata_held', ...metadata },
  'saml.metadata_accepted': { kind: 'saml.metadata_accepted', ...metadata },
  'saml.metadata_changed': { kind: 'saml.metadata_changed', ...metadata },
  'saml.logout': { kind: 'saml.logout', providerId: 'p', initiator: 'idp', sessions: ['s'], outcome: 'complete' },
  'certificate.expiring': {
    kind: 'certificate.expiring',
    owner: 'idp',
    providerId: 'p',
    fingerprint: 'f',
    notAfter: '2030-01-01T00:00:00.000Z',
    days: 30,
  },
};

describe('AuditLog', () => {
  let drop: () => Promise<void>;
  let log: AuditLog;
  let database: Database;

  beforeAll(async () => {
    const fresh = await freshDatabase();
    drop = fresh.drop;
    await runMigrations(fresh.url);
    const settings = { url: fresh.url, poolSize: 10, warn: () => undefined };
    database = new Database(await openDataSource(dataSourceOptions(settings)));
    log = new AuditLog(database);
  });
  afterAll(async () => {
    await database.dataSource.destroy();
    await drop();
  });

  const rows = () => database.query<Record<string, unknown>>('SELECT * FROM audit_events ORDER BY id');
  beforeEach(() => database.query('DELETE FROM audit_events'));

  it('keeps every kind of the union, and no other', async () => {
    const samples = Object.values(SAMPLES);
    expect(AUDIT_KINDS.toSorted()).toEqual(Object.keys(SAMPLES).toSorted());
    await log.recordAll(undefined, samples, { requestId: 'req', remoteAddress: '192.0.2.1' });
    const kept = await rows();
    expect(kept.map((row) => row.kind)).toEqual(samples.map((sample) => sample.kind));
    for (const [i, row] of kept.entries()) {
      const expected = auditRowOf(samples[i]!);
      expect(row).toMatchObject({
        subject: expected.subject,
        actor: expected.actor ?? null,
        organization_id: expected.organizationId ?? null,
        details: expected.details,
        request_id: 'req',
        remote_address: '192.0.2.1',
      });
    }
  });

  it('loses no field of an event between subject, actor, organization and details', () => {
    for (const sample of Object.values(SAMPLES)) {
      const { kind: _kind, ...fields } = sample;
      const kept = JSON.stringify(Object.values(auditRowOf(sample)));
      for (const value of Object.values(fields)) expect(kept).toContain(JSON.stringify(value));
    }
  });

  it('says nothing that is called a secret, a code or a password', () => {
    for (const sample of Object.values(SAMPLES))
      for (const name of [...Object.keys(sample), ...Object.keys(auditRowOf(sample).details)])
        expect(name).not.toMatch(/secret|password|(?:^|_)code|access_?token$|refresh_?token$/i);
  });

  it('stands or falls with the transaction that it is told in', async () => {
    const rolledBack = database.transaction(async (manager) => {
      await log.record(manager, SAMPLES['user.created']);
      throw new Error('undone');
    });
    await expect(rolledBack).rejects.toThrow('undone');
    expect(await rows()).toEqual([]);
    await database.transaction((manager) => log.record(manager, SAMPLES['user.created']));
    expect(await rows()).toHaveLength(1);
  });

  it('keeps a refusal that rolls its transaction back, however many do so at once', async () => {
    const refusals = Array.from({ length: 50 }, () =>
      database.transaction(async (manager) => {
        await manager.query('SELECT 1');
        log.recordApart(SAMPLES['sign_in.refused']);
        throw new Error('refused');
      }),
    );
    for (const outcome of await Promise.allSettled(refusals))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { message: 'refused' } });
    await log.settled();
    expect(await rows()).toHaveLength(50);
  });

  it('offers nothing that changes or removes what is kept', () => {
    const offered = Object.getOwnPropertyNames(AuditLog.prototype).toSorted();
    expect(offered).toEqual(['constructor', 'onApplicationShutdown', 'record', 'recordAll', 'recordApart', 'settled']);
  });
});
