import { AuditLog } from '@app/audit';
import { ADDRESS, presenting, TestClients } from '../clients.spec-support.js';
import {
  anotherKeeper,
  applicationsOf,
  configuredOf,
  entry,
  KEEPER,
  registryOf,
  settings,
} from './applications.spec-support.js';
import type { ApplicationKeeper, ApplicationRegistry } from './application-registry.js';
import type { ApplicationSettings } from './application.js';

const UNKNOWN = { code: 'not_found' };
const MINUTE = 60_000;

describe('ApplicationRegistry', () => {
  let t: TestClients;
  let registry: ApplicationRegistry;
  let stranger: ApplicationKeeper;
  beforeAll(async () => {
    t = await TestClients.open();
    registry = registryOf(t);
    stranger = await anotherKeeper(t);
  });
  afterAll(() => t.close());

  const registered = async (changes: Partial<ApplicationSettings> = {}, keeper = KEEPER) => {
    const { application, clientSecret } = await registry.create(keeper, settings(changes), { requestId: 'req-1' });
    return { ...application, secret: clientSecret ?? '' };
  };
  const proves = async (clientId: string, secret: string): Promise<boolean> => {
    try {
      const client = await t.authenticator.identify(presenting(clientId, secret), ADDRESS);
      return client?.authenticated === true;
    } catch {
      return false;
    }
  };
  const known = (id: string) => applicationsOf(t).find(id);
  const audited = async (subject: string) => {
    await t.app.get(AuditLog, { strict: false }).settled();
    return t.database.query<{ kind: string }>(
      `SELECT kind, actor, organization_id FROM audit_events WHERE subject = $1 ORDER BY id`,
      [subject],
    );
  };

  describe('D7 registering', () => {
    it('gives an id and a secret that proves it, and keeps only a hash', async () => {
      const { id, clientId, secret, ...application } = await registered();
      expect(id).toMatch(/^app_[A-Za-z0-9_-]{22}$/);
      expect(clientId).toBe(id);
      expect(secret).toMatch(/^gth_as_/);
      expect(application).toMatchObject({
        ...settings(),
        disabled: false,
        configured: false,
        createdBy: 'user:keeper',
      });
      expect(await proves(id, secret)).toBe(true);
      expect(await proves(id, `${secret}x`)).toBe(false);
      const kept = await t.database.query(`SELECT a::text, s::text FROM applications a, application_secrets s`);
      expect(JSON.stringify(kept)).not.toContain(secret);
      expect(await audited(id)).toEqual([
        { kind: 'application.created', actor: 'user:keeper', organization_id: KEEPER.organizationId },
      ]);
    });

    it.each(['none', 'private_key_jwt'] as const)('gives no secret to one that proves itself by %s', async (method) => {
      const jwks = method === 'none' ? undefined : { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }] };
      const { id, secret, tokenEndpointAuthMethod } = await registered({ tokenEndpointAuthMethod: method, jwks });
      expect([secret, tokenEndpointAuthMethod]).toEqual(['', method]);
      expect((await registry.get(KEEPER.organizationId, id)).jwks).toEqual(jwks);
      const stored = await t.database.query(`SELECT 1 FROM application_secrets WHERE application_id = $1`, [id]);
      expect(stored).toEqual([]);
    });

    it('keeps every setting', async () => {
      const whole = settings({
        logoUri: 'https://grafana.example/logo.png',
        postLogoutRedirectUris: ['https://grafana.example/'],
        resources: ['https://api.example/'],
        consent: 'skip',
        dpopBoundAccessTokens: true,
        backchannelLogoutUri: 'https://grafana.example/back',
        frontchannelLogoutUri: 'https://grafana.example/front',
      });
      const { id } = await registered(whole);
      expect(await registry.get(KEEPER.organizationId, id)).toMatchObject(whole);
    });

    it('makes nothing of settings that are wrong', async () => {
      const count = () => t.database.query(`SELECT count(*) FROM applications`);
      const before = await count();
      const wrong = registered({ redirectUris: ['http://grafana.example/'] });
      await expect(wrong).rejects.toMatchObject({ status: 422, details: { field: 'redirect_uris' } });
      expect(await count()).toEqual(before);
    });
  });

  describe('R27 one organization', () => {
    it('knows nothing of another one’s applications', async () => {
      const { id, secret } = await registered();
      const { organizationId } = stranger;
      await expect(registry.get(organizationId, id)).rejects.toMatchObject(UNKNOWN);
      await expect(registry.change(stranger, id, () => settings({ name: 'mine' }), {})).rejects.toMatchObject(UNKNOWN);
      await expect(registry.rotateSecret(stranger, id, 0, {})).rejects.toMatchObject(UNKNOWN);
      await expect(registry.disable(stranger, id, {})).rejects.toMatchObject(UNKNOWN);
      await expect(registry.enable(stranger, id, {})).rejects.toMatchObject(UNKNOWN);
      await expect(registry.delete(stranger, id, {})).rejects.toMatchObject(UNKNOWN);
      expect(await registry.list(organizationId, { limit: 10, offset: 0 })).toEqual({ applications: [], total: 0 });
      expect(await registry.get(KEEPER.organizationId, id)).toMatchObject({
        name: 'Grafana',
        disabled: false,
        revision: 1,
      });
      expect(await proves(id, secret)).toBe(true);
      expect(await audited(id)).toHaveLength(1);
    });

    it.each(['app_unknown', '', 'a\0b'])('has no application %j', async (id) => {
      await expect(registry.get(KEEPER.organizationId, id)).rejects.toMatchObject(UNKNOWN);
    });

    it('lists its own page by page, the newest first', async () => {
      const other = await anotherKeeper(t, 'pages');
      const ids: string[] = [];
      for (let index = 0; index < 3; index++) {
        ids.unshift((await registered({ name: `no. ${index}` }, other)).id);
        t.later(1);
      }
      const page = (limit: number, offset: number) => registry.list(other.organizationId, { limit, offset });
      const first = await page(2, 0);
      expect([first.applications.map(({ id }) => id), first.total]).toEqual([ids.slice(0, 2), 3]);
      const second = await page(2, 2);
      expect([second.applications.map(({ id }) => id), second.total]).toEqual([ids.slice(2), 3]);
    });
  });

  describe('D20 a change', () => {
    it('counts at the next question, with a new revision, and ends nothing that was issued', async () => {
      const { id } = await registered();
      expect(await known(id)).toMatchObject({ name: 'Grafana', revision: 1, generation: 1 });
      const wanted = settings({ name: 'Metrics', scopes: ['openid'], consent: 'skip' });
      expect(await registry.change(KEEPER, id, () => wanted, {})).toMatchObject({
        ...wanted,
        revision: 2,
        generation: 1,
      });
      expect(await known(id)).toMatchObject({ ...wanted, revision: 2, generation: 1 });
      expect(await t.revocations.check([{ subject: `client:${id}`, generation: 1 }])).toEqual([]);
      expect((await audited(id)).at(-1)).toMatchObject({ kind: 'application.changed', actor: 'user:keeper' });
    });

    it('RFC 6749 §2.1 ends the secrets of an application that proves itself otherwise from now on, for good', async () => {
      const { id, secret } = await registered();
      expect(await proves(id, secret)).toBe(true);
      await registry.change(KEEPER, id, () => settings({ tokenEndpointAuthMethod: 'none' }), {});
      expect(await proves(id, secret)).toBe(false);
      await registry.change(KEEPER, id, () => settings(), {});
      expect(await proves(id, secret)).toBe(false);
      const next = await registry.rotateSecret(KEEPER, id, 60, {});
      expect([await proves(id, next), await proves(id, secret)]).toEqual([true, false]);
    });

    it('is refused whole when the settings are wrong', async () => {
      const { id } = await registered();
      const wrong = registry.change(KEEPER, id, () => settings({ name: 'x', scopes: ['admin'] }), {});
      await expect(wrong).rejects.toMatchObject({ status: 422, details: { field: 'scopes' } });
      expect(await known(id)).toMatchObject({ name: 'Grafana', revision: 1 });
    });
  });

  describe('R27 rotation of secrets with overlap', () => {
    it('gives a new one at once, and leaves the old one for as long as asked', async () => {
      const { id, secret } = await registered();
      expect(await proves(id, secret)).toBe(true);
      const next = await registry.rotateSecret(KEEPER, id, 600, {});
      expect(next).not.toBe(secret);
      expect([await proves(id, next), await proves(id, secret)]).toEqual([true, true]);
      t.later(10 * MINUTE - 1);
      expect([await proves(id, next), await proves(id, secret)]).toEqual([true, true]);
      t.later(1);
      expect([await proves(id, next), await proves(id, secret)]).toEqual([true, false]);
      expect((await audited(id)).at(-1)).toMatchObject({ kind: 'application.secret_rotated' });
    });

    it('ends the old one at once for 0 seconds', async () => {
      const { id, secret } = await registered();
      const next = await registry.rotateSecret(KEEPER, id, 0, {});
      expect([await proves(id, next), await proves(id, secret)]).toEqual([true, false]);
    });

    it('never gives an older secret more time than it had, and forgets those that ended', async () => {
      const { id, secret } = await registered();
      const second = await registry.rotateSecret(KEEPER, id, 60, {});
      const third = await registry.rotateSecret(KEEPER, id, 3600, {});
      t.later(MINUTE);
      expect(await Promise.all([secret, second, third].map((one) => proves(id, one)))).toEqual([false, true, true]);
      await registry.rotateSecret(KEEPER, id, 60, {});
      const rows = await t.database.query(`SELECT 1 FROM application_secrets WHERE application_id = $1`, [id]);
      expect(rows).toHaveLength(3);
    });

    it('is refused where there is no secret', async () => {
      const { id } = await registered({ tokenEndpointAuthMethod: 'none' });
      await expect(registry.rotateSecret(KEEPER, id, 60, {})).rejects.toMatchObject({ status: 422 });
    });
  });

  describe('R11 a disabled application', () => {
    it('begins nothing more, and what it was issued is dead; enabled again it begins anew', async () => {
      const { id, secret } = await registered();
      expect(await proves(id, secret)).toBe(true);
      await registry.disable(KEEPER, id, {});
      expect([await known(id), await proves(id, secret)]).toEqual([undefined, false]);
      expect(await t.revocations.check([{ subject: `client:${id}`, generation: 1 }])).toEqual([`client:${id}`]);
      expect(await registry.get(KEEPER.organizationId, id)).toMatchObject({ disabled: true, generation: 2 });

      await registry.enable(KEEPER, id, {});
      // An absence is remembered for a moment.
      t.later(5_000);
      expect(await known(id)).toMatchObject({ generation: 2, revision: 3 });
      expect(await proves(id, secret)).toBe(true);
      expect(await t.revocations.check([{ subject: `client:${id}`, generation: 1 }])).toEqual([`client:${id}`]);
      const kinds = (await audited(id)).map(({ kind }) => kind);
      expect(kinds).toEqual(['application.created', 'application.disabled', 'application.enabled']);
    });

    it('a deleted one is gone with its secrets, and what it was issued is dead', async () => {
      const { id, secret } = await registered();
      expect(await proves(id, secret)).toBe(true);
      await registry.delete(KEEPER, id, {});
      expect([await known(id), await proves(id, secret)]).toEqual([undefined, false]);
      expect(await t.revocations.check([{ subject: `client:${id}`, generation: 1 }])).toEqual([`client:${id}`]);
      await expect(registry.get(KEEPER.organizationId, id)).rejects.toMatchObject(UNKNOWN);
      expect(await t.database.query(`SELECT 1 FROM application_secrets WHERE application_id = $1`, [id])).toEqual([]);
      expect((await audited(id)).at(-1)).toMatchObject({ kind: 'application.deleted' });
    });
  });

  it('D62 leaves alone what the configuration file owns', async () => {
    await configuredOf(t).sync([entry('of-the-file')]);
    const { id } = (await applicationsOf(t).find('of-the-file')) ?? { id: '' };
    const refusal = { code: 'forbidden' };
    await expect(registry.change(KEEPER, id, () => settings(), {})).rejects.toMatchObject(refusal);
    await expect(registry.rotateSecret(KEEPER, id, 0, {})).rejects.toMatchObject(refusal);
    await expect(registry.disable(KEEPER, id, {})).rejects.toMatchObject(refusal);
    await expect(registry.enable(KEEPER, id, {})).rejects.toMatchObject(refusal);
    await expect(registry.delete(KEEPER, id, {})).rejects.toMatchObject(refusal);
    expect(await registry.get(KEEPER.organizationId, id)).toMatchObject({ configured: true, revision: 1 });
  });
});
