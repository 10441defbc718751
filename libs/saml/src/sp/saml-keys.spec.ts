import { createPrivateKey, X509Certificate } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { Database } from '@app/database';
import { StoreUnavailable, type TransientStore } from '@app/transient-store';
import { fingerprintOf } from '../fingerprint.js';
import { DAY_MS, SamlDeployment, samlProvider, type SamlInstance } from '../saml.spec-support.js';
import { rotateSamlKeys } from './saml-rotate.js';

const provider = samlProvider({ metadata: { kind: 'file', path: '/nonexistent/idp.xml' } });

let deployment: SamlDeployment;

beforeEach(async () => {
  jest.spyOn(Logger.prototype, 'log').mockImplementation();
  jest.spyOn(Logger.prototype, 'warn').mockImplementation();
  jest.spyOn(Logger.prototype, 'error').mockImplementation();
  deployment = await SamlDeployment.open();
});
afterEach(async () => {
  await deployment.close();
  jest.restoreAllMocks();
});

function start(store?: TransientStore): Promise<SamlInstance> {
  return deployment.start({ providers: [provider], ...(store === undefined ? {} : { store }) });
}

function roles(instance: SamlInstance): string[] {
  return instance.keys.published().map(({ role }) => role);
}

describe('our SAML keys', () => {
  it('are made at the first start, once for all instances, and audited', async () => {
    const instances = await Promise.all([start(), start(), start()]);
    const [one] = instances;
    if (one === undefined) throw new Error('no instance');
    for (const instance of instances) {
      expect(instance.keys.signing()).toEqual(one.keys.signing());
      expect(instance.keys.decryptionKeys()).toEqual([one.keys.signing().privateKey]);
      expect(roles(instance)).toEqual(['current']);
    }
    const { certificate, privateKey } = one.keys.signing();
    const parsed = new X509Certificate(Buffer.from(certificate, 'base64'));
    expect(parsed.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
    expect(parsed.subject).toBe('CN=login.test');
    const events = (await deployment.audited(one)).filter(({ kind }) => kind === 'keys.rotated');
    expect(events).toContainEqual({
      kind: 'keys.rotated',
      subject: fingerprintOf(certificate),
      details: { purpose: 'saml' },
    });
    expect(events.filter(({ details }) => details.purpose === 'saml')).toHaveLength(1);
  });

  it('are valid for as long as they are used', async () => {
    const { keys } = await start();
    const parsed = new X509Certificate(Buffer.from(keys.signing().certificate, 'base64'));
    expect(new Date(parsed.validFrom) <= deployment.now).toBe(true);
    // A year of signing, a month of decrypting, a week of bridging.
    expect(new Date(parsed.validTo)).toEqual(new Date(deployment.now.getTime() + (365 + 30 + 7) * DAY_MS));
  });

  it('rest sealed, each in its own place', async () => {
    const instance = await start();
    await instance.rotation.rotateNow(deployment.now, 'successor');
    const database = instance.module.get(Database);
    const rows = await database.query<{ id: string; sealed: string }>(
      'SELECT id, sealed_private_key AS sealed FROM saml_keys ORDER BY signs_from',
    );
    expect(rows).toHaveLength(2);
    for (const { sealed } of rows) expect(sealed).toMatch(/^v1\.test\./);
    await database.query('UPDATE saml_keys SET sealed_private_key = $1 WHERE id = $2', [rows[0]?.sealed, rows[1]?.id]);
    await expect(start()).rejects.toThrow(rows[1]?.id);
  });

  it('are not made where no SAML provider is enabled', async () => {
    const instance = await deployment.start({ providers: [{ ...provider, enabled: false }] });
    await instance.rotation.tick();
    expect(instance.keys.published()).toEqual([]);
    expect(instance.keys.decryptionKeys()).toEqual([]);
    expect(() => instance.keys.signing()).toThrow('no SAML key');
    expect(await instance.module.get(Database).query('SELECT 1 FROM saml_keys')).toEqual([]);
    await expect(rotateSamlKeys(instance.rotation, [], deployment.now)).rejects.toThrow('no SAML provider');
  });
});

describe('D24', () => {
  it('publishes both certificates during a rollover, signs with the next when its time comes, decrypts with both', async () => {
    const [one, two] = [await start(), await start()];
    const first = one.keys.signing();
    deployment.wait(358 * DAY_MS);
    await Promise.all([one.rotation.tick(), two.rotation.tick()]);
    await Promise.all([one.keys.reload(), two.keys.reload()]);
    for (const instance of [one, two]) {
      expect(roles(instance)).toEqual(['current', 'next']);
      expect(instance.keys.signing()).toEqual(first);
      expect(instance.keys.decryptionKeys()).toHaveLength(2);
      expect(instance.keys.decryptionKeys()[1]).toBe(first.privateKey);
    }
    deployment.wait(7 * DAY_MS);
    for (const instance of [one, two]) {
      expect(instance.keys.signing()).not.toEqual(first);
      expect(roles(instance)).toEqual(['current', 'previous']);
      expect(instance.keys.decryptionKeys()).toContain(first.privateKey);
    }
    deployment.wait(30 * DAY_MS);
    expect(roles(one)).toEqual(['current']);
    expect(one.keys.decryptionKeys()).toEqual([one.keys.signing().privateKey]);
    await one.rotation.tick();
    expect(await one.module.get(Database).query('SELECT 1 FROM saml_keys')).toHaveLength(1);
  });
});

describe('saml:rotate', () => {
  it('publishes the next certificate now, once, and other instances learn of it by message', async () => {
    const [one, two] = [await start(), await start()];
    const text = await rotateSamlKeys(one.rotation, [], deployment.now);
    expect(text).toMatch(/published certificate [0-9a-f]{64}, signs from 2026-01-08T00:00:00\.000Z/);
    while (roles(two).length < 2) await setImmediate();
    expect(two.keys.published()).toEqual(one.keys.published());
    expect(await rotateSamlKeys(one.rotation, [], deployment.now)).toContain('Nothing to do');
  });

  it('signs at once with --now, names the old certificate nowhere, and decrypts with it on', async () => {
    const instance = await start();
    await rotateSamlKeys(instance.rotation, [], deployment.now);
    const [old, waiting] = instance.keys.decryptionKeys().toReversed();
    const text = await rotateSamlKeys(instance.rotation, ['--now'], deployment.now);
    expect(text.match(/signs no more, decrypts until 2026-01-31T00:00:00\.000Z/g)).toHaveLength(2);
    expect(roles(instance)).toEqual(['current']);
    expect(instance.keys.signing().privateKey).not.toBe(old);
    expect(instance.keys.signing().privateKey).not.toBe(waiting);
    expect(instance.keys.decryptionKeys()).toHaveLength(3);
    deployment.wait(30 * DAY_MS);
    expect(instance.keys.decryptionKeys()).toHaveLength(1);
  });

  it.each([[['--force']], [['--now', '--now']], [['now']]])('refuses %j', async (args) => {
    const instance = await start();
    await expect(rotateSamlKeys(instance.rotation, args, deployment.now)).rejects.toThrow(
      'usage: gatehouse saml:rotate [--now]',
    );
  });
});

describe('an instance that hears no messages', () => {
  it('learns of new keys by the minute, and keeps those it has when the table cannot be read', async () => {
    const lost = new StoreUnavailable('no answer');
    const deaf = Object.assign(Object.create(deployment.store) as TransientStore, {
      publish: () => Promise.reject(lost),
      subscribe: () => Promise.reject(lost),
    });
    const [one, two] = [await start(), await start(deaf)];
    await one.rotation.rotateNow(deployment.now, 'emergency');
    expect(two.keys.signing()).not.toEqual(one.keys.signing());
    await two.rotation.tick();
    expect(two.keys.signing()).toEqual(one.keys.signing());

    const database = two.module.get(Database);
    await database.query('ALTER TABLE saml_keys RENAME TO elsewhere');
    await two.rotation.tick();
    expect(two.keys.signing()).toEqual(one.keys.signing());
    expect(Logger.prototype.error).toHaveBeenCalledWith(expect.stringContaining('rotation failed'));
  });
});
