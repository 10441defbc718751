import { commercePresets } from './commerce.js';
import { developerToolPresets } from './developer-tools.js';
import { identityServicePresets } from './identity-services.js';
import { platformPresets } from './platforms.js';
import type { ProviderPreset } from './preset.js';
import { workToolPresets } from './work-tools.js';

const groups = {
  ...platformPresets,
  ...developerToolPresets,
  ...workToolPresets,
  ...commercePresets,
  ...identityServicePresets,
};

export type PresetName = keyof typeof groups;

/** Well-known providers by the name that `preset` takes. */
export const providerPresets: Readonly<Record<PresetName, ProviderPreset>> = groups;

export const presetNames = Object.keys(groups) as [PresetName, ...PresetName[]];

/** The preset of that name, for values that come straight from a file. */
export function findPreset(name: unknown): ProviderPreset | undefined {
  return typeof name === 'string' && Object.hasOwn(providerPresets, name)
    ? providerPresets[name as PresetName]
    : undefined;
}
