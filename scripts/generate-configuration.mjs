/**
 * Writes docs/configuration.md from the built schema, and docs/providers.md from the presets. With --check it writes
 * nothing and exits 1 when a file differs.
 */
import { configurationReference, providersReference } from '../dist/apps/server/libs/config/src/index.js';
import { writeOrCheck } from './generated-file.mjs';

writeOrCheck('docs/configuration.md', configurationReference());
writeOrCheck('docs/providers.md', providersReference());
