/**
 * Writes docs/configuration.md from the built schema. With --check it writes nothing and exits 1 when the file differs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { configurationReference } from '../dist/apps/server/libs/config/src/index.js';

const file = new URL('../docs/configuration.md', import.meta.url);
const wanted = configurationReference();

if (!process.argv.includes('--check')) {
  writeFileSync(file, wanted);
} else if (readIfPresent() !== wanted) {
  console.error('docs/configuration.md is out of date: run node scripts/generate-configuration.mjs');
  process.exitCode = 1;
}

function readIfPresent() {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
