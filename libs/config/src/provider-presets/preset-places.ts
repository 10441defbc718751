import type { ProviderPreset } from './preset.js';

interface Places {
  readonly preset_host?: string | undefined;
  readonly preset_tenant?: string | undefined;
  readonly client_id: string;
}

/** Completes the addresses of a preset with what the settings say of a site, or with the preset's own fallback. */
export function placeFiller(preset: ProviderPreset | undefined, settings: Places): (template: string) => string {
  const values: Readonly<Record<string, string | undefined>> = {
    host: settings.preset_host ?? preset?.host?.fallback,
    tenant: settings.preset_tenant ?? preset?.tenant?.fallback,
    client_id: encodeURIComponent(settings.client_id),
  };
  return (template) => template.replace(/\{(host|tenant|client_id)\}/g, (whole, name: string) => values[name] ?? whole);
}
