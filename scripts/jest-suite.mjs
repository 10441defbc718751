/** A Jest run whose last line is always `N passed, N failed, N skipped`. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { runPackage } from './checkout.mjs';

/** Runs Jest with a configuration, one file after the other; the exit code says whether all passed. */
export async function runSuite(config, results, args) {
  rmSync(results, { force: true });
  const jestArguments = ['--config', config, '--runInBand', '--json', `--outputFile=${results}`];
  const { code } = await runPackage('jest/bin/jest.js', [...jestArguments, ...args]);
  if (!existsSync(results)) {
    process.stdout.write('\n0 passed, 1 failed, 0 skipped\n');
    process.exitCode = 1;
    return;
  }
  const counts = JSON.parse(readFileSync(results, 'utf8'));
  const failed = counts.numFailedTests + counts.numRuntimeErrorTestSuites;
  const skipped = counts.numPendingTests + counts.numTodoTests;
  process.exitCode = code !== 0 || failed > 0 ? 1 : 0;
  process.stdout.write(`\n${counts.numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`);
}
