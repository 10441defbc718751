import fc from 'fast-check';
import { faultyKeys, load, productionEnvironment as production } from './load-for-spec.js';

/** JSON is YAML. */
const samlYaml = (saml: object): string => JSON.stringify({ saml });

describe('saml', () => {
  it('has the decided defaults', () => {
    expect(load(production).saml).toEqual({
      verifier: 'strict',
      workers: 2,
      queueLimit: 256,
      verificationTimeoutMs: 5000,
      clockSkewSeconds: 120,
      maxMessageAgeSeconds: 600,
      keyLifetimeSeconds: 2 * 365 * 86_400,
      keyPublishBeforeSigningSeconds: 30 * 86_400,
      keyRetentionSeconds: 90 * 86_400,
      postLogoutRedirectUris: [],
    });
  });

  it('takes every key, and the environment beats it', () => {
    const saml = {
      verifier: 'node-saml',
      workers: 3,
      queue_limit: 4,
      verification_timeout_ms: 500,
      clock_skew_seconds: 6,
      max_message_age_seconds: 7,
      key_lifetime_seconds: 9,
      key_publish_before_signing_seconds: 8,
      key_retention_seconds: 10,
      post_logout_redirect_uris: ['https://app.example.com/bye'],
    };
    const read = {
      verifier: 'node-saml',
      workers: 3,
      queueLimit: 4,
      verificationTimeoutMs: 500,
      clockSkewSeconds: 6,
      maxMessageAgeSeconds: 7,
      keyLifetimeSeconds: 9,
      keyPublishBeforeSigningSeconds: 8,
      keyRetentionSeconds: 10,
      postLogoutRedirectUris: ['https://app.example.com/bye'],
    };
    expect(load(production, samlYaml(saml)).saml).toEqual(read);
    const env = { ...production, GATEHOUSE_SAML_VERIFIER: 'strict', GATEHOUSE_SAML_WORKERS: '1' };
    expect(load(env, samlYaml(saml)).saml).toEqual({ ...read, verifier: 'strict', workers: 1 });
    expect(faultyKeys({ GATEHOUSE_SAML_VERIFIER: 'lax', GATEHOUSE_SAML_WORKERS: '0' })).toEqual([
      'GATEHOUSE_SAML_VERIFIER',
      'GATEHOUSE_SAML_WORKERS',
    ]);
  });

  it('D40: tolerates no clock by more than 120 seconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000 }), (clock_skew_seconds) => {
        const text = samlYaml({ clock_skew_seconds });
        if (clock_skew_seconds <= 120) expect(load({}, text).saml.clockSkewSeconds).toBe(clock_skew_seconds);
        else expect(faultyKeys({}, text)).toEqual(['saml.clock_skew_seconds']);
      }),
    );
    expect(load({}, samlYaml({ clock_skew_seconds: 120 })).saml.clockSkewSeconds).toBe(120);
    expect(faultyKeys({}, samlYaml({ clock_skew_seconds: 121 }))).toEqual(['saml.clock_skew_seconds']);
  });

  it('refuses a successor that would be published before its predecessor signs', () => {
    for (const key_lifetime_seconds of [99, 100]) {
      expect(faultyKeys({}, samlYaml({ key_lifetime_seconds, key_publish_before_signing_seconds: 100 }))).toEqual([
        'saml.key_publish_before_signing_seconds',
      ]);
    }
  });

  it('D7, D52: ends a logout only at addresses that a callback could have, each named once', () => {
    const post_logout_redirect_uris = [
      'https://app.example.com/bye',
      'http://app.example.com/bye',
      'https://app.example.com/#x',
      'HTTPS://app.example.com/',
      'http://localhost:3000/bye',
      'https://app.example.com/bye',
      'https://*.example.com/',
    ];
    expect(faultyKeys(production, samlYaml({ post_logout_redirect_uris })).toSorted()).toEqual(
      [1, 2, 3, 5, 6].map((index) => `saml.post_logout_redirect_uris[${index}]`),
    );
  });
});
