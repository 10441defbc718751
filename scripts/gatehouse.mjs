#!/usr/bin/env node
/**
 * The `gatehouse` command: `gatehouse start` is `npm start`, `gatehouse worker` the process that works by the clock and
 * serves nobody; every other command is the server's own cli.js.
 */
import { pathToFileURL } from 'node:url';
import { requireInstalled, serverCli, workerMain } from './checkout.mjs';

requireInstalled();
const [command] = process.argv.slice(2);
if (command === 'start') {
  process.argv.splice(2, 1);
  await import('./start.mjs');
} else {
  const { buildIfNeeded } = await import('./build.mjs');
  await buildIfNeeded();
  if (command === undefined || command === 'help' || command === '--help' || command === '-h') {
    process.stdout.write(
      'gatehouse start [--help] starts the server, gatehouse worker a process that does the scheduled work alone.\n' +
        'Everything else:\n\n',
    );
  }
  await import(pathToFileURL(command === 'worker' ? workerMain : serverCli).href);
}
