import { setImmediate } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { InProcessTransientStore } from '@app/transient-store';
import { SigningIdp } from '../../../../test/harness/saml-idp.js';
import {
  DAY_MS,
  MetadataServer,
  MINUTE_MS,
  SamlDeployment,
  samlProvider,
  type SamlInstance,
} from '../saml.spec-support.js';
import { fingerprintOf } from '../fingerprint.js';

const SSO = { ssoUrl: 'https://idp.test/sso' };

let deployment: SamlDeployment;
let server: MetadataServer;
let idp: SigningIdp;

beforeEach(async () => {
  jest.spyOn(Logger.prototype, 'log').mockImplementation();
  jest.spyOn(Logger.prototype, 'warn').mockImplementation();
  jest.spyOn(Logger.prototype, 'error').mockImplementation();
  deployment = await SamlDeployment.open();
  server = await MetadataServer.start();
  idp = await SigningIdp.create({ keyType: 'ec' });
  server.body = idp.metadata(SSO);
});
afterEach(async () => {
  await deployment.close();
  await server.stop();
  jest.restoreAllMocks();
});

function byUrl() {
  return samlProvider({ metadata: { kind: 'url', url: server.url } });
}

async function started(): Promise<SamlInstance> {
  const instance = await deployment.start({ providers: [byUrl()] });
  await instance.providers.whenLoaded('acme');
  return instance;
}

function trusted(instance: SamlInstance): readonly string[] {
  return instance.providers.describe('acme')?.signingCertificates ?? [];
}

async function kinds(instance: SamlInstance): Promise<string[]> {
  return (await deployment.audited(instance)).map((event) => event.kind).filter((kind) => kind.startsWith('saml.'));
}

describe('metadata that changed too much', () => {
  async function changeAllKeys(): Promise<SigningIdp> {
    const other = await SigningIdp.create({ keyType: 'ec', entityId: idp.entityId });
    server.body = other.metadata(SSO);
    return other;
  }

  it('by a complete change of keys is held and audited once, and the old keys serve on', async () => {
    const [one, two] = [await started(), await started()];
    const other = await changeAllKeys();
    for (let day = 0; day < 3; day += 1) {
      deployment.wait(DAY_MS);
      // Another text every time, as IdPs make it.
      server.body = other.metadata({ ...SSO, validUntil: new Date(deployment.now.getTime() + 9 * DAY_MS) });
      await Promise.all([one.providers.tick(), two.providers.tick()]);
    }
    await two.providers.tick();
    for (const instance of [one, two]) {
      expect(trusted(instance)).toEqual([idp.certificate]);
      expect(instance.providers.status()).toMatchObject([
        {
          state: 'degraded',
          usable: true,
          held: { reason: expect.stringContaining('no signing key remains') as string },
        },
      ]);
    }
    expect(await kinds(one)).toEqual(['saml.metadata_held']);
  });

  it('by a key beside the old one is in force at once, and with hold_new_keys waits to be accepted', async () => {
    const careful = samlProvider({ ...byUrl(), id: 'careful', entityId: 'urn:careful', holdNewKeys: true });
    const instance = await deployment.start({ providers: [byUrl(), careful] });
    const keysOf = (id: string) => instance.providers.describe(id)?.signingCertificates ?? [];
    await Promise.all(['acme', 'careful'].map((id) => instance.providers.whenLoaded(id)));
    const before = keysOf('careful');
    await idp.addKey();
    server.body = idp.metadata(SSO);
    deployment.wait(DAY_MS);
    await instance.providers.tick();
    expect(keysOf('acme')).toHaveLength(2);
    expect([before, keysOf('careful')]).toEqual([[idp.certificate], [idp.certificate]]);
    await instance.metadataCommand('careful', '--accept');
    while (keysOf('careful').length === 1) await setImmediate();
    expect(keysOf('careful')).toEqual(keysOf('acme'));
  });

  it('by another entityID is held, also with the same keys', async () => {
    const instance = await started();
    server.body = idp.metadata({ ...SSO, entityId: 'https://impostor.test' });
    deployment.wait(DAY_MS);
    await instance.providers.tick();
    expect(instance.providers.describe('acme')?.entityId).toBe(idp.entityId);
    expect(instance.providers.status()[0]?.held?.reason).toContain('"https://impostor.test"');
  });

  it('is forgotten when the IdP takes it back', async () => {
    const instance = await started();
    await changeAllKeys();
    deployment.wait(DAY_MS);
    await instance.providers.tick();
    server.body = idp.metadata(SSO);
    deployment.wait(DAY_MS);
    await instance.providers.tick();
    expect(instance.providers.status()).toMatchObject([{ state: 'ready' }]);
    expect(instance.providers.status()[0]).not.toHaveProperty('held');
  });

  it('takes effect at every instance when an administrator accepts it', async () => {
    const [one, two] = [await started(), await started()];
    const other = await changeAllKeys();
    await expect(one.metadataCommand('acme', '--accept')).rejects.toThrow('nothing is held for acme');
    deployment.wait(DAY_MS);
    await one.providers.tick();

    expect(await one.metadataCommand()).toBe(`acme: "${idp.entityId}"; NEW METADATA IS HELD`);
    const shown = await one.metadataCommand('acme');
    expect(shown).toContain(`signing key   ${fingerprintOf(idp.certificate)}`);
    expect(shown).toContain(`new key  ${fingerprintOf(other.certificate)}`);
    expect(shown).toContain('saml:metadata acme --accept');

    const accepted = await one.metadataCommand('acme', '--accept');
    expect(accepted).toContain(`signing key   ${fingerprintOf(other.certificate)}`);
    expect(accepted).not.toContain('HELD');
    while (trusted(two)[0] === idp.certificate) await setImmediate();
    expect(trusted(two)).toEqual([other.certificate]);
    await one.providers.tick();
    expect(trusted(one)).toEqual([other.certificate]);
    expect(await kinds(one)).toEqual(['saml.metadata_held', 'saml.metadata_accepted']);
    expect((await deployment.audited(one)).at(-1)).toMatchObject({
      details: { added: [fingerprintOf(other.certificate)], removed: [fingerprintOf(idp.certificate)] },
    });
  });
});

describe('instances that hear nothing of each other', () => {
  it('and fetch at the same moment keep one change, and audit it once', async () => {
    const stores = [0, 1, 2].map(
      () => new InProcessTransientStore({ now: () => deployment.now.getTime(), log: () => undefined }),
    );
    const instances: SamlInstance[] = [];
    for (const store of stores) instances.push(await deployment.start({ providers: [byUrl()], store }));
    await Promise.all(instances.map(({ providers }) => providers.whenLoaded('acme')));

    await idp.addKey();
    server.body = idp.metadata(SSO);
    const asked = server.requests;
    const changed = await Promise.all(instances.map(({ providers }) => providers.refreshForUnknownKey('acme')));
    expect(changed).toEqual([true, true, true]);
    expect(server.requests).toBe(asked + 3);

    const other = await SigningIdp.create({ keyType: 'ec', entityId: idp.entityId });
    server.body = other.metadata(SSO);
    deployment.wait(5 * MINUTE_MS);
    const held = await Promise.all(instances.map(({ providers }) => providers.refreshForUnknownKey('acme')));
    expect(held).toEqual([false, false, false]);
    const [first] = instances;
    if (first !== undefined) expect(await kinds(first)).toEqual(['saml.metadata_changed', 'saml.metadata_held']);
    for (const instance of instances) await instance.stop();
    for (const store of stores) await store.close();
  });
});

describe('saml:metadata', () => {
  it('shows each provider, fetches when told to, and fails loudly', async () => {
    const providers = [
      byUrl(),
      samlProvider({ id: 'other', metadata: { kind: 'file', path: '/nonexistent/idp.xml' } }),
    ];
    const { metadataCommand } = await deployment.start({ providers });
    expect(await metadataCommand()).toBe(`acme: "${idp.entityId}"\nother: no metadata yet`);
    expect(await metadataCommand('acme', '--refresh')).toContain('fetched; nothing changed');
    const shown = await metadataCommand('acme');
    expect(shown).toContain(`signing key   ${fingerprintOf(idp.certificate)}`);
    expect(shown).toContain('sign-on       redirect https://idp.test/sso');
    server.status = 500;
    await expect(metadataCommand('acme', '--refresh')).rejects.toThrow('status 500');
    expect(await metadataCommand('acme')).toContain('last error    the metadata URL answers with status 500');
    await expect(metadataCommand('nobody')).rejects.toThrow('there are: acme, other');
    await expect(metadataCommand('acme', '--force')).rejects.toThrow('usage: gatehouse saml:metadata');
    await expect(metadataCommand('--accept')).rejects.toThrow('usage: gatehouse saml:metadata');
    await expect(metadataCommand('acme', '--accept', 'x')).rejects.toThrow('usage: gatehouse saml:metadata');
  });

  it('prints what an identity provider calls itself without control characters', async () => {
    server.body = idp.metadata({ ...SSO, entityId: 'https://idp.test/\u009b2J' });
    const { metadataCommand } = await started();
    expect(await metadataCommand()).toBe('acme: "https://idp.test/ 2J"');
    expect(await metadataCommand('acme')).toContain('\nentityID      "https://idp.test/ 2J"\n');
  });
});
