import type { CertificateWatch, WatchedCertificate } from '@app/saml';
import { startServer } from './server.spec-support.js';
import { CertificateMetrics, HttpMetrics } from '@app/operations';
import { aSamlProvider } from '../../../test/harness/saml-provider.js';

const NAME = 'gatehouse_saml_certificate_expires_seconds';
const LOCAL = { host: 'localhost:8080' };

const ofCertificates = (text: string) => text.split('\n').filter((line) => line.startsWith(`${NAME}{`));

describe(NAME, () => {
  it('has the certificates of now, and forgets those that are gone', async () => {
    const theirs: WatchedCertificate = {
      owner: 'idp',
      providerId: 'acme',
      fingerprint: 'aa',
      notAfter: new Date(),
      secondsLeft: -5,
    };
    const ours: WatchedCertificate = {
      ...theirs,
      owner: 'sp',
      providerId: undefined,
      fingerprint: 'bb',
      secondsLeft: 9,
    };
    let certificates = [theirs, ours];
    const metrics = new HttpMetrics();
    const watch = { certificates: () => certificates } as unknown as CertificateWatch;
    new CertificateMetrics(metrics, watch, () => new Date()).onModuleInit();
    expect(ofCertificates(await metrics.registry.metrics())).toEqual([
      `${NAME}{owner="idp",provider="acme",fingerprint="aa"} -5`,
      `${NAME}{owner="sp",provider="",fingerprint="bb"} 9`,
    ]);
    certificates = [ours];
    expect(ofCertificates(await metrics.registry.metrics())).toEqual([
      `${NAME}{owner="sp",provider="",fingerprint="bb"} 9`,
    ]);
  });

  it('is in /metrics, and the same certificates are in the details of /health/ready', async () => {
    // Nobody answers there: our own certificate is enough.
    const provider = aSamlProvider('acme', { metadata: { kind: 'url', url: 'http://127.0.0.1:1/metadata' } });
    const server = await startServer({ samlProviders: [provider] });
    try {
      const { text } = await server.ask('/metrics', LOCAL);
      expect(ofCertificates(text)).toEqual([
        expect.stringMatching(/\{owner="sp",provider="",fingerprint="[0-9a-f]{64}"\} \d{7,}$/),
      ]);
      const { details } = JSON.parse((await server.ask('/health/ready', LOCAL)).text) as { details: object };
      expect(details).toMatchObject({
        samlProviders: [{ id: 'acme', usable: false }],
        certificates: [{ owner: 'sp', fingerprint: /"([0-9a-f]{64})"/.exec(text.split(NAME).at(-1) ?? '')?.[1] }],
      });
    } finally {
      await server.stop();
    }
  });
});
