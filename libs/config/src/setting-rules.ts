import type { FaultCollector } from './configuration-error.js';
import type { Deployment } from './deployment.js';
import { environmentNameOf } from './environment.js';
import type { NameSetting, SettingPath } from './setting-key.js';
import type { Settings } from './settings.schema.js';
import { originFault, publicUrlFault } from './urls.js';

type Report = (path: SettingPath, message: string) => void;

/** The rules that compare settings with each other or with the deployment; a setting that is faulty itself is not judged. */
export function checkSettings(
  settings: Settings,
  deployment: Deployment,
  nameOf: NameSetting,
  faults: FaultCollector,
): void {
  const report: Report = (path, message) => {
    const { key, prefix } = nameOf(path);
    faults.add(key, prefix + message);
  };
  checkPublicUrl(settings, deployment, report);
  checkMasterKeys(settings, report);
  checkPorts(settings, deployment, report);
  checkLifetimes(settings, report);
  checkTestProviders(settings, deployment, report);
  if (!deployment.production) return;
  checkProduction(settings, report);
  for (const path of ['database_url', 'redis_url', 'public_url', 'master_keys'] as const) {
    const absent = settings[path] === undefined || (path === 'master_keys' && settings.master_keys.length === 0);
    const environmentName = environmentNameOf([path]) ?? path;
    if (!absent || faults.concerns(environmentName) || faults.concerns(path)) continue;
    faults.add(environmentName, `is obligatory in production; set it, or ${path} in the file${obligatoryHints[path]}`);
  }
}

const obligatoryHints = {
  database_url: ', to a postgres:// URL',
  redis_url: ', to a redis:// URL',
  public_url: ', to the https URL that browsers use',
  master_keys:
    ', to id:key; make a key with ' +
    `node -e "console.log(require('node:crypto').randomBytes(32).toString('base64url'))"`,
};

function checkPublicUrl({ public_url: publicUrl }: Settings, { production }: Deployment, report: Report): void {
  if (publicUrl === undefined) return;
  const fault = publicUrlFault(publicUrl);
  if (fault !== undefined) return report(['public_url'], fault);
  if (production && !publicUrl.startsWith('https:')) {
    report(['public_url'], 'must be https in production; terminate TLS in front of Gatehouse and give that address');
  }
}

function checkMasterKeys({ master_keys: masterKeys }: Settings, report: Report): void {
  const ids = masterKeys.map(({ id }) => id);
  const keys = masterKeys.map(({ key }) => key.reveal().toString('hex'));
  if (new Set(ids).size < ids.length) report(['master_keys'], 'two keys have the same id; give each key its own');
  if (new Set(keys).size < keys.length) report(['master_keys'], 'one key stands under two ids; remove one of them');
}

function checkPorts(settings: Settings, { testIdpPort }: Deployment, report: Report): void {
  if (settings.internal_port === settings.port)
    report(['internal_port'], 'is also the public port; choose another one');
  if (testIdpPort === undefined) return;
  if (testIdpPort > 65_535) report(['test_idp_port'], 'would be 65536, one above the port; set it, or off');
  if (testIdpPort === settings.port) report(['test_idp_port'], 'is also the public port; choose another one');
  if (testIdpPort === settings.internal_port)
    report(['test_idp_port'], 'is also the internal port; choose another one');
}

function checkLifetimes({ lifetimes, saml }: Settings, report: Report): void {
  if (saml.key_publish_before_signing_seconds >= saml.key_lifetime_seconds) {
    report(
      ['saml', 'key_publish_before_signing_seconds'],
      'is not shorter than key_lifetime_seconds, so the next certificate would be made before the present one signs; lower it',
    );
  }
  if (lifetimes.refresh_idle_seconds > lifetimes.refresh_absolute_seconds) {
    report(['lifetimes', 'refresh_idle_seconds'], 'is longer than refresh_absolute_seconds; lower it');
  }
  // A verifier may hold the JWKS for its max-age, so a key that signs earlier would be unknown to it (D40).
  if (lifetimes.key_publish_before_signing_seconds < lifetimes.jwks_max_age_seconds) {
    report(
      ['lifetimes', 'key_publish_before_signing_seconds'],
      'is shorter than jwks_max_age_seconds, so tokens would be signed with keys that nobody has seen; raise it',
    );
  }
}

/** D22 */
function checkTestProviders(settings: Settings, { production, testAllowed }: Deployment, report: Report): void {
  if (testAllowed) return;
  const place = production ? 'in production' : 'where PUBLIC_URL is not loopback';
  if (typeof settings.test_idp_port === 'number') report(['test_idp_port'], `is refused ${place} (D22); remove it`);
  if (settings.test_provider === true) report(['test_provider'], `is refused ${place} (D22); remove it`);
}

function checkProduction(settings: Settings, report: Report): void {
  if (!settings.rate_limits.enabled) report(['rate_limits', 'enabled'], 'cannot be off in production; remove it');
  const token = settings.internal_token?.reveal();
  if (token !== undefined && token.length < 16) {
    report(['internal_token'], 'must have at least 16 characters in production; make it random');
  }
}

/** D38: what a browser sends as `Origin` is compared by equality. Reads the list as written, so that indices are right. */
export function checkCorsOrigins(origins: unknown, nameOf: NameSetting, faults: FaultCollector): void {
  if (!Array.isArray(origins)) return;
  for (const [index, origin] of origins.entries()) {
    const fault = typeof origin === 'string' && origin !== '' ? originFault(origin) : undefined;
    const { key, prefix } = nameOf(['cors_origins', index]);
    if (fault !== undefined) faults.add(key, prefix + fault);
  }
}
