import { resolve } from 'node:path';
import { checkApplications, toApplicationConfig } from './applications.js';
import { checkClientCallbacks, toClientCallbacks } from './client-callbacks.js';
import { readConfigFile, type SettingsDocument } from './config-file.js';
import { FaultCollector } from './configuration-error.js';
import { deploymentOf, type Deployment } from './deployment.js';
import { overlayEnvironment } from './environment.js';
import type { ClientCallback, GatehouseConfig, ProviderConfig, SamlProviderConfig } from './gatehouse-config.js';
import { checkProviderIds, checkProviders, entriesOf } from './provider-rules.js';
import { developmentProvider, testProvider, toProviderConfig } from './providers.js';
import { readSettings } from './read-settings.js';
import { checkPostLogoutRedirectUris, checkSamlProviders } from './saml-provider-rules.js';
import { developmentSamlProvider, toSamlProviderConfig, toSamlSettings } from './saml-providers.js';
import { checkCorsOrigins, checkSettings } from './setting-rules.js';
import type { Settings } from './settings.schema.js';
import { checkVaultRedirectUrls, toVaultConfig } from './vault-section.js';
import { checkWebhooks, namedOrganizations, toWebhookDelivery, toWebhookEndpoint } from './webhooks.js';

/**
 * Reads environment and YAML file (`GATEHOUSE_CONFIG`) into one deep-frozen value; the environment wins (D63).
 *
 * @param readFile answers the text of a file, throws when it cannot
 * @throws ConfigurationError once, with every fault; no fault quotes a secret
 */
export function loadConfig(env: NodeJS.ProcessEnv, readFile: (path: string) => string): GatehouseConfig {
  const faults = new FaultCollector();
  const path = env.GATEHOUSE_CONFIG?.trim();
  const file: SettingsDocument = path === undefined || path === '' ? {} : readConfigFile(path, readFile, env, faults);
  const { document, nameOf } = overlayEnvironment(file, env);
  const settings = readSettings(document, nameOf, faults);
  const deployment = deploymentOf(env, settings, faults);
  checkClientCallbacks(document.client_callbacks, nameOf, faults);
  const { oauth_providers: oauth, saml_providers: saml } = document;
  checkProviderIds({ oauth_providers: oauth, saml_providers: saml }, faults);
  checkProviders(oauth, deployment, faults);
  const callbacks = callbacksOf(settings, deployment);
  const callbackUrls = callbacks.map(({ url }) => url);
  checkSamlProviders(saml, { ...deployment, callbackUrls, fragmentDelivery: settings.fragment_delivery }, faults);
  checkPostLogoutRedirectUris(document.saml, nameOf, faults);
  const organizations = namedOrganizations(settings.organizations, entriesOf(oauth), entriesOf(saml));
  checkWebhooks(document.webhooks, { ...deployment, organizations }, faults);
  const firstPartyIds = new Set(callbacks.map(({ clientId }) => clientId));
  checkApplications(document.applications, { ...deployment, firstPartyIds, organizations }, faults);
  checkCorsOrigins(document.cors_origins, nameOf, faults);
  checkVaultRedirectUrls(document.vault, nameOf, faults);
  checkSettings(settings, deployment, nameOf, faults);
  faults.throwIfAny();
  return deepFreeze(toConfig(settings, deployment));
}

function toConfig(settings: Settings, deployment: Deployment): GatehouseConfig {
  const { production, publicUrl, testIdpPort } = deployment;
  const clientCallbacks = callbacksOf(settings, deployment);
  return {
    production,
    host: settings.host ?? (production ? '0.0.0.0' : '127.0.0.1'),
    port: settings.port,
    publicUrl,
    trustProxy: settings.trust_proxy,
    dataDir: resolve(settings.data_dir),
    databaseUrl: settings.database_url,
    databasePoolSize: settings.database_pool_size,
    redisUrl: settings.redis_url,
    masterKeys: settings.master_keys,
    internalToken: settings.internal_token,
    internalPort: settings.internal_port,
    workerHost: settings.worker_host,
    workerPort: settings.worker_port,
    testIdpPort,
    logLevel: settings.log_level,
    clientCallbacks,
    admins: settings.admins,
    organizations: settings.organizations.map(({ name, members }) => ({
      name,
      members: members.map(({ user, role }) => ({ ...user, role })),
    })),
    applications: settings.applications.map(toApplicationConfig),
    accessTokenAlgorithm: settings.access_token_algorithm,
    fragmentDelivery: settings.fragment_delivery,
    introspectionRequiresAuthentication: settings.introspection_requires_authentication,
    corsOrigins: settings.cors_origins ?? [...new Set(clientCallbacks.map(({ url }) => new URL(url).origin))],
    outbound: {
      allowPrivate: deployment.allowPrivate,
      timeoutMs: settings.outbound.timeout_ms,
      maxBytes: settings.outbound.max_bytes,
      tokenTimeoutMs: settings.outbound.token_timeout_ms,
      connectTimeoutMs: settings.outbound.connect_timeout_ms,
    },
    lifetimes: {
      accessTokenSeconds: settings.lifetimes.access_token_seconds,
      refreshIdleSeconds: settings.lifetimes.refresh_idle_seconds,
      refreshAbsoluteSeconds: settings.lifetimes.refresh_absolute_seconds,
      authorizationCodeSeconds: settings.lifetimes.authorization_code_seconds,
      loginTransactionSeconds: settings.lifetimes.login_transaction_seconds,
      browserSessionSeconds: settings.lifetimes.browser_session_seconds,
      clockSkewSeconds: settings.lifetimes.clock_skew_seconds,
      keyPublishBeforeSigningSeconds: settings.lifetimes.key_publish_before_signing_seconds,
      keySigningSeconds: settings.lifetimes.key_signing_seconds,
      jwksMaxAgeSeconds: settings.lifetimes.jwks_max_age_seconds,
    },
    rateLimits: {
      enabled: settings.rate_limits.enabled,
      interactive: settings.rate_limits.interactive,
      token: settings.rate_limits.token,
      discovery: settings.rate_limits.discovery,
      api: settings.rate_limits.api,
      badTokens: settings.rate_limits.bad_tokens,
      lockoutFailures: settings.rate_limits.lockout_failures,
      lockoutWindowMs: settings.rate_limits.lockout_window_ms,
      lockoutDurationMs: settings.rate_limits.lockout_duration_ms,
    },
    providers: providersOf(settings, deployment),
    samlProviders: samlProvidersOf(settings, deployment, clientCallbacks),
    saml: toSamlSettings(settings.saml),
    webhooks: settings.webhooks.map(toWebhookEndpoint),
    webhookDelivery: toWebhookDelivery(settings.webhook_delivery),
    vault: toVaultConfig(settings.vault),
  };
}

/** D63: in development our own front page is a client, so that a login can be tried without any setting. */
function callbacksOf(settings: Settings, { production, publicUrl }: Deployment): ClientCallback[] {
  if (settings.client_callbacks !== undefined) return toClientCallbacks(settings.client_callbacks);
  return production ? [] : toClientCallbacks([`${publicUrl}/`]);
}

/** The configured providers, then those of development unless the file uses their ids itself (D22). */
function providersOf(settings: Settings, { testAllowed, testIdpPort }: Deployment): ProviderConfig[] {
  const builtIn: ProviderConfig[] = [];
  if (testAllowed && settings.test_provider !== false) builtIn.push(testProvider);
  if (testIdpPort !== undefined) builtIn.push(developmentProvider(testIdpPort));
  return [...settings.oauth_providers.map(toProviderConfig), ...builtIn.filter(isFree(settings))];
}

function samlProvidersOf(
  settings: Settings,
  { publicUrl, testIdpPort }: Deployment,
  callbacks: readonly ClientCallback[],
): SamlProviderConfig[] {
  const { fragment_delivery: fragmentDelivery } = settings;
  const callbackUrls = callbacks.map(({ url }) => url);
  const builtIn =
    testIdpPort === undefined
      ? []
      : [developmentSamlProvider({ testIdpPort, publicUrl, callbackUrls, fragmentDelivery })];
  const configured = settings.saml_providers.map((provider) => toSamlProviderConfig(provider, publicUrl));
  return [...configured, ...builtIn.filter(isFree(settings))];
}

/** Ids of OAuth and SAML providers are one namespace (D55). */
const isFree =
  ({ oauth_providers: oauth, saml_providers: saml }: Settings) =>
  ({ id }: { readonly id: string }): boolean =>
    ![...oauth, ...saml].some((provider) => provider.id === id);

/** Secrets keep their value in a private field, which freezing neither reaches nor needs to. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
