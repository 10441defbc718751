import { readTestIdpSettings } from './test-idp-settings.js';

describe('D22', () => {
  it('does not start in production', () => {
    expect(() => readTestIdpSettings({ NODE_ENV: 'production' })).toThrow(/does not run in production/);
  });
});

describe('the environment of the test identity provider', () => {
  it('needs nothing', () => {
    expect(readTestIdpSettings({})).toEqual({
      host: '127.0.0.1',
      port: 8081,
      issuer: undefined,
      gatehousePublicUrl: 'http://localhost:8080',
    });
  });

  it('is read from its variables', () => {
    const env = {
      HOST: '::1',
      TEST_IDP_PORT: '0',
      TEST_IDP_ISSUER: 'http://idp.localhost:9999',
      GATEHOUSE_PUBLIC_URL: 'https://login.example.com/auth',
    };
    expect(readTestIdpSettings(env)).toEqual({
      host: '::1',
      port: 0,
      issuer: 'http://idp.localhost:9999',
      gatehousePublicUrl: 'https://login.example.com/auth',
    });
  });

  it('reports every fault at once, by name', () => {
    const env = { TEST_IDP_PORT: '99999', TEST_IDP_ISSUER: 'localhost/', GATEHOUSE_PUBLIC_URL: 'ftp://x' };
    expect(() => readTestIdpSettings(env)).toThrow(/TEST_IDP_PORT[^]*TEST_IDP_ISSUER[^]*GATEHOUSE_PUBLIC_URL/);
  });
});
