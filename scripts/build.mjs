/**
 * Compiles the applications into dist/. `--if-needed` does so only when a source, a compiler setting or the lock file
 * changed since the last build that succeeded. Two builds at once wait for each other.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import {
  cacheFolder,
  fail,
  requireInstalled,
  root,
  runPackage,
  serverMain,
  testIdpMain,
  workerMain,
} from './checkout.mjs';

const APPS = ['server', 'worker', 'test-idp'];
const MAINS = [serverMain, workerMain, testIdpMain];
const stampFile = join(root, 'dist/.built-from');
const lockFolder = join(cacheFolder, 'build.lock');

/** One line for each file that the output depends on; a deleted or an older file shows just as a newer one does. */
function fingerprint() {
  const hash = createHash('sha256');
  const add = (file) => {
    const { size, mtimeMs } = statSync(join(root, file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  };
  const walk = (folder) => {
    const entries = readdirSync(join(root, folder), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (/\.(ts|json)$/.test(entry.name) && !entry.name.endsWith('.spec.ts')) add(path);
    }
  };
  walk('apps');
  walk('libs');
  for (const file of ['nest-cli.json', 'package-lock.json', 'tsconfig.json']) add(file);
  return hash.digest('hex');
}

/** True when dist/ lacks something or was built from other sources. An installation without sources is never stale. */
export function isBuildNeeded() {
  if (!existsSync(join(root, 'apps/server/src'))) return false;
  if (!MAINS.every((file) => existsSync(file)) || !existsSync(stampFile)) return true;
  return readFileSync(stampFile, 'utf8') !== fingerprint();
}

/** Throws when the compiler refuses; its messages are in the error. With `always`, builds even if nothing changed. */
export async function build({ always = false } = {}) {
  const release = await lock();
  try {
    if (!always && !isBuildNeeded()) return; // another process built while this one waited
    const sources = fingerprint();
    rmSync(stampFile, { force: true });
    for (const app of APPS) {
      const { code, output } = await runPackage('@nestjs/cli/bin/nest.js', ['build', app], { capture: true });
      if (code !== 0) throw new Error(`The build of ${app} failed.\n${output}`);
    }
    for (const file of MAINS) {
      if (!existsSync(file)) throw new Error(`The build ended without ${file}.`);
    }
    writeFileSync(stampFile, sources);
  } finally {
    release();
  }
}

/** A folder is created by one process only. One whose owner is gone, say killed, is taken over. */
async function lock() {
  mkdirSync(cacheFolder, { recursive: true });
  const ownerFile = join(lockFolder, 'pid');
  for (;;) {
    try {
      mkdirSync(lockFolder);
      writeFileSync(ownerFile, String(process.pid));
      return () => rmSync(lockFolder, { recursive: true, force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(ownerFile)) rmSync(lockFolder, { recursive: true, force: true });
    else await pause(200);
  }
}

function isAbandoned(ownerFile) {
  try {
    const owner = Number(readFileSync(ownerFile, 'utf8'));
    if (owner > 0) process.kill(owner, 0);
    // Between its mkdir and its pid file a lock has no owner yet: only an old one of that kind is abandoned.
    return owner === 0 && Date.now() - statSync(lockFolder).mtimeMs > 5000;
  } catch (error) {
    if (error.code === 'ENOENT') return existsSync(lockFolder) && Date.now() - statSync(lockFolder).mtimeMs > 5000;
    return error.code === 'ESRCH';
  }
}

/** `build()` with one line about it on stderr, and only when there is something to do. */
export async function buildIfNeeded() {
  if (!isBuildNeeded()) return;
  const began = performance.now();
  process.stderr.write('Building ... ');
  try {
    await build();
  } catch (error) {
    fail(`failed\n${error.message}`);
  }
  process.stderr.write(`done in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
}

// `npm run build`, as opposed to an import. argv may go through a symbolic link, import.meta.url never does.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  requireInstalled();
  if (process.argv.includes('--if-needed')) await buildIfNeeded();
  else await build({ always: true }).catch((error) => fail(error.message));
}
