/**
 * `npm test`: builds, makes sure of a redis-server, runs Jest over the tree and then the tests that start dist/ itself
 * (test/dist, by node --test). Arguments go to Jest; with any, test/dist is left out. `--chromium` also makes sure of a
 * browser. The last line is always `N passed, N failed, N skipped`.
 */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { buildIfNeeded } from './build.mjs';
import { cacheFolder, fail, requireInstalled, root, run, runPackage } from './checkout.mjs';

const jestResults = join(cacheFolder, 'jest-results.json');
const nodeResults = join(cacheFolder, 'node-test-results.json');

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, program)));
}

/** Installs a Debian package when this is root on Debian; answers whether `program` is there now. */
async function installWithApt(program, debianPackage) {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return false;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  process.stderr.write(`There is no ${program}: installing the Debian package ${debianPackage}\n`);
  await run('apt-get', ['update', '-q'], { env });
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', debianPackage], { env });
  return isOnPath(program);
}

async function requireRedis() {
  const named = process.env.REDIS_SERVER;
  if (named !== undefined && named !== '') {
    if (isExecutable(named) || isOnPath(named)) return;
    fail(`REDIS_SERVER names ${named}, which cannot be run.`);
  }
  if (isOnPath('redis-server') || (await installWithApt('redis-server', 'redis-server'))) return;
  const message = `
  The tests need a redis-server program, which they start on private sockets, and there is none.
  Install one (Debian, as root: apt-get install redis-server; macOS: brew install redis),
  or name it: REDIS_SERVER=/path/to/redis-server npm test
`;
  if (process.env.REDIS_URL === undefined) fail(message);
  process.stderr.write(`${message}  REDIS_URL is set, so the run goes on; what starts its own Redis will fail.\n`);
}

async function requireChromium() {
  if (isOnPath('chromium') || (await installWithApt('chromium', 'chromium'))) return;
  fail('There is no chromium on PATH, and --chromium asks for it.');
}

async function runJest(args) {
  rmSync(jestResults, { force: true });
  const workers = args.some((argument) => /^(-w|-i|--maxWorkers|--runInBand)/.test(argument)) ? [] : ['--maxWorkers=2'];
  const { code } = await runPackage('jest/bin/jest.js', [...workers, '--json', `--outputFile=${jestResults}`, ...args]);
  if (!existsSync(jestResults)) return { code, passed: 0, failed: 0, skipped: 0 };
  const results = JSON.parse(readFileSync(jestResults, 'utf8'));
  return {
    code,
    passed: results.numPassedTests,
    // A file that could not even load has no tests to count; it counts as one.
    failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

async function runDistTests() {
  const folder = join(root, 'test/dist');
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.test.mjs')) : [];
  if (files.length === 0) return { code: 0, passed: 0, failed: 0, skipped: 0 };
  rmSync(nodeResults, { force: true });
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'scripts/count-reporter.mjs')}`,
    `--test-reporter-destination=${nodeResults}`,
  ];
  const { code } = await run(process.execPath, ['--test', ...reporters, ...files.map((name) => join(folder, name))]);
  if (!existsSync(nodeResults)) return { code, passed: 0, failed: 0, skipped: 0 };
  return { code, ...JSON.parse(readFileSync(nodeResults, 'utf8')) };
}

requireInstalled();
mkdirSync(cacheFolder, { recursive: true });
const args = process.argv.slice(2).filter((argument) => argument !== '--chromium');
await buildIfNeeded();
await requireRedis();
if (process.argv.includes('--chromium')) await requireChromium();

const jest = await runJest(args);
const dist = args.length === 0 ? await runDistTests() : { code: 0, passed: 0, failed: 0, skipped: 0 };
const passed = jest.passed + dist.passed;
const failed = jest.failed + dist.failed;
const skipped = jest.skipped + dist.skipped;
const ranNothing = jest.passed + jest.failed === 0;
if (ranNothing) process.stderr.write('\nJest ran no test at all, which is a failure.\n');
else if (failed === 0 && jest.code !== 0) process.stderr.write(`\nJest itself ended with ${jest.code}.\n`);
else if (failed === 0 && dist.code !== 0) process.stderr.write(`\nnode --test itself ended with ${dist.code}.\n`);
process.exitCode = ranNothing || failed > 0 || jest.code !== 0 || dist.code !== 0 ? 1 : 0;
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
