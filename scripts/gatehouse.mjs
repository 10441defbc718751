#!/usr/bin/env node
/** The `gatehouse` command: `gatehouse start` is `npm start`; every other command is the server's own cli.js. */
import { pathToFileURL } from 'node:url';
import { requireInstalled, serverCli } from './checkout.mjs';

requireInstalled();
const [command] = process.argv.slice(2);
if (command === 'start') {
  process.argv.splice(2, 1);
  await import('./start.mjs');
} else {
  const { buildIfNeeded } = await import('./build.mjs');
  await buildIfNeeded();
  if (command === undefined || command === 'help' || command === '--help' || command === '-h') {
    process.stdout.write('gatehouse start [--help] starts the server. Everything else:\n\n');
  }
  await import(pathToFileURL(serverCli).href);
}
