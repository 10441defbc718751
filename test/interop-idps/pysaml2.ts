import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../harness/gatehouse.js';
import { startIdpProcess, untilItAnswers } from './idp-process.js';
import { base64Of, makeKeyPair } from './key-pair.js';
import type { RealIdp } from './real-idp.js';

const PROGRAM = resolve('test/interop-idps/pysaml2-idp.py');
/** Debian's own Python: another one on PATH would not find Debian's packages. */
const PYTHON = '/usr/bin/python3';

/** Starts an IdP on the packaged pysaml2, which reads its settings anew for each request. */
export async function startPysaml2(): Promise<RealIdp> {
  const folder = mkdtempSync(join(tmpdir(), 'gth-pysaml2-'));
  const user = {
    username: 'bob',
    password: 'bob-password',
    mail: 'bob@pysaml2.example',
    name: 'Bob Bőven',
    groups: ['research', 'staff'],
  };
  let made = 0;
  const make = () => makeKeyPair(folder, `idp-${(made += 1)}`);
  const settings = { signing: make(), beside: [] as string[], user, partners: [] as object[] };
  let next: ReturnType<typeof make> | undefined;
  const write = (): Promise<void> => {
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings));
    return Promise.resolve();
  };
  await write();

  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const idpProcess = startIdpProcess(PYTHON, ['-u', PROGRAM, folder, String(port)], {
    folder,
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
  });
  await untilItAnswers(`${base}/metadata`, idpProcess);
  return {
    name: 'pysaml2 7.0',
    entityId: `${base}/metadata`,
    metadataUrl: `${base}/metadata`,
    user,
    trust: (partners) => {
      settings.partners = partners.map(({ metadata, options }, index) => {
        const file = join(folder, `partner-${index}.xml`);
        writeFileSync(file, metadata);
        return { metadata: file, ...options };
      });
      return write();
    },
    portalLogin: (spEntityId, relayState) => {
      const url = new URL(`${base}/portal/login?sp=${encodeURIComponent(spEntityId)}`);
      if (relayState !== undefined) url.searchParams.set('RelayState', relayState);
      return url;
    },
    portalLogout: () => new URL(`${base}/portal/logout`),
    confirmsLogout: (page) => page.text.includes('logged out everywhere'),
    announceNextKey: () => {
      next = make();
      settings.beside = [next.certificate];
      return write();
    },
    signWithNextKey: () => {
      if (next === undefined) throw new Error('no next key was announced');
      settings.beside = [settings.signing.certificate];
      settings.signing = next;
      next = undefined;
      return write();
    },
    replaceKey: () => {
      settings.signing = make();
      settings.beside = [];
      return write();
    },
    signingCertificate: () => base64Of(settings.signing.certificate),
    log: () => idpProcess.printed(),
    stop: () => idpProcess.stop(),
  };
}
