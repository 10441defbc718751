import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SamlSettings } from '@app/config';
import { SamlWorkers } from './saml-workers.js';
import { SigningIdp } from '../../../test/harness/saml-idp.js';
import { startTestVerifier } from '../../../test/harness/saml-workers.js';
import { VerifierBusy, type ResponseJob } from './saml-verifier.js';
import { firstFailure } from './verdict.js';

describe('R13', () => {
  let job: ResponseJob;

  beforeAll(async () => {
    const idp = await SigningIdp.create();
    const { value } = idp.response({
      now: new Date(),
      acsUrl: 'https://sp.test/acs',
      audience: 'x',
      inResponseTo: '_r',
    });
    job = {
      samlResponse: value,
      engine: 'strict',
      certificates: idp.certificates,
      decryptionKeys: [],
      legacyEncryption: false,
    };
  });

  it('refuses what no worker can take, and serves what it took', async () => {
    const verifier = await startTestVerifier({ workers: 1, queueLimit: 2 });
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => verifier.verifyResponse(job)));
    const served = answers.filter((answer) => answer.status === 'fulfilled');
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
    expect(served).toHaveLength(3);
    expect(refused).toHaveLength(5);
    for (const reason of refused) expect(reason).toBeInstanceOf(VerifierBusy);
    expect((await verifier.verifyResponse(job)).ok).toBe(true);
    await verifier.close();
  });

  const onLinux = process.platform === 'linux' ? it : it.skip;
  onLinux('verifies with less priority than the event loop has', async () => {
    const verifier = await startTestVerifier();
    await verifier.verifyResponse(job);
    const priorities = readdirSync('/proc/self/task').map((thread) => getPriority(Number(thread)));
    expect(priorities).toContain(getPriority() + 10);
    expect(getPriority(process.pid)).toBe(getPriority());
    await verifier.close();
  });

  it('gives up on a message that takes too long, and serves the next', async () => {
    const verifier = await startTestVerifier({ verificationTimeoutMs: 1 });
    // A worker needs more than this only to start.
    await expect(verifier.verifyResponse(job)).rejects.toThrow(VerifierBusy);
    await verifier.close();
    const patient = await startTestVerifier();
    expect((await patient.verifyResponse(job)).ok).toBe(true);
    await patient.close();
  });

  it('works in other threads: this one stays free', async () => {
    const verifier = await startTestVerifier({ workers: 1 });
    let turns = 0;
    const turning = setInterval(() => turns++, 0);
    await verifier.verifyResponse(job);
    clearInterval(turning);
    expect(turns).toBeGreaterThan(0);
    await verifier.close();
  });

  it('has no thread before somebody needs it, nor after it was closed', async () => {
    const verifier = await startTestVerifier({ workers: 2 });
    expect(verifier.threads).toBe(0);
    await Promise.all([job, job, job, job].map((one) => verifier.verifyResponse(one)));
    expect(verifier.threads).toBe(2);
    await verifier.close();
    expect(verifier.threads).toBe(0);
  });

  it('ends a thread that hangs, and serves those who wait in another', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hanging-'));
    const file = join(directory, 'worker.mjs');
    const worker = `export default ({ kind }) => { while (kind === 'peek'); return { ok: true, facts: [], verdicts: [] }; };`;
    writeFileSync(file, worker);
    const settings = { workers: 1, queueLimit: 10, verificationTimeoutMs: 3_000 };
    const workers = new SamlWorkers({ saml: settings as SamlSettings }, pathToFileURL(file));
    const before = await workers.readMetadata('');
    const hanging = workers.peek({ samlResponse: '' });
    const busy = expect(hanging).rejects.toThrow(VerifierBusy);
    await expect(workers.readMetadata('')).rejects.toThrow(VerifierBusy);
    await busy;
    expect(await workers.readMetadata('')).toEqual(before);
    expect(workers.threads).toBe(1);
    await workers.onModuleDestroy();
    rmSync(directory, { recursive: true });
  });

  it('serves those who wait behind a task that throws', async () => {
    const verifier = await startTestVerifier({ workers: 1, verificationTimeoutMs: 60_000 });
    const fatal = verifier.verifyResponse({ ...job, certificates: 'none' as never });
    const waiting = [verifier.verifyResponse(job), verifier.verifyResponse(job)];
    await expect(fatal).rejects.toThrow();
    expect((await Promise.all(waiting)).map(({ ok }) => ok)).toEqual([true, true]);
    await verifier.close();
  });
});

describe('reading metadata', () => {
  it('answers with descriptions, or with the verdict that says why not', async () => {
    const verifier = await startTestVerifier();
    const idp = await SigningIdp.create();
    const read = await verifier.readMetadata(`<!-- ours --><?x y?>${idp.metadata({ ssoUrl: 'https://idp.test/sso' })}`);
    expect(read.ok && read.facts).toMatchObject([{ entityId: idp.entityId, signingCertificates: idp.certificates }]);
    const check = async (xml: string) => firstFailure((await verifier.readMetadata(xml)).verdicts)?.check;
    expect(await check('<!DOCTYPE a><a/>')).toBe('doctype');
    expect(await check('<a>')).toBe('well-formed');
    expect(await check(`<a>${'x'.repeat(5_000_000)}</a>`)).toBe('size');
    expect(await check('<a/>')).toBe('metadata');
    await verifier.close();
  });
});
