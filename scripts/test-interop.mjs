/**
 * `npm run test:interop`: the server against identity providers of other people's making, SimpleSAMLphp and pysaml2 from
 * Debian's packages, with xmlsec1 as a second opinion on their signatures. As root on Debian it installs what is missing;
 * elsewhere a suite whose packages are missing counts as skipped, loudly. Arguments go to Jest. The last line is always
 * `N passed, N failed, N skipped`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildIfNeeded } from './build.mjs';
import { cacheFolder, requireInstalled, run, runPackage } from './checkout.mjs';

const results = join(cacheFolder, 'interop-results.json');
const PACKAGES = 'simplesamlphp php-cli php-xml php-mbstring python3-pysaml2 xmlsec1 openssl redis-server'.split(' ');

/** Debian's packages that are not installed; undefined where there is no dpkg to ask. */
function missingPackages() {
  if (spawnSync('dpkg-query', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined;
  return PACKAGES.filter((name) => {
    const asked = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
    return asked.stdout.trim() !== 'installed';
  });
}

async function installMissing() {
  const missing = missingPackages();
  if (missing === undefined) {
    return process.stderr.write(`This is no Debian: whatever is not here of ${PACKAGES.join(', ')} is skipped.\n`);
  }
  if (missing.length === 0) return;
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0) {
    return process.stderr.write(`MISSING: ${missing.join(', ')}. Install as root: ${command}\n`);
  }
  process.stderr.write(`Installing Debian packages: ${missing.join(' ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env });
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env });
  const left = missingPackages() ?? [];
  if (left.length > 0)
    process.stderr.write(`STILL MISSING after apt-get: ${left.join(', ')}. Their suites are skipped.\n`);
}

requireInstalled();
mkdirSync(cacheFolder, { recursive: true });
await buildIfNeeded();
await installMissing();
rmSync(results, { force: true });
const jestArguments = ['--config', 'jest.interop.config.mjs', '--runInBand', '--json', `--outputFile=${results}`];
const { code } = await runPackage('jest/bin/jest.js', [...jestArguments, ...process.argv.slice(2)]);
if (!existsSync(results)) {
  process.stdout.write('\n0 passed, 1 failed, 0 skipped\n');
  process.exitCode = 1;
} else {
  const counts = JSON.parse(readFileSync(results, 'utf8'));
  const failed = counts.numFailedTests + counts.numRuntimeErrorTestSuites;
  const skipped = counts.numPendingTests + counts.numTodoTests;
  process.exitCode = code !== 0 || failed > 0 ? 1 : 0;
  process.stdout.write(`\n${counts.numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`);
}
