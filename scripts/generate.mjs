/**
 * Writes everything under docs/ that is generated: the settings reference, the API document, the table of clauses and
 * their tests. With --check it writes nothing and exits 1 when any of them is out of date. Needs a build.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const GENERATORS = ['generate-configuration.mjs', 'generate-openapi.mjs', 'generate-conformance.mjs'];

for (const name of GENERATORS) {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const { status } = spawnSync(process.execPath, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  // The next ones run all the same, so that one look shows all that is out of date.
  if (status !== 0) process.exitCode = 1;
}
