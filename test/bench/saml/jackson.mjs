/** The peer is no dependency of ours: it is installed for the bench alone, once, under .cache. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const VERSION = '26.2.0';
const folder = path.resolve('.cache/bench-peers');
const entry = path.join(folder, 'node_modules/@boxyhq/saml-jackson/dist/index.js');

/** Answers the path of its entry, or undefined after saying why there is none. */
export function requireJackson() {
  if (existsSync(entry)) return entry;
  console.log(`installing the peer @boxyhq/saml-jackson ${VERSION} under ${folder} (once)`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{"private":true}\n');
  const { status, stderr } = spawnSync(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', `@boxyhq/saml-jackson@${VERSION}`],
    { cwd: folder, encoding: 'utf8' },
  );
  if (status === 0 && existsSync(entry)) return entry;
  console.log(`the peer is NOT measured: it could not be installed\n${stderr.trim().split('\n').slice(-3).join('\n')}`);
  return undefined;
}
