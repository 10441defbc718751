/**
 * Writes docs/openapi.json from the built server. With --check it writes nothing and exits 1 when the file differs.
 * The document depends on no setting: it is taken from an application with every default and no store behind it.
 */
import prettier from 'prettier';
import { previewOpenApiDocument } from '../dist/apps/server/apps/server/src/openapi.js';
import { writeOrCheck } from './generated-file.mjs';

const file = new URL('../docs/openapi.json', import.meta.url);
const json = JSON.stringify(await previewOpenApiDocument());
const wanted = await prettier.format(json, { ...(await prettier.resolveConfig(file)), parser: 'json' });

writeOrCheck('docs/openapi.json', wanted);
