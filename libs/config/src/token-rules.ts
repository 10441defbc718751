import type { ProviderSettings } from './provider.schema.js';
import type { ProviderPreset } from './provider-presets/preset.js';
import type { ExpiryStrategy, UpstreamTokenRules } from './upstream-token-rules.js';

/** Those of a provider that keeps to the standard, on the safe side of whatever the standard leaves open. */
export const standardTokenRules: UpstreamTokenRules = {
  tokenRequest: 'form',
  tokenHeaders: {},
  exchangeParameters: {},
  refreshUrl: undefined,
  refreshParameters: {},
  refreshScope: 'omit',
  rotation: 'single_use',
  expiry: { kind: 'on_401' },
  expiresInUnit: 'seconds',
  scopeSeparator: ' ',
  tokenPaths: [''],
  tokenType: undefined,
  subjectPath: undefined,
  metadataPaths: {},
  callbackMetadata: [],
  errors: [],
  revocationStyle: 'rfc7009',
  revocationUrl: undefined,
  introspectionUrl: undefined,
  maxConcurrency: 20,
  maxPerSecond: 50,
  refreshMarginSeconds: undefined,
  maxIdleSeconds: undefined,
};

type OAuthSettings = Exclude<ProviderSettings, { type: 'test' }>;

/** The standard, changed by the preset, changed by the settings. `fill` completes the addresses of a preset. */
export function tokenRulesOf(
  settings: OAuthSettings,
  preset: ProviderPreset | undefined,
  fill: (template: string) => string,
): UpstreamTokenRules {
  const base = { ...standardTokenRules, ...preset?.tokens };
  const filled = (template: string | undefined): string | undefined =>
    template === undefined ? undefined : fill(template);
  return {
    ...base,
    tokenRequest: settings.token_request ?? base.tokenRequest,
    refreshUrl: settings.refresh_url ?? filled(base.refreshUrl),
    refreshParameters: { ...base.refreshParameters, ...settings.refresh_parameters },
    refreshScope: settings.refresh_scope ?? base.refreshScope,
    rotation: settings.rotation ?? base.rotation,
    expiry: settings.expiry === undefined ? base.expiry : strategyOf(settings.expiry),
    expiresInUnit: settings.expires_in_unit ?? base.expiresInUnit,
    scopeSeparator: settings.scope_separator ?? base.scopeSeparator,
    tokenPaths: settings.token_field === undefined ? base.tokenPaths : [settings.token_field, ''],
    subjectPath: settings.token_subject_field ?? base.subjectPath,
    // An address that somebody wrote is one of RFC 7009, whatever the preset's own was.
    revocationStyle: settings.revocation_url === undefined ? base.revocationStyle : 'rfc7009',
    revocationUrl: settings.revocation_url ?? filled(base.revocationUrl),
    introspectionUrl: settings.introspection_url ?? filled(base.introspectionUrl),
    maxConcurrency: settings.max_concurrency ?? base.maxConcurrency,
    maxPerSecond: settings.max_per_second ?? base.maxPerSecond,
    refreshMarginSeconds: settings.refresh_margin_seconds ?? base.refreshMarginSeconds,
    maxIdleSeconds: settings.max_idle_seconds ?? base.maxIdleSeconds,
  };
}

function strategyOf(value: NonNullable<OAuthSettings['expiry']>): ExpiryStrategy {
  return typeof value === 'number' ? { kind: 'fixed', seconds: value } : { kind: value };
}
