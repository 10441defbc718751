import { Logger } from '@nestjs/common';
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

describe('a provider from metadata', () => {
  it('by URL is described once it was fetched, and kept', async () => {
    const instance = await started();
    expect(instance.providers.describe('acme')).toMatchObject({
      entityId: idp.entityId,
      signingCertificates: [idp.certificate],
      singleSignOn: [
        { binding: 'redirect', location: SSO.ssoUrl },
        { binding: 'post', location: SSO.ssoUrl },
      ],
    });
    expect(instance.providers.status()).toMatchObject([{ id: 'acme', state: 'ready', usable: true }]);
    expect(instance.providers.byIssuer(idp.entityId).map(({ id }) => id)).toEqual(['acme']);
    expect(instance.providers.byIssuer('https://elsewhere.test')).toEqual([]);
    expect(await kinds(instance)).toEqual([]);
  });

  it('pasted is there when starting has ended', async () => {
    const provider = samlProvider({ metadata: { kind: 'xml', xml: idp.metadata(SSO) } });
    const instance = await deployment.start({ providers: [provider] });
    expect(trusted(instance)).toEqual([idp.certificate]);
  });

  it('pasted anew is trusted as configured, also with other keys', async () => {
    const first = samlProvider({ metadata: { kind: 'xml', xml: idp.metadata(SSO) } });
    await (await deployment.start({ providers: [first] })).stop();
    const other = await SigningIdp.create({ keyType: 'ec', entityId: 'https://other.test/metadata' });
    const second = samlProvider({ metadata: { kind: 'xml', xml: other.metadata(SSO) } });
    const instance = await deployment.start({ providers: [second] });
    expect(trusted(instance)).toEqual([other.certificate]);
    expect(await kinds(instance)).toEqual([]);
  });

  it('that is disabled is not there at all (R11)', async () => {
    const instance = await deployment.start({ providers: [{ ...byUrl(), enabled: false }] });
    expect(instance.providers.list()).toEqual([]);
    expect(instance.providers.find('acme')).toBeUndefined();
    expect(instance.providers.status()).toEqual([]);
    expect(await instance.providers.refreshForUnknownKey('acme')).toBe(false);
    expect(server.requests).toBe(0);
  });

  it('of a file that is missing says so and is tried again', async () => {
    const provider = samlProvider({ metadata: { kind: 'file', path: '/nonexistent/idp.xml' } });
    const instance = await deployment.start({ providers: [provider] });
    expect(instance.providers.status()).toMatchObject([
      { state: 'degraded', usable: false, detail: expect.stringContaining('/nonexistent/idp.xml') as string },
    ]);
    expect(instance.retries.waiting).toHaveLength(1);
  });
});

describe('an IdP that is down', () => {
  it('does not keep us from starting, and is asked again with growing pauses until it is there', async () => {
    server.status = 503;
    const instance = await started();
    expect(instance.providers.describe('acme')).toBeUndefined();
    expect(instance.providers.status()).toMatchObject([
      { state: 'degraded', usable: false, detail: expect.stringContaining('status 503') as string },
    ]);
    expect(instance.retries.runNext()).toBe(1_000);
    await instance.providers.whenLoaded('acme');
    expect(instance.retries.runNext()).toBe(2_000);
    await instance.providers.whenLoaded('acme');
    server.status = 200;
    expect(instance.retries.runNext()).toBe(4_000);
    await instance.providers.whenLoaded('acme');
    expect(trusted(instance)).toEqual([idp.certificate]);
    expect(instance.providers.status()).toMatchObject([{ state: 'ready' }]);
    expect(instance.retries.waiting).toEqual([]);
  });

  it('is served from the last good metadata, after a restart too', async () => {
    const provider = byUrl();
    await (await started()).stop();
    await server.stop();
    const instance = await deployment.start({ providers: [provider] });
    expect(trusted(instance)).toEqual([idp.certificate]);
    deployment.wait(DAY_MS);
    await instance.providers.tick();
    expect(trusted(instance)).toEqual([idp.certificate]);
    expect(instance.providers.status()).toMatchObject([
      { state: 'degraded', usable: true, detail: expect.stringContaining('the last refresh failed') as string },
    ]);
    server = await MetadataServer.start();
  });

  it('whose metadata is past its validUntil serves one more day, and then no longer, with a text that says why', async () => {
    server.body = idp.metadata({ ...SSO, validUntil: new Date(deployment.now.getTime() + 10 * DAY_MS) });
    const instance = await started();
    server.status = 500;
    deployment.wait(10 * DAY_MS);
    await instance.providers.tick();
    expect(trusted(instance)).toEqual([idp.certificate]);
    expect(instance.providers.status()).toMatchObject([
      { state: 'degraded', usable: true, detail: expect.stringContaining('expired at 2026-01-11') as string },
    ]);
    deployment.wait(DAY_MS);
    expect(instance.providers.describe('acme')).toBeUndefined();
    expect(instance.providers.byIssuer(idp.entityId)).toEqual([]);
    expect(instance.providers.status()).toMatchObject([
      { state: 'degraded', usable: false, detail: expect.stringContaining('logins are refused') as string },
    ]);
    server.status = 200;
    server.body = idp.metadata({ ...SSO, validUntil: new Date(deployment.now.getTime() + DAY_MS) });
    await instance.providers.tick();
    expect(instance.providers.status()).toMatchObject([{ state: 'ready', usable: true }]);
  });
});

describe('a refresh', () => {
  it('happens when it is due, at one instance, and the other follows', async () => {
    const [one, two] = [await started(), await started()];
    const asked = server.requests;
    await Promise.all([one.providers.tick(), two.providers.tick()]);
    expect(server.requests).toBe(asked);

    await idp.addKey();
    server.body = idp.metadata(SSO);
    deployment.wait(DAY_MS);
    await Promise.all([one.providers.tick(), two.providers.tick()]);
    expect(server.requests).toBe(asked + 1);
    await Promise.all([one.providers.tick(), two.providers.tick()]);
    expect(trusted(one)).toEqual(idp.certificates);
    expect(trusted(two)).toEqual(idp.certificates);
  });

  it('comes as early as cacheDuration says', async () => {
    server.body = idp.metadata({ ...SSO, cacheDuration: 'PT1H' });
    const instance = await started();
    const asked = server.requests;
    deployment.wait(50 * MINUTE_MS);
    await instance.providers.tick();
    expect(server.requests).toBe(asked);
    deployment.wait(10 * MINUTE_MS);
    await instance.providers.tick();
    expect(server.requests).toBe(asked + 1);
  });

  it('that failed is tried again after five minutes', async () => {
    const instance = await started();
    server.body = '<not-metadata/>';
    deployment.wait(DAY_MS);
    await instance.providers.tick();
    const asked = server.requests;
    expect(instance.providers.status()).toMatchObject([{ detail: expect.stringContaining('not-metadata') as string }]);
    deployment.wait(5 * MINUTE_MS - 1);
    await instance.providers.tick();
    expect(server.requests).toBe(asked);
    server.body = idp.metadata(SSO);
    deployment.wait(1);
    await instance.providers.tick();
    expect(server.requests).toBe(asked + 1);
    expect(instance.providers.status()).toMatchObject([{ state: 'ready' }]);
  });

  it('with one old key left takes effect and is audited with fingerprints', async () => {
    const instance = await started();
    const [old] = idp.keys;
    const added = await idp.addKey();
    server.body = idp.metadata(SSO);
    deployment.wait(DAY_MS);
    await instance.providers.tick();
    expect(trusted(instance)).toEqual(idp.certificates);
    if (old !== undefined) idp.removeKey(old);
    server.body = idp.metadata(SSO);
    deployment.wait(DAY_MS);
    await instance.providers.tick();
    expect(trusted(instance)).toEqual([added.certificate]);
    const events = (await deployment.audited(instance)).filter(({ kind }) => kind === 'saml.metadata_changed');
    expect(events).toMatchObject([
      { subject: 'acme', details: { added: [fingerprintOf(added.certificate)], removed: [] } },
      { subject: 'acme', details: { added: [], removed: [fingerprintOf(old?.certificate ?? '')] } },
    ]);
  });
});

describe('an unknown key', () => {
  it('makes one request to the IdP in five minutes, whoever asks at whichever instance', async () => {
    const [one, two] = [await started(), await started()];
    const asked = server.requests;
    const before = trusted(one);
    await idp.addKey();
    server.body = idp.metadata(SSO);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => one.providers.refreshForUnknownKey('acme', before)),
    );
    expect(answers).toEqual(answers.map(() => true));
    expect(await two.providers.refreshForUnknownKey('acme', before)).toBe(true);
    expect(trusted(two)).toEqual(idp.certificates);
    expect(server.requests).toBe(asked + 1);

    deployment.wait(5 * MINUTE_MS - 1);
    expect(await one.providers.refreshForUnknownKey('acme')).toBe(false);
    expect(server.requests).toBe(asked + 1);
    deployment.wait(1);
    expect(await one.providers.refreshForUnknownKey('acme')).toBe(false);
    expect(server.requests).toBe(asked + 2);
  });

  it('is nobody’s when the IdP changed all its keys: that is held', async () => {
    const instance = await started();
    const other = await SigningIdp.create({ keyType: 'ec', entityId: idp.entityId });
    server.body = other.metadata(SSO);
    expect(await instance.providers.refreshForUnknownKey('acme')).toBe(false);
    expect(await kinds(instance)).toEqual(['saml.metadata_held']);
    expect(trusted(instance)).toEqual([idp.certificate]);
  });

  it('changes nothing where another instance has been given another source meanwhile', async () => {
    const old = await started();
    const elsewhere = samlProvider({ metadata: { kind: 'xml', xml: idp.metadata(SSO) } });
    const fresh = await deployment.start({ providers: [elsewhere] });
    await old.providers.tick();
    const other = await SigningIdp.create({ keyType: 'ec', entityId: idp.entityId });
    server.body = other.metadata(SSO);
    const asked = server.requests;
    expect(await old.providers.refreshForUnknownKey('acme')).toBe(false);
    deployment.wait(DAY_MS);
    await old.providers.tick();
    expect(server.requests).toBe(asked);
    expect(trusted(old)).toEqual([idp.certificate]);
    await fresh.providers.tick();
    expect(fresh.providers.status()).toMatchObject([{ state: 'ready' }]);
  });

  it('asks nobody when nothing counts the asking', async () => {
    const instance = await started();
    const asked = server.requests;
    await deployment.store.close();
    expect(await instance.providers.refreshForUnknownKey('acme')).toBe(false);
    expect(server.requests).toBe(asked);
  });
});

describe('D23', () => {
  it('lets one provider have a pair of entities, the first of the configuration', async () => {
    const metadata = { kind: 'xml', xml: idp.metadata(SSO) } as const;
    const entityId = 'https://login.test/sp';
    const instance = await deployment.start({
      providers: [
        samlProvider({ id: 'first', metadata, entityId }),
        samlProvider({ id: 'second', metadata, entityId }),
        samlProvider({ id: 'third', metadata }),
      ],
    });
    expect(instance.providers.byIssuer(idp.entityId).map(({ id }) => id)).toEqual(['first', 'third']);
    expect(instance.providers.describe('second')).toBeUndefined();
    expect(instance.providers.status()[1]).toMatchObject({
      id: 'second',
      state: 'degraded',
      usable: false,
      detail: expect.stringContaining('those of first too') as string,
    });
  });
});
