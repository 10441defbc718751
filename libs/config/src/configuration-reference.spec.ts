import { readFileSync } from 'node:fs';
import { configurationReference } from './configuration-reference.js';
import { environmentSettings } from './environment.js';
import { load } from './load-for-spec.js';
import { settingsSchema } from './settings.schema.js';

const reference = configurationReference();

describe('the settings reference', () => {
  it('is what docs/configuration.md holds', () => {
    expect(readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')).toBe(reference);
  });

  it('has every key of the file', () => {
    const keys = Object.keys(settingsSchema.shape);
    expect(keys.length).toBeGreaterThan(25);
    for (const key of keys) expect(reference).toMatch(new RegExp(`^(\\| \`${key}\` \\||## \`${key}\`$)`, 'm'));
  });

  it('has every environment variable', () => {
    for (const name of [...Object.keys(environmentSettings), 'NODE_ENV', 'GATEHOUSE_CONFIG']) {
      expect(reference).toContain(`| \`${name}\` |`);
    }
  });

  it('shows types and defaults as the schema has them', () => {
    expect(reference).toContain('| `port` | `PORT` | port 1–65535 | `8080` |');
    expect(reference).toContain('| `lifetimes.access_token_seconds` | – | whole number 1–86400 | `900` |');
    expect(reference).toContain('| `access_token_algorithm` | – | `ES256`, `RS256`, `EdDSA` | `ES256` |');
    expect(reference).toContain('| `client_id` | `oidc`, `oauth2` | text | **obligatory** |');
    expect(reference).toContain('| `saml.clock_skew_seconds` | – | whole number 0–120 | `120` |');
    expect(reference).toContain('| `saml.verifier` | `GATEHOUSE_SAML_VERIFIER` | `strict`, `node-saml` | `strict` |');
    expect(reference).toContain('| `sign_requests` | `true` or `false` | `true` |');
    expect(reference).toContain('| `entity_id` | URI | `{public_url}/saml/{id}/metadata` |');
  });

  it('keeps its tables whole', () => {
    for (const line of reference.split('\n').filter((text) => text.startsWith('|'))) {
      expect([5, 6]).toContain(line.replaceAll('\\|', '').split('|').length - 1);
    }
  });

  it('gives an example that loads', () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(reference)?.[1];
    const env = { ACME_CLIENT_SECRET: 'a', GITHUB_CLIENT_SECRET: 'b', GRAFANA_CLIENT_SECRET: 'c'.repeat(32) };
    const config = load(env, example);
    expect(config.providers.map(({ id }) => id)).toEqual(['acme', 'github', 'test', 'dev']);
    expect(config.samlProviders.map(({ id }) => id)).toEqual(['okta', 'dev-saml']);
    expect(config.applications.map(({ clientId }) => clientId)).toEqual(['grafana']);
    expect(config.lifetimes.accessTokenSeconds).toBe(600);
  });
});
