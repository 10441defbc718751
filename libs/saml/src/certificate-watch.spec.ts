import { Logger } from '@nestjs/common';
import { Database } from '@app/database';
import { SigningIdp } from '../../../test/harness/saml-idp.js';
import { CertificateWatch } from './certificate-watch.js';
import { DAY_MS, SamlDeployment, samlProvider, type SamlInstance } from './saml.spec-support.js';
import { fingerprintOf } from './fingerprint.js';

let deployment: SamlDeployment;
let warn: jest.SpyInstance;
let error: jest.SpyInstance;

beforeEach(async () => {
  jest.spyOn(Logger.prototype, 'log').mockImplementation();
  warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
  error = jest.spyOn(Logger.prototype, 'error').mockImplementation();
  deployment = await SamlDeployment.open();
});
afterEach(async () => {
  await deployment.close();
  jest.restoreAllMocks();
});

const xmlOf = (idp: SigningIdp) => ({ kind: 'xml', xml: idp.metadata({ ssoUrl: 'https://idp.test/sso' }) }) as const;
const inDays = (days: number) => new Date(deployment.now.getTime() + days * DAY_MS);
const watchOf = (instance: SamlInstance) => instance.module.get(CertificateWatch);

async function announced(instance: SamlInstance) {
  return (await deployment.audited(instance))
    .filter(({ kind }) => kind === 'certificate.expiring')
    .map(({ subject, details }) => ({ fingerprint: subject, ...details }));
}

/** An IdP whose certificate ends in `days`, at one instance. */
async function connected(days: number) {
  const idp = await SigningIdp.create({ notAfter: inDays(days) });
  const providers = [samlProvider({ id: 'acme', metadata: xmlOf(idp) })];
  return { idp, providers, instance: await deployment.start({ providers }) };
}

describe('the certificate watch', () => {
  it('knows the end of every certificate that logins depend on, the soonest first', async () => {
    const { idp, instance } = await connected(100);
    const [own] = instance.keys.published();
    const watched = watchOf(instance).certificates(deployment.now);
    expect(watched).toEqual([
      {
        owner: 'idp',
        providerId: 'acme',
        fingerprint: fingerprintOf(idp.certificate),
        notAfter: inDays(100),
        secondsLeft: 100 * 86_400,
      },
      expect.objectContaining({ owner: 'sp', providerId: undefined, fingerprint: own?.fingerprint }),
    ]);
    expect(watchOf(instance).certificates(inDays(101))[0]?.secondsLeft).toBe(-86_400);
  });

  it('tells at 60, 30, 7 and 1 days and at the end, each once', async () => {
    const { idp, instance } = await connected(61);
    const fingerprint = fingerprintOf(idp.certificate);
    const ofTheirs = async () => (await announced(instance)).filter((event) => event.fingerprint === fingerprint);
    for (let day = 0; day <= 63; day += 0.5) {
      await watchOf(instance).tick();
      deployment.wait(DAY_MS / 2);
    }
    const notAfter = new Date('2026-03-03T00:00:00.000Z').toISOString();
    expect(await ofTheirs()).toEqual(
      [60, 30, 7, 1, 0].map((days) => ({ fingerprint, owner: 'idp', provider: 'acme', not_after: notAfter, days })),
    );
    expect(warn).toHaveBeenCalledWith(
      `The signing certificate of SAML provider acme (SHA-256 ${fingerprint}) ended at ${notAfter}`,
    );
  });

  it('tells of one that it meets late only once', async () => {
    const { instance } = await connected(5);
    await watchOf(instance).tick();
    await watchOf(instance).tick();
    expect((await announced(instance)).map((event) => (event as { days?: number }).days)).toEqual([7]);
  });

  it('tells once for all instances, even when they look at the same time or start anew', async () => {
    const { providers, instance } = await connected(5);
    const other = await deployment.start({ providers });
    await Promise.all([instance, other].map((one) => watchOf(one).tick()));
    await instance.stop();
    const restarted = await deployment.start({ providers });
    await watchOf(restarted).tick();
    expect(await announced(other)).toHaveLength(1);
  });

  it('names every provider that holds the certificate', async () => {
    const idp = await SigningIdp.create({ notAfter: inDays(5) });
    const instance = await deployment.start({
      providers: ['acme', 'globex'].map((id) => samlProvider({ id, metadata: xmlOf(idp) })),
    });
    await watchOf(instance).tick();
    expect((await announced(instance)).map((event) => (event as { provider?: string }).provider)).toEqual([
      'acme',
      'globex',
    ]);
  });

  it('tells of our own, but not of one that signs no more', async () => {
    const idp = await SigningIdp.create({ notAfter: inDays(10_000) });
    const saml = {
      keyLifetimeSeconds: 20 * 86_400,
      keyPublishBeforeSigningSeconds: 86_400,
      keyRetentionSeconds: 86_400,
    };
    const instance = await deployment.start({ providers: [samlProvider({ metadata: xmlOf(idp) })], saml });
    await watchOf(instance).tick();
    const [own] = instance.keys.published();
    expect(await announced(instance)).toEqual([
      expect.objectContaining({ fingerprint: own?.fingerprint, owner: 'sp', days: expect.any(Number) }),
    ]);
    const roles = instance.keys.published().map(({ role }) => role);
    expect(
      watchOf(instance)
        .certificates(deployment.now)
        .filter(({ owner }) => owner === 'sp'),
    ).toHaveLength(roles.filter((role) => role !== 'previous').length);
  });

  it('lives through an absent database and tells later', async () => {
    const { instance } = await connected(5);
    const database = instance.module.get(Database);
    const transaction = jest.spyOn(database, 'transaction').mockRejectedValueOnce(new Error('gone'));
    await watchOf(instance).tick();
    expect(error).toHaveBeenCalledWith('Ends of certificates were not announced: gone');
    transaction.mockRestore();
    await watchOf(instance).tick();
    expect(await announced(instance)).toHaveLength(1);
  });
});
