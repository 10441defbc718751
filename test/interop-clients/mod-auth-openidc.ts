import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createPublicKey } from 'node:crypto';
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

const MODULES = '/usr/lib/apache2/modules';
const CALLBACK = '/protected/callback';

/** What the module tells of a browser's session at its info hook. */
interface Info {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly id_token: Person;
  readonly userinfo: Person;
}

/** The module of Debian in an Apache of its own, which serves one page and no system's configuration. */
export const modAuthOpenidc: ClientKind = {
  place: (port) => {
    const url = `http://localhost:${port}`;
    const callback = `${url}${CALLBACK}`;
    return { url, callback, afterLogout: `${url}/bye.html`, backchannelLogout: `${callback}?logout=backchannel` };
  },
  start: async (place, registration) => {
    const folder = mkdtempSync(join(tmpdir(), 'gth-apache-'));
    // Under root another user serves the requests and must get through.
    chmodSync(folder, 0o755);
    for (const name of ['www', 'www/protected']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'www/protected/index.html'), 'Only for people who are signed in.\n');
    writeFileSync(join(folder, 'www/bye.html'), 'Until next time.\n');
    writeFileSync(join(folder, 'apache2.conf'), configuration(folder, place, registration));
    const errorLog = join(folder, 'error.log');
    const apache = startIdpProcess('apache2', ['-f', join(folder, 'apache2.conf'), '-DFOREGROUND'], {
      folder,
      cwd: folder,
      env: {
        PATH: process.env.PATH ?? '',
        WIKI_COOKIE_KEY: 'nobody-else-knows-it',
        ...('secret' in registration.proof ? { WIKI_CLIENT_SECRET: registration.proof.secret } : {}),
      },
    });
    const log = () => apache.printed() + (existsSync(errorLog) ? readFileSync(errorLog, 'utf8') : '');
    while ((await fetch(`${place.url}/bye.html`).catch(() => undefined))?.status !== 200) {
      if (apache.hasEnded()) throw new Error(`apache2 ended before it served:\n${log()}`);
      await new Promise((again) => setTimeout(again, 20));
    }
    return relyingParty(place, registration.issuer, log, apache.stop);
  },
};

function relyingParty(place: Place, issuer: string, log: () => string, stop: () => Promise<void>): RelyingParty {
  const hook = (browser: Browser, parameters: Record<string, string>) => {
    const url = new URL(place.callback);
    url.search = new URLSearchParams(parameters).toString();
    return browser.request(url);
  };
  const find = async (browser: Browser): Promise<Info | undefined> => {
    const response = await hook(browser, { info: 'json' });
    return response.status === 200 ? ((await response.json()) as Info) : undefined;
  };
  const existing = async (browser: Browser): Promise<Info> => {
    const info = await find(browser);
    if (info === undefined) throw new Error(`nobody is signed in:\n${log()}`);
    return info;
  };
  const tokens = async (browser: Browser): Promise<HeldTokens> => existing(browser);
  return {
    ...place,
    begin: async (browser) =>
      redirectOf(await hook(browser, { iss: issuer, target_link_uri: `${place.url}/protected/` })),
    person: async (browser) => {
      const page = await browser.request(`${place.url}/protected/`);
      return page.status === 200 ? (await find(browser))?.id_token : undefined;
    },
    tokens,
    userinfo: async (browser) => (await existing(browser)).userinfo,
    refresh: async (browser) => {
      const { access_token: current } = await tokens(browser);
      const home = `${place.url}/protected/`;
      const back = await redirectOf(await hook(browser, { refresh: home, access_token: current }));
      return !back.searchParams.has('error_code');
    },
    logout: async (browser) => redirectOf(await hook(browser, { logout: place.afterLogout })),
    log,
    stop,
  };
}

/** The directives of docs/recipes.md, at these addresses and under this id; beside them what the suite wants to see. */
function configuration(folder: string, { url }: Place, registration: Registration): string {
  const { issuer, clientId, proof, person } = registration;
  const recipe = directives()
    .replaceAll('https://login.example.com', issuer)
    .replaceAll('https://wiki.example.com', url)
    .replace('OIDCClientID wiki', `OIDCClientID ${clientId}`);
  return `
ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${new URL(url).port}
PidFile ${folder}/apache2.pid
ErrorLog ${folder}/error.log
LogLevel warn auth_openidc:info
DefaultRuntimeDir ${folder}
${['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'auth_openidc'].map(loading).join('\n')}
StartServers 1
ThreadsPerChild 8
MaxRequestWorkers 8
User www-data
Group www-data
DocumentRoot ${folder}/www

${'secret' in proof ? recipe : recipe.replace(SECRET_LINE, keyLines(folder, proof))}
OIDCAuthRequestParams login_hint=${person}
OIDCInfoHook access_token refresh_token id_token userinfo
# The suite's browser is Node's fetch, whose Sec-Fetch-Mode is never that of somebody who follows a link.
<Location /protected>
  OIDCUnAuthAction auth true
</Location>
`;
}

const SECRET_LINE = 'OIDCClientSecret ${WIKI_CLIENT_SECRET}';

function directives(): string {
  const found = /```apache\n([\s\S]*?)```/.exec(readFileSync(resolve('docs/recipes.md'), 'utf8'))?.[1];
  if (found?.includes(SECRET_LINE) !== true) throw new Error('docs/recipes.md has no directives for Apache');
  return found;
}

const loading = (name: string) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`;

function keyLines(folder: string, { privateKey, kid }: { readonly privateKey: string; readonly kid: string }): string {
  const [secretFile, publicFile] = [join(folder, 'private.pem'), join(folder, 'public.pem')];
  writeFileSync(secretFile, privateKey);
  writeFileSync(publicFile, createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }));
  // In this order: it knows no private_key_jwt before it has a key.
  return `OIDCPrivateKeyFiles ${kid}#${secretFile}
OIDCPublicKeyFiles ${kid}#${publicFile}
OIDCProviderTokenEndpointAuth private_key_jwt`;
}
