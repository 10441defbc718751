/**
 * Writes docs/configuration.md from the built schema. With --check it writes nothing and exits 1 when the file differs.
 */
import { configurationReference } from '../dist/apps/server/libs/config/src/index.js';
import { writeOrCheck } from './generated-file.mjs';

writeOrCheck('docs/configuration.md', configurationReference());
