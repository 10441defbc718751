/** Debian packages that a test run needs: installed where this is root on Debian, else named for whoever can. */
import { spawnSync } from 'node:child_process';
import { run } from './checkout.mjs';

/** Those that are not installed; undefined where there is no dpkg to ask. */
function missingOf(packages) {
  if (spawnSync('dpkg-query', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined;
  return packages.filter((name) => {
    const asked = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
    return asked.stdout.trim() !== 'installed';
  });
}

/** Does what it can, and says on stderr what is missing then: what needs that is skipped. */
export async function installMissing(packages) {
  const missing = missingOf(packages);
  if (missing === undefined) {
    process.stderr.write(`This is no Debian: whatever is not here of ${packages.join(', ')} is skipped.\n`);
    return;
  }
  if (missing.length === 0) return;
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0) {
    process.stderr.write(`MISSING: ${missing.join(', ')}. Install as root: ${command}\n`);
    return;
  }
  process.stderr.write(`Installing Debian packages: ${missing.join(' ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env });
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env });
  const left = missingOf(packages) ?? [];
  if (left.length > 0)
    process.stderr.write(`STILL MISSING after apt-get: ${left.join(', ')}. Their suites are skipped.\n`);
}
