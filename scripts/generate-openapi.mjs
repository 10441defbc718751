/**
 * Writes docs/openapi.json from the built server. With --check it writes nothing and exits 1 when the file differs.
 * The document depends on no setting: it is taken from an application with every default and no store behind it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import prettier from 'prettier';
import { previewOpenApiDocument } from '../dist/apps/server/apps/server/src/openapi.js';

const file = new URL('../docs/openapi.json', import.meta.url);
const json = JSON.stringify(await previewOpenApiDocument());
const wanted = await prettier.format(json, { ...(await prettier.resolveConfig(file)), parser: 'json' });

if (!process.argv.includes('--check')) {
  writeFileSync(file, wanted);
} else if (readIfPresent() !== wanted) {
  console.error('docs/openapi.json is out of date: run node scripts/generate-openapi.mjs');
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
