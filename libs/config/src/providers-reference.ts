import type { ExpiryStrategy } from './upstream-token-rules.js';
import type { ProviderPreset } from './provider-presets/preset.js';
import { providerPresets } from './provider-presets/presets.js';
import { standardTokenRules } from './token-rules.js';

const preface = `# Providers that are known

<!-- Generated from libs/config/src/provider-presets by scripts/generate-configuration.mjs: change the presets, then generate again. -->

\`preset: <name>\` on an entry of \`oauth_providers\` fills in addresses and habits; every key that is written beside it
wins. A provider that is not here is described with the keys of [the settings reference](configuration.md).

\`\`\`yaml
oauth_providers:
  - id: crm
    type: oauth2
    preset: salesforce
    sign_in: false
    client_id: gatehouse
    client_secret: \${CRM_CLIENT_SECRET}
    callback: own
\`\`\`

**Rotation** says what becomes of a refresh token that is sent twice, and so what may be done when an answer got lost.
\`single_use\`: it is never sent again, for that may end everything that came of it. \`grace\`: the one before the latest is
taken for a while, so it is sent again once. \`reusable\`: it stays good. Where public pages do not say, \`single_use\` is
taken, and the notes say so; \`rotation\` changes it.

**Life** is what holds where an answer names no life of the access token. **Idle** is after how long a rest a refresh token
is forgotten; it is refreshed before that.

`;

/** The table of presets, \`docs/providers.md\`, rendered from the presets. */
export function providersReference(): string {
  const entries = Object.entries<ProviderPreset>(providerPresets);
  const rows = entries.map(([name, preset]) => {
    const tokens = { ...standardTokenRules, ...preset.tokens };
    return row([
      `\`${name}\``,
      preset.label,
      [preset.issuer && '`oidc`', preset.endpoints && '`oauth2`'].filter(Boolean).join(', '),
      placesOf(preset),
      `\`${tokens.rotation}\``,
      lifeOf(tokens.expiry),
      tokens.maxIdleSeconds === undefined ? '–' : `${tokens.maxIdleSeconds / 86_400} d`,
      tokens.revocationUrl === undefined ? '–' : `\`${tokens.revocationStyle}\``,
    ]);
  });
  const columns = ['`preset`', 'Provider', '`type`', 'Needs', 'Rotation', 'Life', 'Idle', 'Revocation'];
  const notes = entries.map(([name, preset]) => noteOn(name, preset));
  return `${preface}${row(columns)}${row(columns.map(() => '---'))}${rows.join('')}\n## Sources and open questions\n${notes.join('')}`;
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;

function placesOf({ host, tenant }: ProviderPreset): string {
  const needs = [host?.fallback === undefined && host && '`preset_host`', tenant && '`preset_tenant`'].filter(Boolean);
  if (needs.length > 0) return needs.join(', ');
  return host === undefined ? '–' : `may have \`preset_host\``;
}

function lifeOf(expiry: ExpiryStrategy): string {
  return expiry.kind === 'fixed' ? `${expiry.seconds} s` : `\`${expiry.kind}\``;
}

function noteOn(name: string, { sources, unconfirmed, host, tenant }: ProviderPreset): string {
  const examples = [host && `\`preset_host\`: ${host.example}.`, tenant && `\`preset_tenant\`: ${tenant.example}.`];
  const lines = [
    ...examples.filter((line) => line !== undefined),
    ...unconfirmed.map((line) => `Not confirmed: ${line}`),
    ...sources.map((url) => `<${url}>`),
  ];
  return `\n### \`${name}\`\n\n${lines.map((line) => `- ${line}\n`).join('')}`;
}
