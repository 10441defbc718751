import { Secret, type ApplicationConfig } from '@app/config';
import type { TestClients } from '../clients.spec-support.js';
import type { ApplicationSettings } from './application.js';
import { ApplicationRegistry, type ApplicationKeeper } from './application-registry.js';
import { Applications } from './applications.js';
import { ConfiguredApplications } from './configured-applications.js';

/** The organization that exists always. */
export const DEFAULT_ORGANIZATION = '00000000-0000-4000-8000-000000000001';
export const KEEPER: ApplicationKeeper = { organizationId: DEFAULT_ORGANIZATION, actor: 'user:keeper' };

/** What a confidential application is registered with, unless told otherwise. */
export function settings(changes: Partial<ApplicationSettings> = {}): ApplicationSettings {
  return {
    name: 'Grafana',
    logoUri: undefined,
    redirectUris: ['https://grafana.example/login/generic_oauth'],
    postLogoutRedirectUris: [],
    scopes: ['openid', 'profile', 'email'],
    grantTypes: ['authorization_code', 'refresh_token'],
    tokenEndpointAuthMethod: 'client_secret_basic',
    jwks: undefined,
    resources: [],
    consent: 'ask',
    dpopBoundAccessTokens: false,
    backchannelLogoutUri: undefined,
    frontchannelLogoutUri: undefined,
    ...changes,
  };
}

/** The same as an entry of the configuration file; `secrets` in the clear. */
export function entry(
  clientId: string,
  changes: Partial<ApplicationConfig> & { readonly secrets?: readonly string[] } = {},
): ApplicationConfig {
  const { secrets = [`secret-of-${clientId}`.padEnd(32, '-')], ...others } = changes;
  const clientSecrets = secrets.map((secret) => new Secret(secret));
  return { ...settings(), clientId, clientSecrets, organization: 'default', ...others };
}

export function applicationsOf(t: TestClients): Applications {
  return t.app.get(Applications, { strict: false });
}
export function registryOf(t: TestClients): ApplicationRegistry {
  return t.app.get(ApplicationRegistry, { strict: false });
}
export function configuredOf(t: TestClients): ConfiguredApplications {
  return t.app.get(ConfiguredApplications, { strict: false });
}

/** Another tenant, whose keeper this is. */
export async function anotherKeeper(t: TestClients, name = 'blue'): Promise<ApplicationKeeper> {
  const [row] = await t.database.query<{ id: string }>(
    `INSERT INTO organizations (id, name) VALUES (gen_random_uuid(), $1)
     ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id`,
    [name],
  );
  if (row === undefined) throw new Error('the organization was not stored');
  return { organizationId: row.id, actor: 'user:stranger' };
}
