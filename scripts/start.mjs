/**
 * `npm start`: builds if needed, then becomes the server. The server runs in this very process, so a signal or an exit
 * code is its own.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { requireInstalled, root, serverMain } from './checkout.mjs';

/** The settings table is generated from the schema: read from there, this text cannot go out of date. */
function environmentTable() {
  const rows = [];
  for (const line of readFileSync(join(root, 'docs/configuration.md'), 'utf8').split('\n')) {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('`', '').replaceAll('\\|', '|'));
    const name = cells.slice(1, 3).find((cell) => /^[A-Z][A-Z0-9_]+$/.test(cell));
    if (name !== undefined) rows.push({ name, fallback: cells.at(-3), meaning: cells.at(-2) });
  }
  return rows.map(({ name, fallback, meaning }) => `  ${name}\n${wrap(`${meaning} Default: ${fallback}.`)}`).join('\n');
}

function wrap(text) {
  return text.replace(/(.{1,90})(?: |$)/g, '      $1\n').trimEnd();
}

function help() {
  return `usage: npm start

Starts Gatehouse. On its own it needs nothing but Node: a private Postgres under ./.gatehouse, a store in memory and a
test identity provider. In production it wants DATABASE_URL, REDIS_URL, PUBLIC_URL and GATEHOUSE_MASTER_KEYS.

environment:
${environmentTable()}

more:
  docs/configuration.md   every setting, and the YAML file
  docs/operations.md      health, metrics, backup, several instances
`;
}

requireInstalled();
if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
  process.stdout.write(help());
} else {
  const { buildIfNeeded } = await import('./build.mjs');
  await buildIfNeeded();
  await import(pathToFileURL(serverMain).href);
}
