import { readFileSync } from 'node:fs';
import { providersReference } from './providers-reference.js';

const reference = providersReference();

it('docs/providers.md is what the presets say', () => {
  expect(readFileSync(new URL('../../../docs/providers.md', import.meta.url), 'utf8')).toBe(reference);
});
