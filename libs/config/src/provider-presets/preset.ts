import type { OAuth2ProviderConfig, OidcProviderConfig } from '../gatehouse-config.js';
import type { UpstreamTokenRules } from '../upstream-token-rules.js';

/** A part of a preset's addresses that the administrator fills in. */
export interface PresetPlace {
  /** undefined: the setting is obligatory. */
  readonly fallback: string | undefined;
  /** What to write, for faults and the table of providers. */
  readonly example: string;
}

/**
 * A well-known provider, as data. In addresses `{host}`, `{tenant}` and `{client_id}` stand for the settings of those
 * names. What is absent goes by the standard, or by the safe side where there is none (`single_use`, `on_401`).
 */
export interface ProviderPreset {
  readonly label: string;
  /** Public pages that say what is written here. */
  readonly sources: readonly [string, ...string[]];
  /** What could not be confirmed by a public page, and which side was taken. */
  readonly unconfirmed: readonly string[];
  readonly host?: PresetPlace;
  readonly tenant?: PresetPlace;
  /** For `type: oidc`; absent: the preset is for `oauth2` alone. */
  readonly issuer?: string;
  /** For `type: oauth2`; absent: the preset is for `oidc` alone. */
  readonly endpoints?: {
    readonly authorizationUrl: string;
    readonly tokenUrl: string;
    /** Absent: connections alone, unless the setting is written. */
    readonly userinfoUrl?: string;
    readonly emailsUrl?: string;
  };
  readonly fields?: Partial<OAuth2ProviderConfig['fields']>;
  readonly scopes?: readonly string[];
  /** Of the two types, `oidc` asks for these; they contain `openid`. */
  readonly oidcScopes?: readonly string[];
  readonly pkce?: boolean;
  readonly clientAuthentication?: Exclude<OidcProviderConfig['tokenEndpointAuthMethod'], 'none'>;
  readonly authorizationParameters?: Readonly<Record<string, string>>;
  readonly tokens: Partial<UpstreamTokenRules>;
}

export const DAY = 86_400;
