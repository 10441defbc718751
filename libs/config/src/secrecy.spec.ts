import { inspect } from 'node:util';
import fc from 'fast-check';
import type { ConfigurationError } from './configuration-error.js';
import { faultsOf, load, productionEnvironment as production, refusalOf } from './load-for-spec.js';

const marker = 'hunter2-correct-horse';

/** Every way in which a value gets into a log. */
function printed(value: unknown): string {
  const deep = { depth: Number.POSITIVE_INFINITY, showHidden: true };
  return [
    String(value),
    JSON.stringify(value),
    inspect(value, deep),
    inspect([{ value }], deep),
    `${value as string}`,
  ].join('\n');
}

const printedError = (error: ConfigurationError): string =>
  [printed(error), error.message, error.stack, JSON.stringify(error.faults)].join('\n');

describe('R31: secrets', () => {
  it('never print from the configuration', () => {
    const key = Buffer.alloc(32, marker);
    const env = {
      ...production,
      DATABASE_URL: `postgres://u:${marker}@h/d`,
      REDIS_URL: `redis://:${marker}@h`,
      INTERNAL_TOKEN: marker,
      GATEHOUSE_MASTER_KEYS: `k1:${key.toString('base64url')}`,
      ACME_SECRET: marker,
    };
    const config = load(
      env,
      'oauth_providers: [{ id: acme, type: oidc, issuer: https://a.example, client_id: x, client_secret: "${ACME_SECRET}" }]',
    );
    const acme = config.providers[0];
    expect(acme?.type === 'oidc' && acme.clientSecret?.reveal()).toBe(marker);
    expect(config.internalToken?.reveal()).toBe(marker);
    const output = printed(config);
    expect(output).not.toContain(marker);
    expect(output).not.toContain(key.toString('base64url'));
    expect(output).not.toContain(key.toString('hex'));
    expect(output).not.toContain(key.toString('hex').slice(0, 16).replace(/../g, '$& ').trim());
    expect(output).toContain('[redacted]');
  });

  it.each([
    'PORT',
    'PUBLIC_URL',
    'NODE_ENV',
    'DATABASE_URL',
    'DATABASE_POOL_SIZE',
    'REDIS_URL',
    'GATEHOUSE_MASTER_KEYS',
    'GATEHOUSE_ADMINS',
    'GATEHOUSE_CLIENT_CALLBACKS',
    'INTERNAL_PORT',
    'TEST_IDP_PORT',
    'TRUST_PROXY',
    'GATEHOUSE_RATE_LIMITS',
    'GATEHOUSE_SAML_VERIFIER',
    'GATEHOUSE_SAML_WORKERS',
    'LOG_LEVEL',
  ])('never print from a fault of %s', (name) => {
    const refusal = refusalOf({ ...production, [name]: marker });
    expect(refusal.faults.map(({ key }) => key)).toContain(name);
    expect(printedError(refusal)).not.toContain(marker);
  });

  it('never print from an internal token that is no bearer token', () => {
    expect(printedError(refusalOf({ INTERNAL_TOKEN: `${marker} ` + marker }))).not.toContain(marker);
  });

  it('never print from the user information of a URL', () => {
    const url = `https://admin:${marker}@h.example`;
    const yaml = JSON.stringify({
      client_callbacks: [url],
      cors_origins: [url],
      oauth_providers: [{ id: 'a', type: 'oidc', issuer: url, client_id: 'x' }],
    });
    const refusal = refusalOf({ PUBLIC_URL: url }, yaml);
    expect(refusal.faults).toHaveLength(4);
    expect(printedError(refusal)).not.toContain(marker);
  });

  it('never print from YAML that cannot be parsed', () => {
    const broken = fc.constantFrom(
      `client_secret: "${marker}`,
      `client_secret: ${marker}: x`,
      `a: {client_secret: ${marker}\nb: [`,
      `- ${marker}`,
      marker,
      `x: *${marker}`,
      `${marker}: 1\n${marker}: 1`,
      `x: !!int ${marker}`,
      `x: "\\q${marker}"`,
      `\t${marker}: x`,
      `--- ${marker}\n--- ${marker}`,
      `%${marker}\n---\nport: x`,
    );
    fc.assert(
      fc.property(fc.array(broken, { minLength: 1, maxLength: 3 }), (lines) => {
        let refusal: ConfigurationError;
        try {
          refusal = refusalOf({}, lines.join('\n'));
        } catch (error) {
          throw new Error(`accepted: ${lines.join('\n')}`, { cause: error });
        }
        // A key that is not known is named, and here the marker is the key in one of the lines.
        for (const { message } of refusal.faults) expect(message).not.toContain(marker);
      }),
    );
  });

  it('never print from a variable that was substituted, wherever it was put', () => {
    const places = [
      'port',
      'public_url',
      'trust_proxy',
      'database_url',
      'redis_url',
      'master_keys',
      'log_level',
      'client_callbacks',
      'admins',
      'fragment_delivery',
      'cors_origins',
      'outbound',
      'lifetimes',
      'rate_limits',
      'oauth_providers',
      'saml',
      'saml_providers',
      'organizations',
      'applications',
    ];
    for (const place of places) {
      for (const value of [
        '"${SECRET}"',
        '["${SECRET}"]',
        '{ "${SECRET}": "${SECRET}" }',
        '{ enabled: "${SECRET}" }',
      ]) {
        const refusal = refusalOf({ SECRET: marker }, `${place}: ${value}`);
        expect(printedError(refusal)).not.toContain(marker);
      }
    }
  });

  it('are asked for by the name of the variable when it is missing', () => {
    expect(faultsOf({}, 'internal_token: "${TOKEN_OF_MINE}"')).toEqual([
      {
        key: 'internal_token',
        message: 'the environment variable TOKEN_OF_MINE is not set; set it or remove ${TOKEN_OF_MINE}',
      },
    ]);
  });
});
