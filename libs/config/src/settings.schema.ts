import { z } from 'zod';
import { applicationSchema } from './application.schema.js';
import { organizationList } from './organization.schema.js';
import { personEntry } from './person-entry.js';
import { providerSchema } from './provider.schema.js';
import { samlProviderSchema } from './saml-provider.schema.js';
import { samlSection } from './saml-section.schema.js';
import { documented, section } from './setting-docs.js';
import {
  flag,
  kinds,
  listOf,
  masterKey,
  port,
  portOrOff,
  secretText,
  text,
  trustProxy,
  url,
  whole,
} from './setting-kinds.js';
import { vaultSection } from './vault-section.js';
import { webhookDeliverySection, webhookSchema } from './webhooks.schema.js';

const day = 86_400;

/** A callback in both spellings; the rules of D7 are in client-callbacks.ts, because they compare entries. */
const clientCallback = z
  .union(
    [
      text(),
      z.strictObject({
        client_id: z
          .string('must be text')
          .regex(/^[\x20-\x7e]{1,255}$/, 'must be 1 to 255 printable ASCII characters (RFC 6749 A.1)')
          .optional(),
        url: text(),
      }),
    ],
    'must be a URL, or a section with client_id and url',
  )
  .register(kinds, { text: 'URL or `{client_id, url}`' });

const outbound = section({
  allow_private: documented(
    flag().optional(),
    'Call private and loopback addresses, and plain http on loopback hosts.',
    '`true` in development, `false` in production',
  ),
  timeout_ms: documented(whole(100, 120_000).default(10_000), 'Longest time for one call, in milliseconds.'),
  max_bytes: documented(whole(1024, 16_777_216).default(1_048_576), 'Largest answer that is read.'),
  token_timeout_ms: documented(
    whole(100, 120_000).default(15_000),
    'Longest time for one request to a token endpoint about kept tokens, in milliseconds.',
  ),
  connect_timeout_ms: documented(
    whole(50, 60_000).default(3_000),
    'Longest time for reaching a token endpoint: DNS, TCP and TLS, in milliseconds.',
  ),
});

/** D40; the bounds keep a slip of the keyboard from making tokens that live for years. */
const lifetimes = section({
  access_token_seconds: documented(whole(1, day).default(900), 'Access token.'),
  refresh_idle_seconds: documented(whole(1, 3650 * day).default(30 * day), 'Refresh token, from its last use.'),
  refresh_absolute_seconds: documented(
    whole(1, 3650 * day).default(90 * day),
    'Refresh token family, from the sign-in.',
  ),
  authorization_code_seconds: documented(
    whole(1, 600).default(60),
    'Our one-time code (RFC 6749 §4.1.2: at most 10 minutes).',
  ),
  login_transaction_seconds: documented(whole(1, 3600).default(600), 'A login in flight: state, nonce, PKCE verifier.'),
  browser_session_seconds: documented(
    whole(60, 90 * day).default(day / 2),
    'How long a browser is signed in for registered applications, from the sign-in.',
  ),
  clock_skew_seconds: documented(whole(0, 300).default(60), 'Tolerance for the clocks of others in JWTs.'),
  key_publish_before_signing_seconds: documented(
    whole(0, 30 * day).default(day),
    'A new key is published this long before it signs.',
  ),
  key_signing_seconds: documented(whole(1, 366 * day).default(30 * day), 'How long a key signs.'),
  jwks_max_age_seconds: documented(whole(0, day).default(300), '`max-age` of the JWKS.'),
});

const perMinute = (limit: number) => whole(1, 10_000_000).default(limit);

const rateLimits = section({
  enabled: documented(flag().default(true), '`off` is for tests and load generators; refused in production.'),
  interactive: documented(perMinute(300), 'authorize and callback, per address and minute.'),
  token: documented(perMinute(1200), 'Token endpoint, per address and minute.'),
  discovery: documented(perMinute(600), 'Discovery and JWKS, per address and minute.'),
  api: documented(perMinute(1200), 'Everything else, per address and minute.'),
  bad_tokens: documented(perMinute(600), 'Bad tokens at introspection and userinfo, per address and minute.'),
  lockout_failures: documented(whole(1, 1000).default(10), 'Failed secrets that lock a client for one address.'),
  lockout_window_ms: documented(
    whole(1000, 86_400_000).default(300_000),
    'Window in which failures are counted, in milliseconds.',
  ),
  lockout_duration_ms: documented(
    whole(1000, 86_400_000).default(900_000),
    'How long the lock lasts, in milliseconds.',
  ),
});

/** The whole YAML file. What depends on several settings or on NODE_ENV is decided in load-config.ts. */
export const settingsSchema = section({
  host: documented(text(255).optional(), 'Address to listen on.', '`127.0.0.1`; `0.0.0.0` in production'),
  port: documented(port().default(8080), 'Port to listen on.'),
  public_url: documented(
    url().optional(),
    'Issuer and base of every link, as browsers see it; https in production, where it is obligatory.',
    '`http://localhost:{port}`',
  ),
  trust_proxy: documented(
    trustProxy().optional(),
    'Whose `X-Forwarded-*` headers are believed. In the environment the list is comma-separated.',
    'nobody’s',
  ),
  data_dir: documented(
    text(1024).default('./.gatehouse'),
    'Folder of the embedded database and the generated master key of development.',
  ),
  database_url: documented(
    secretText(/^(postgres(ql)?:\/\/|socket:).+/, 'must be a postgres:// URL').optional(),
    'Postgres. Obligatory in production.',
    'embedded Postgres under `data_dir`',
  ),
  database_pool_size: documented(whole(1, 1000).default(10), 'Connections of one process.'),
  redis_url: documented(
    secretText(
      /^(rediss?:\/\/|unix:\/\/|\/).+/,
      'must be a redis:// or rediss:// URL, or the path of a socket',
    ).optional(),
    'Redis. Obligatory in production.',
    'a store inside the process',
  ),
  master_keys: documented(
    listOf(masterKey()).default([]),
    'Keys that seal secrets at rest, newest first; 32 bytes as base64url. Keep old ones while something is sealed with them. Obligatory in production.',
    'a generated file under `data_dir`',
  ),
  internal_token: documented(
    secretText(
      /^[A-Za-z0-9\-._~+/]+=*$/,
      'must be a bearer token: A-Z a-z 0-9 - . _ ~ + / and = at the end (RFC 6750 §2.1)',
    ).optional(),
    'Bearer for internal routes and metrics; at least 16 characters in production.',
  ),
  internal_port: documented(port().optional(), 'A separate loopback listener for internal routes.'),
  worker_host: documented(
    text(255).default('127.0.0.1'),
    'Address on which `gatehouse worker` answers for its health and metrics.',
  ),
  worker_port: documented(port().default(9080), 'Port of the same.'),
  test_idp_port: documented(
    portOrOff().optional(),
    'Port of the development identity providers, OpenID Connect and SAML; refused in production and where `public_url` is not loopback.',
    '`{port} + 1` in development, else not started',
  ),
  test_provider: documented(
    flag().optional(),
    'The built-in `test` provider; never in production, nor where `public_url` is not loopback.',
    '`true` in development',
  ),
  log_level: documented(
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
    'Least severe level that is logged.',
  ),
  client_callbacks: documented(
    listOf(clientCallback).optional(),
    'First-party clients: https, or http on a loopback host, in normal form. In the environment an entry is `url` or `client_id=url`. The `client_id` is the URL unless one is given.',
    '`{public_url}/` in development, none in production',
  ),
  admins: documented(
    listOf(personEntry).default([]),
    'Administrators, by upstream subject or verified e-mail at one provider.',
  ),
  access_token_algorithm: documented(
    z.enum(['ES256', 'RS256', 'EdDSA']).default('ES256'),
    'Signature of access tokens.',
  ),
  fragment_delivery: documented(
    flag().default(true),
    'Deliver tokens in the URL fragment to first-party clients that name no `response_type`.',
  ),
  introspection_requires_authentication: documented(
    flag().default(false),
    'Every introspection call must be authenticated, also for our own signed access tokens.',
  ),
  cors_origins: documented(
    listOf(text()).optional(),
    'Origins that may call the API from a browser.',
    'the origins of `client_callbacks`',
  ),
  outbound: documented(outbound.prefault({}), 'Calls that Gatehouse makes.'),
  lifetimes: documented(lifetimes.prefault({}), 'How long things live, in seconds.'),
  rate_limits: documented(rateLimits.prefault({}), 'Limits for each address.'),
  oauth_providers: documented(listOf(providerSchema).default([]), 'OAuth 2.0 and OpenID Connect providers.'),
  saml: documented(samlSection.prefault({}), 'What holds for every SAML provider.'),
  saml_providers: documented(
    listOf(samlProviderSchema).default([]),
    'SAML 2.0 identity providers, each known by its metadata.',
  ),
  organizations: documented(
    organizationList.default([]),
    'Tenants, and the people whom the file puts there. A provider’s `organization` exists without being listed.',
  ),
  applications: documented(
    listOf(applicationSchema).default([]),
    'Registered applications, for which Gatehouse is the OpenID provider. Those that the file names no longer are disabled.',
  ),
  vault: documented(vaultSection.prefault({}), 'How upstream tokens are kept fresh.'),
  webhooks: documented(listOf(webhookSchema).default([]), 'Who is told of what happens to connections.'),
  webhook_delivery: documented(webhookDeliverySection.prefault({}), 'How webhooks are delivered.'),
});

export type Settings = z.output<typeof settingsSchema>;
