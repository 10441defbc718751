import type { FaultCollector } from './configuration-error.js';
import { isSwitchedOff, type Entry } from './provider-entry.js';
import type { ProviderPreset } from './provider-presets/preset.js';
import { findPreset } from './provider-presets/presets.js';

/**
 * Where a provider is must come from somewhere: from the settings, or from a preset with its places filled in. Reads the
 * entry as written, like the other rules about providers.
 */
export function checkAddresses(entry: Entry, index: number, faults: FaultCollector): void {
  if (entry.type !== 'oidc' && entry.type !== 'oauth2') return;
  const at = (key: string): string => `oauth_providers[${index}].${key}`;
  const preset = findPreset(entry.preset);
  if (entry.preset !== undefined && preset === undefined) return; // the schema says so
  const fits = entry.type === 'oidc' ? preset?.issuer !== undefined : preset?.endpoints !== undefined;
  if (preset && !fits) {
    const other = entry.type === 'oidc' ? 'oauth2' : 'oidc';
    faults.add(at('preset'), `${String(entry.preset)} is not for type ${entry.type}; write type: ${other}`);
    return;
  }
  for (const key of missingAddresses(entry, preset)) {
    const way = key === 'userinfo_url' ? ', or sign_in: false if it is for connections alone' : ', or name a preset';
    faults.add(at(key), `is missing; add it${way}`);
  }
  for (const place of ['host', 'tenant'] as const) checkPlace(entry, preset, place, at(`preset_${place}`), faults);
  if (isSwitchedOff(entry.sign_in) && isSwitchedOn(entry.store_tokens)) {
    faults.add(at('store_tokens'), 'keeps tokens of sign-ins, and sign_in is false; remove one of the two');
  }
}

function missingAddresses(entry: Entry, preset: ProviderPreset | undefined): string[] {
  const have = { ...preset?.endpoints, issuer: preset?.issuer };
  const needed: Record<string, string | undefined> =
    entry.type === 'oidc'
      ? { issuer: have.issuer }
      : { authorization_url: have.authorizationUrl, token_url: have.tokenUrl };
  if (entry.type === 'oauth2' && !isSwitchedOff(entry.sign_in)) needed['userinfo_url'] = have.userinfoUrl;
  return Object.entries(needed)
    .filter(([key, preset]) => entry[key] === undefined && preset === undefined)
    .map(([key]) => key);
}

function checkPlace(
  entry: Entry,
  preset: ProviderPreset | undefined,
  place: 'host' | 'tenant',
  key: string,
  faults: FaultCollector,
): void {
  const written = entry[`preset_${place}`];
  const wanted = preset?.[place];
  if (written !== undefined && wanted === undefined) {
    faults.add(key, preset ? `preset ${String(entry.preset)} has no ${place}; remove it` : 'needs a preset; remove it');
  }
  if (written === undefined && wanted !== undefined && wanted.fallback === undefined) {
    faults.add(key, `is missing; preset ${String(entry.preset)} needs it: ${wanted.example}`);
  }
}

const isSwitchedOn = (value: unknown): boolean => value === true || value === 'true' || value === 'on';
