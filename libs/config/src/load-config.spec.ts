import { resolve } from 'node:path';
import { load, faultsOf, faultyKeys, productionEnvironment as production, refusalOf } from './load-for-spec.js';
import { loadConfig } from './load-config.js';

describe('D63', () => {
  it('starts in development without any setting', () => {
    expect(load()).toMatchObject({
      production: false,
      host: '127.0.0.1',
      port: 8080,
      publicUrl: 'http://localhost:8080',
      testIdpPort: 8081,
      databaseUrl: undefined,
      redisUrl: undefined,
      masterKeys: [],
      trustProxy: undefined,
      dataDir: resolve('.gatehouse'),
      clientCallbacks: [{ clientId: 'http://localhost:8080/', url: 'http://localhost:8080/' }],
      corsOrigins: ['http://localhost:8080'],
      outbound: { allowPrivate: true },
    });
  });

  it('lets the port move the public URL, the callback and the identity provider', () => {
    expect(load({ PORT: '9100' })).toMatchObject({
      port: 9100,
      publicUrl: 'http://localhost:9100',
      testIdpPort: 9101,
      clientCallbacks: [{ clientId: 'http://localhost:9100/', url: 'http://localhost:9100/' }],
    });
  });

  it('derives the callback from the public URL, path included', () => {
    const config = load({ PUBLIC_URL: 'http://localhost:9/auth/' });
    expect(config.publicUrl).toBe('http://localhost:9/auth');
    expect(config.clientCallbacks).toEqual([{ clientId: 'http://localhost:9/auth/', url: 'http://localhost:9/auth/' }]);
  });

  it('lets the environment beat the file, value by value', () => {
    const yaml = 'port: 7000\nhost: 0.0.0.0\nrate_limits: { enabled: true, token: 7 }\nadmins: [a:x, b:y]';
    const config = load(
      { PORT: '7001', GATEHOUSE_RATE_LIMITS: 'off', GATEHOUSE_ADMINS: 'c:z@example.com, d:urn:x' },
      yaml,
    );
    expect(config).toMatchObject({
      port: 7001,
      host: '0.0.0.0',
      rateLimits: { enabled: false, token: 7 },
      admins: [
        { provider: 'c', subjectOrEmail: 'z@example.com' },
        { provider: 'd', subjectOrEmail: 'urn:x' },
      ],
    });
  });

  it('takes an empty variable for one that is not set', () => {
    expect(load({ PORT: '', PUBLIC_URL: ' ', GATEHOUSE_CONFIG: '', NODE_ENV: '' }).port).toBe(8080);
  });

  it('does not allow private addresses or invent callbacks in production', () => {
    const config = load(production);
    expect(config).toMatchObject({ host: '0.0.0.0', clientCallbacks: [], corsOrigins: [], providers: [] });
    expect(config.outbound.allowPrivate).toBe(false);
    expect(config.testIdpPort).toBeUndefined();
  });
});

describe('D40, D44, D57', () => {
  it('has the decided lifetimes and limits as defaults', () => {
    expect(load().lifetimes).toEqual({
      accessTokenSeconds: 15 * 60,
      refreshIdleSeconds: 30 * 86_400,
      refreshAbsoluteSeconds: 90 * 86_400,
      authorizationCodeSeconds: 60,
      loginTransactionSeconds: 600,
      browserSessionSeconds: 43_200,
      clockSkewSeconds: 60,
      keyPublishBeforeSigningSeconds: 86_400,
      keySigningSeconds: 30 * 86_400,
      jwksMaxAgeSeconds: 300,
    });
    expect(load().rateLimits).toMatchObject({
      enabled: true,
      interactive: 300,
      token: 1200,
      discovery: 600,
      badTokens: 600,
      lockoutFailures: 10,
      lockoutWindowMs: 5 * 60_000,
      lockoutDurationMs: 15 * 60_000,
    });
  });

  it('refuses an idle time beyond the absolute one, and keys that sign before anybody can know them', () => {
    const yaml = `lifetimes: { refresh_idle_seconds: 100, refresh_absolute_seconds: 99,
                    key_publish_before_signing_seconds: 10, jwks_max_age_seconds: 11 }`;
    expect(faultyKeys({}, yaml)).toEqual([
      'lifetimes.refresh_idle_seconds',
      'lifetimes.key_publish_before_signing_seconds',
    ]);
  });
});

describe('the file', () => {
  it('sets every member of the configuration', () => {
    const config = load({ DB: 'postgres://u:p@h/d' }, everySetting);
    expect(config.databaseUrl?.reveal()).toBe('postgres://u:p@h/d');
    expect(config.redisUrl?.reveal()).toBe('redis://h');
    expect(config.internalToken?.reveal()).toBe('a-token');
    expect(config.masterKeys.map(({ id, key }) => [id, key.reveal().length])).toEqual([['k1', 32]]);
    expect(config).toMatchObject({
      host: '::1',
      port: 81,
      publicUrl: 'http://127.0.0.1:81',
      trustProxy: ['10.0.0.0/8', '::1'],
      dataDir: '/var/lib/gatehouse',
      databasePoolSize: 3,
      internalPort: 82,
      testIdpPort: 83,
      logLevel: 'silent',
      clientCallbacks: [
        { clientId: 'https://a.example/cb', url: 'https://a.example/cb' },
        { clientId: 'b', url: 'https://b.example/cb' },
      ],
      admins: [{ provider: 'acme', subjectOrEmail: 'alice@example.com' }],
      accessTokenAlgorithm: 'EdDSA',
      fragmentDelivery: false,
      introspectionRequiresAuthentication: true,
      corsOrigins: ['https://a.example'],
      outbound: { allowPrivate: false, timeoutMs: 500, maxBytes: 2048 },
      lifetimes: {
        accessTokenSeconds: 1,
        refreshIdleSeconds: 2,
        refreshAbsoluteSeconds: 3,
        authorizationCodeSeconds: 4,
        loginTransactionSeconds: 5,
        clockSkewSeconds: 6,
        keyPublishBeforeSigningSeconds: 9,
        keySigningSeconds: 8,
        jwksMaxAgeSeconds: 7,
      },
      rateLimits: {
        enabled: true,
        interactive: 1,
        token: 2,
        discovery: 3,
        api: 4,
        badTokens: 5,
        lockoutFailures: 6,
        lockoutWindowMs: 7000,
        lockoutDurationMs: 8000,
      },
    });
    expect(config.providers.map(({ id }) => id)).toEqual(['dev']);
  });

  it('may be empty, or hold empty lists', () => {
    expect(load({}, '').port).toBe(8080);
    expect(load({}, '# nothing\nsaml_providers: []\norganizations: []\napplications: []\n').port).toBe(8080);
  });

  it('reports a file that cannot be read', () => {
    const missing = Object.assign(new Error('no such file'), { code: 'ENOENT' });
    const read = (): string => {
      throw missing;
    };
    expect(() => loadConfig({ GATEHOUSE_CONFIG: '/nowhere.yaml' }, read)).toThrow(
      'GATEHOUSE_CONFIG: the file cannot be read (ENOENT)',
    );
  });

  it('is read at the path that was given', () => {
    const paths: string[] = [];
    loadConfig({ GATEHOUSE_CONFIG: 'conf/g.yaml' }, (path) => {
      paths.push(path);
      return '';
    });
    expect(paths).toEqual(['conf/g.yaml']);
  });
});

describe('faults', () => {
  it('are all reported at once, environment and file, each with its key and the fix', () => {
    const refusal = refusalOf(
      { PORT: 'eighty', NODE_ENV: 'production', GATEHOUSE_ADMINS: 'nobody', GATEHOUSE_RATE_LIMITS: 'off' },
      'log_level: loud\nclient_callbacks: [http://app.example.com/]\nlifetimes: { acess_token_seconds: 5 }\n' +
        'oauth_providers:\n  - { id: acme, type: oidc, issuer: "http://id.example.com", client_id: x }\n  - { id: acme, type: test }',
    );
    expect(refusal.faults.map(({ key }) => key).toSorted()).toEqual([
      'DATABASE_URL',
      'GATEHOUSE_ADMINS',
      'GATEHOUSE_MASTER_KEYS',
      'GATEHOUSE_RATE_LIMITS',
      'PORT',
      'PUBLIC_URL',
      'REDIS_URL',
      'client_callbacks[0]',
      'lifetimes.acess_token_seconds',
      'log_level',
      'oauth_providers[0].issuer',
      'oauth_providers[1].id',
      'oauth_providers[1].type',
    ]);
    const lines = refusal.message.split('\n');
    expect(lines[0]).toContain('13 settings are wrong');
    expect(lines).toHaveLength(14);
    for (const { key, message } of refusal.faults) expect(refusal.message).toContain(`- ${key}: ${message}`);
  });

  it('name the variable when the value came from the environment, and the entry of its list', () => {
    expect(faultsOf({ GATEHOUSE_CLIENT_CALLBACKS: 'https://a.example/,nope' })).toEqual([
      { key: 'GATEHOUSE_CLIENT_CALLBACKS', message: expect.stringMatching(/^entry 2: is not an absolute URL/) },
    ]);
  });

  it.each([
    ['PORT', ['0', '65536', '80.5', '-1', '0x50', '1e3', 'http']],
    ['DATABASE_POOL_SIZE', ['0', 'many']],
    ['DATABASE_URL', ['mysql://h/d', 'db.internal']],
    ['REDIS_URL', ['http://h', 'localhost:6379']],
    ['INTERNAL_TOKEN', ['two words', 'a"b']],
    ['INTERNAL_PORT', ['none', '8080']],
    ['TEST_IDP_PORT', ['on', '99999', '8080']],
    ['LOG_LEVEL', ['verbose', 'INFO']],
    ['GATEHOUSE_RATE_LIMITS', ['none']],
    ['NODE_ENV', ['Production', 'prod', 'staging']],
    ['GATEHOUSE_ADMINS', ['alice@example.com', ':x', 'acme:', '9:x']],
  ])('%s refuses what it cannot mean', (name, values) => {
    for (const value of values) expect(faultyKeys({ [name]: value })).toContain(name);
  });

  it('tell a provider entry that misses its type, and a setting without a value', () => {
    expect(faultsOf({}, 'oauth_providers: [{ id: a }]\nhost:')).toEqual([
      { key: 'host', message: expect.stringContaining('has no value') },
      { key: 'oauth_providers[0].type', message: expect.stringContaining('is missing') },
    ]);
  });

  it('refuse two things on one port', () => {
    expect(faultyKeys({ PORT: '70', INTERNAL_PORT: '71' })).toEqual(['test_idp_port']);
    expect(faultyKeys({ PORT: '70', INTERNAL_PORT: '70' })).toEqual(['INTERNAL_PORT']);
    expect(faultyKeys({ PORT: '65535' })).toEqual(['test_idp_port']);
    expect(load({ PORT: '65535', TEST_IDP_PORT: 'off' }).testIdpPort).toBeUndefined();
  });
});

describe('production', () => {
  it.each(['DATABASE_URL', 'REDIS_URL', 'PUBLIC_URL', 'GATEHOUSE_MASTER_KEYS'])('requires %s', (name) => {
    expect(faultsOf({ ...production, [name]: undefined })).toEqual([
      { key: name, message: expect.stringContaining('obligatory in production') },
    ]);
  });

  it('accepts each of them from the file', () => {
    const { NODE_ENV, PUBLIC_URL, ...rest } = production;
    expect(load({ ...rest, NODE_ENV }, `public_url: ${PUBLIC_URL}`).publicUrl).toBe(PUBLIC_URL);
  });

  it('names a faulty one once, as faulty and not as absent', () => {
    expect(faultyKeys({ ...production, DATABASE_URL: 'db' })).toEqual(['DATABASE_URL']);
    expect(faultyKeys({ ...production, PUBLIC_URL: undefined }, 'public_url: ${NOT_SET}')).toEqual(['public_url']);
  });

  it.each(['http://login.example.com', 'http://localhost:8080', 'http://127.0.0.1'])('refuses %s', (PUBLIC_URL) => {
    expect(faultsOf({ ...production, PUBLIC_URL })).toEqual([
      { key: 'PUBLIC_URL', message: expect.stringContaining('must be https in production') },
    ]);
  });

  it('refuses a short internal token', () => {
    expect(faultyKeys({ ...production, INTERNAL_TOKEN: 'fifteen-letters' })).toEqual(['INTERNAL_TOKEN']);
    expect(load({ ...production, INTERNAL_TOKEN: 'sixteen--letters' }).internalToken).toBeDefined();
  });
});

describe('D3', () => {
  it.each([
    ['https://login.example.com/', 'https://login.example.com'],
    ['https://login.example.com/auth', 'https://login.example.com/auth'],
    ['https://login.example.com:8443', 'https://login.example.com:8443'],
  ])('takes %s as the issuer without its trailing slash', (given, issuer) => {
    expect(load({ PUBLIC_URL: given }).publicUrl).toBe(issuer);
  });

  it.each([
    'login.example.com',
    'ftp://login.example.com',
    'https://LOGIN.example.com',
    'https://login.example.com:443',
    'https://login.example.com/a/../b',
    'https://login.example.com//',
    'https://login.example.com/?',
    'https://login.example.com/#',
    'https://user@login.example.com',
    'https://*.example.com',
    'https://exämple.com',
    'http://127.1:8080',
  ])('refuses %s', (PUBLIC_URL) => {
    expect(faultyKeys({ PUBLIC_URL })).toEqual(['PUBLIC_URL']);
  });
});

describe('D38', () => {
  it('names each origin that a browser would not send', () => {
    const yaml =
      'cors_origins: [https://a.example, https://b.example/, "*", null, http://c.example, "http://localhost:5"]';
    expect(faultyKeys({}, yaml).toSorted()).toEqual([
      'cors_origins[1]',
      'cors_origins[2]',
      'cors_origins[3]',
      'cors_origins[4]',
    ]);
  });

  it('defaults to the origins of the callbacks, each once', () => {
    const callbacks = 'https://a.example/1,https://a.example/2,http://localhost:3/';
    expect(load({ GATEHOUSE_CLIENT_CALLBACKS: callbacks }).corsOrigins).toEqual([
      'https://a.example',
      'http://localhost:3',
    ]);
  });
});

describe('the result', () => {
  it('is frozen to its depths', () => {
    const seen: unknown[] = [];
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      seen.push(value);
      expect(Object.isFrozen(value)).toBe(true);
      Object.values(value).forEach(visit);
    };
    visit(load({ DB: 'postgres://u:p@h/d' }, everySetting));
    visit(load());
    expect(seen.length).toBeGreaterThan(20);
  });
});

const everySetting = `
host: "::1"
port: 81
public_url: http://127.0.0.1:81
trust_proxy: [10.0.0.0/8, "::1"]
data_dir: /var/lib/gatehouse
database_url: \${DB}
database_pool_size: 3
redis_url: redis://h
master_keys: ["k1:${Buffer.alloc(32, 'x').toString('base64url')}"]
internal_token: a-token
internal_port: 82
test_idp_port: 83
test_provider: false
log_level: silent
client_callbacks: [https://a.example/cb, { client_id: b, url: https://b.example/cb }]
admins: [acme:alice@example.com]
access_token_algorithm: EdDSA
fragment_delivery: off
introspection_requires_authentication: "true"
cors_origins: [https://a.example]
outbound: { allow_private: false, timeout_ms: 500, max_bytes: 2048 }
lifetimes:
  access_token_seconds: 1
  refresh_idle_seconds: 2
  refresh_absolute_seconds: 3
  authorization_code_seconds: 4
  login_transaction_seconds: 5
  clock_skew_seconds: 6
  key_publish_before_signing_seconds: 9
  key_signing_seconds: 8
  jwks_max_age_seconds: 7
rate_limits: { enabled: on, interactive: 1, token: 2, discovery: 3, api: 4, bad_tokens: 5,
  lockout_failures: 6, lockout_window_ms: 7000, lockout_duration_ms: 8000 }
oauth_providers: []
`;
