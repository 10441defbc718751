/**
 * What the other scripts ask about this checkout: where it is, whether this Node and the installed packages will do,
 * and how a program is run in it. Imports nothing that an old Node lacks, so that it lives to say so.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const cacheFolder = join(root, '.cache');
export const serverMain = join(root, 'dist/apps/server/apps/server/src/main.js');
export const serverCli = join(root, 'dist/apps/server/apps/server/src/cli.js');
export const workerMain = join(root, 'dist/apps/worker/apps/worker/src/main.js');
export const testIdpMain = join(root, 'dist/apps/test-idp/apps/test-idp/src/main.js');

/** The same ranges as `engines` in package.json. */
export function isNodeSupported(version) {
  const [major, minor] = version.split('.').map(Number);
  return (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24;
}

/** Ends the process with one readable sentence when this Node or a missing `npm ci` would end it with a riddle. */
export function requireInstalled() {
  if (!isNodeSupported(process.versions.node)) {
    fail(`Gatehouse needs Node 20.19 or later, 22.12 or later, or 24: this is ${process.versions.node}.`);
  }
  if (!existsSync(join(root, 'node_modules/@nestjs/core/package.json'))) {
    fail('The packages are not installed. Run: npm ci');
  }
}

export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/**
 * Runs a program in the checkout's root, without stdin, and resolves with its exit code (128 + n for a signal) and,
 * with `capture`, all that it printed. Signals to us go on to it.
 */
export function run(command, args, { capture = false, env = process.env, stdio = 'inherit' } = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env,
    stdio: ['ignore', capture ? 'pipe' : stdio, capture ? 'pipe' : stdio],
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  const passOn = (signal) => child.kill(signal);
  process.on('SIGINT', passOn).on('SIGTERM', passOn);
  return new Promise((resolve) => {
    const end = (code) => {
      process.off('SIGINT', passOn).off('SIGTERM', passOn);
      resolve({ code, output });
    };
    child.once('error', (error) => {
      output += `${command}: ${error.message}\n`;
      if (!capture) process.stderr.write(output);
      end(127);
    });
    child.once('close', (code, signal) => end(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

/** Runs the script of an installed package with this Node, so that neither PATH nor a shell matters. */
export function runPackage(script, args, options) {
  return run(process.execPath, [join(root, 'node_modules', script), ...args], options);
}
