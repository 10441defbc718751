/**
 * `npm run test:browser`: the pages that people see, in a real Chromium with axe-core: what can be read and reached, what
 * other sites can do, and the way in and out by keyboard and without scripts. As root on Debian it installs a Chromium
 * where there is none; elsewhere everything counts as skipped, loudly. `--screenshots=FOLDER` has a picture of every page
 * put there, large and small, light and dark. Other arguments go to Jest. The last line is always
 * `N passed, N failed, N skipped`.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildIfNeeded } from './build.mjs';
import { cacheFolder, requireInstalled } from './checkout.mjs';
import { installMissing } from './debian-packages.mjs';
import { runSuite } from './jest-suite.mjs';

const OPTION = '--screenshots=';

requireInstalled();
mkdirSync(cacheFolder, { recursive: true });
const args = process.argv.slice(2);
const folder = args.find((argument) => argument.startsWith(OPTION))?.slice(OPTION.length);
if (folder !== undefined) process.env.GATEHOUSE_SCREENSHOTS = resolve(folder);
await buildIfNeeded();
await installMissing(['chromium', 'redis-server']);
const others = args.filter((argument) => !argument.startsWith(OPTION));
await runSuite('jest.browser.config.mjs', join(cacheFolder, 'browser-results.json'), others);
