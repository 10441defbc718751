/**
 * `npm run test:interop`: the server against identity providers of other people's making, SimpleSAMLphp and pysaml2 from
 * Debian's packages, with xmlsec1 as a second opinion on their signatures; and with OpenID Connect clients of other
 * people's making, from npm and Debian. As root on Debian it installs what is missing; elsewhere a suite whose packages
 * are missing counts as skipped, loudly. Arguments go to Jest. The last line is always `N passed, N failed, N skipped`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildIfNeeded } from './build.mjs';
import { cacheFolder, requireInstalled } from './checkout.mjs';
import { installMissing } from './debian-packages.mjs';
import { runSuite } from './jest-suite.mjs';

const IDPS = 'simplesamlphp php-cli php-xml php-mbstring python3-pysaml2 xmlsec1 openssl';
const PACKAGES = `${IDPS} apache2-bin libapache2-mod-auth-openidc redis-server`.split(' ');

requireInstalled();
mkdirSync(cacheFolder, { recursive: true });
await buildIfNeeded();
await installMissing(PACKAGES);
await runSuite('jest.interop.config.mjs', join(cacheFolder, 'interop-results.json'), process.argv.slice(2));
