import { isRecord, type SettingsDocument } from './config-file.js';
import { settingNames, yamlKey, type NameSetting, type SettingPath } from './setting-key.js';

interface EnvironmentSetting {
  readonly path: SettingPath;
  /** Turns the text into what the YAML file would hold; default: the text itself. */
  readonly read?: (text: string) => unknown;
}

const commaList = (text: string): string[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');

/** `client_id=url`, or `url` alone; an `=` inside a URL comes after its scheme, so what precedes it holds a colon. */
function callbackEntry(entry: string): unknown {
  const named = /^([^=:/?#]+)=(.+)$/.exec(entry);
  return named === null ? entry : { client_id: named[1]?.trim(), url: named[2]?.trim() };
}

/** Environment name → place in the settings document. NODE_ENV and GATEHOUSE_CONFIG have no place there. */
export const environmentSettings: Readonly<Record<string, EnvironmentSetting>> = {
  PORT: { path: ['port'] },
  HOST: { path: ['host'] },
  PUBLIC_URL: { path: ['public_url'] },
  TRUST_PROXY: { path: ['trust_proxy'] },
  DATABASE_URL: { path: ['database_url'] },
  DATABASE_POOL_SIZE: { path: ['database_pool_size'] },
  REDIS_URL: { path: ['redis_url'] },
  GATEHOUSE_DATA_DIR: { path: ['data_dir'] },
  GATEHOUSE_MASTER_KEYS: { path: ['master_keys'], read: commaList },
  GATEHOUSE_ADMINS: { path: ['admins'], read: commaList },
  GATEHOUSE_CLIENT_CALLBACKS: { path: ['client_callbacks'], read: (text) => commaList(text).map(callbackEntry) },
  INTERNAL_TOKEN: { path: ['internal_token'] },
  INTERNAL_PORT: { path: ['internal_port'] },
  WORKER_HOST: { path: ['worker_host'] },
  WORKER_PORT: { path: ['worker_port'] },
  TEST_IDP_PORT: { path: ['test_idp_port'] },
  GATEHOUSE_RATE_LIMITS: { path: ['rate_limits', 'enabled'] },
  GATEHOUSE_SAML_VERIFIER: { path: ['saml', 'verifier'] },
  GATEHOUSE_SAML_WORKERS: { path: ['saml', 'workers'] },
  GATEHOUSE_VAULT_SCHEDULE: { path: ['vault', 'schedule'] },
  LOG_LEVEL: { path: ['log_level'] },
};

/** The environment name of a setting, if it has one. */
export function environmentNameOf(path: SettingPath): string | undefined {
  const key = yamlKey(path);
  return Object.entries(environmentSettings).find(([, setting]) => yamlKey(setting.path) === key)?.[0];
}

/**
 * Lays the environment over the file: it wins (D63), list by list and value by value. An empty variable counts as unset,
 * as compose files and process managers produce them. Returns also how to name each value to the operator.
 */
export function overlayEnvironment(
  file: SettingsDocument,
  env: NodeJS.ProcessEnv,
): { document: SettingsDocument; nameOf: NameSetting } {
  const document: SettingsDocument = { ...file };
  const origins = new Map<string, string>();
  for (const [name, { path, read }] of Object.entries(environmentSettings)) {
    const text = env[name]?.trim();
    if (text === undefined || text === '') continue;
    const value = read === undefined ? text : read(text);
    const [section, key] = path;
    if (typeof section !== 'string') continue;
    if (typeof key === 'string') {
      const existing = document[section] ?? {};
      // A section that is no section is a fault of the file; overwriting it would hide that.
      if (!isRecord(existing)) continue;
      document[section] = { ...existing, [key]: value };
    } else {
      document[section] = value;
    }
    origins.set(yamlKey(path), name);
  }
  return { document, nameOf: settingNames(origins) };
}
