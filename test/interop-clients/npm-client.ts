import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Browser } from '../harness/browser.js';
import { startIdpProcess } from '../interop-idps/idp-process.js';
import {
  redirectOf,
  type ClientKind,
  type HeldTokens,
  type Person,
  type Place,
  type Registration,
  type RelyingParty,
} from './relying-party.js';

/** A client of npm in a program of `apps/`, with pages for what the suite wants to see. */
export function npmClient(app: string, place: Partial<Place> = {}): ClientKind {
  return {
    place: (port) => {
      const url = `http://localhost:${port}`;
      const at = (path: string | undefined) => (path === undefined ? undefined : `${url}${path}`);
      const { callback = '/callback', afterLogout = '/', backchannelLogout } = place;
      const told = at(backchannelLogout);
      return {
        url,
        callback: `${url}${callback}`,
        afterLogout: `${url}${afterLogout}`,
        ...(told === undefined ? {} : { backchannelLogout: told }),
      };
    },
    start: (where, registration) => startApp(app, where, registration),
  };
}

async function startApp(app: string, place: Place, registration: Registration): Promise<RelyingParty> {
  const { issuer, clientId, proof, pushes, binds, person } = registration;
  const child = startIdpProcess(process.execPath, [resolve(__dirname, `apps/${app}.mjs`)], {
    folder: mkdtempSync(join(tmpdir(), 'gth-client-')),
    cwd: process.cwd(),
    env: {
      PATH: process.env.PATH ?? '',
      SELF_URL: place.url,
      ISSUER: issuer,
      CLIENT_ID: clientId,
      ...('secret' in proof ? { CLIENT_SECRET: proof.secret } : { CLIENT_KEY: proof.privateKey }),
      PUSHES: pushes ? 'yes' : 'no',
      BINDS: binds ? 'yes' : 'no',
      PERSON: person,
    },
  });
  while (!child.printed().includes('listening')) {
    if (child.hasEnded()) throw new Error(`${app} ended before it served:\n${child.printed()}`);
    await new Promise((again) => setTimeout(again, 20));
  }
  const page = (browser: Browser, path: string) => browser.request(`${place.url}${path}`);
  const read = async <T>(browser: Browser, path: string): Promise<T> => {
    const response = await page(browser, path);
    if (response.status === 200) return (await response.json()) as T;
    throw new Error(`${path} answered ${response.status}: ${await response.text()}\n${child.printed()}`);
  };
  return {
    ...place,
    begin: async (browser) => redirectOf(await page(browser, '/login')),
    person: async (browser) => {
      const response = await page(browser, '/me');
      return response.status === 200 ? ((await response.json()) as Person) : undefined;
    },
    tokens: (browser) => read<HeldTokens>(browser, '/tokens'),
    userinfo: (browser) => read<Person>(browser, '/userinfo'),
    refresh: async (browser) => (await page(browser, '/refresh')).status === 302,
    logout: async (browser) => redirectOf(await page(browser, '/logout')),
    log: child.printed,
    stop: child.stop,
  };
}
