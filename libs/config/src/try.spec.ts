import { loadConfig } from './load-config.js';
import { configurationReference } from './configuration-reference.js';
import { inspect } from 'node:util';
const run = (env: NodeJS.ProcessEnv, yaml?: string) => { try { return loadConfig(yaml === undefined ? env : {...env, GATEHOUSE_CONFIG: 'x'}, () => yaml ?? '') } catch (e) { return e } };
it('x', () => {
  console.log(inspect(run({}), {depth: 5}));
  console.log(String(run({PORT: 'x', NODE_ENV:'prod', GATEHOUSE_CLIENT_CALLBACKS:'https://a, foo, HTTPS://b/,x=https://b/c#,x=https://b/d', GATEHOUSE_ADMINS:'foo', GATEHOUSE_MASTER_KEYS: 'a:bb', TRUST_PROXY: 'true', TEST_IDP_PORT:'9', GATEHOUSE_RATE_LIMITS:'off'}, `
prot: 4
lifetimes: { acces_token_seconds: 3, access_token_seconds: 0, refresh_idle_seconds: 8000000 }
client_callbacks: 4
saml_providers: [1]
cors_origins: [3, "https://x/"]
log_level: loud
oauth_providers:
  - { id: providers, type: oauth2, client_id: x }
  - { id: a, type: oauth2, client_id: x, authorization_url: "http://x/", token_url: 4, userinfo_url: "https://u:p@x/", issur: x }
  - { id: a, type: oidc, client_id: x, client_secret: "\${NOPE}", issuer: "https://x/?a", authorization_parameters: { state: x }, link_by_verified_email: true }
  - { id: t, type: test }
  - { id: t, type: saml }
  - nope
`)));
  console.log(String(run({}, 'client_callbacks: [4, {url: 4}, {client_id: 4, url: "https://x/"}, {uri: x}, ""]\nrate_limits: 4')));
  console.log(String(run({}, 'a: b\n  c: [\nclient_secret: "hello')));
});
