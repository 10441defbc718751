import { aTestProvider, upstreamErrorOf } from '../test/provider-configs.js';
import { TestConnector } from './test-connector.js';

const place = { production: false, publicUrl: 'http://localhost:8080' };
const clock = () => new Date('2026-05-01T12:00:00Z');
const connector = (about: Partial<typeof place> = {}, drawn = 42) =>
  new TestConnector(aTestProvider(), { ...place, ...about }, clock, (limit) => Math.min(drawn, limit - 1));

async function identity(loginHint?: string, drawn?: number) {
  const request = { state: 's', redirectUri: 'http://localhost:8080/cb' };
  const begun = await connector({}, drawn).begin(loginHint === undefined ? request : { ...request, loginHint });
  if (begun.kind !== 'identity') throw new Error('a redirect');
  return begun.identity;
}

describe('D22', () => {
  it('signs in the user that login_hint names, at once', async () => {
    expect(await identity('Alice')).toEqual({
      provider: 'test',
      issuer: 'urn:gatehouse:test',
      subject: 'alice@test.tmi',
      email: 'alice@test.tmi',
      emailVerified: true,
      name: 'Alice (Test User)',
      groups: ['test-users'],
      authTime: 1777636800,
      acr: undefined,
      amr: undefined,
    });
  });

  it('makes up testuser-{8 digits} without a hint', async () => {
    expect((await identity(undefined, 42)).subject).toBe('testuser-00000042@test.tmi');
    expect((await identity(undefined, Infinity)).name).toBe('Testuser-99999999 (Test User)');
  });

  it.each(['abc', 'a-1', 'a'.repeat(20), 'a--b', '123'])('takes the hint %s', async (hint) => {
    expect((await identity(hint)).email).toBe(`${hint}@test.tmi`);
  });

  it.each(['', 'ab', 'a'.repeat(21), '-abc', 'abc-', 'a_b', 'a b', 'abc\n', 'alice@test.tmi', 'älice', 'K\u212Aelvin'])(
    'refuses the hint %j',
    async (hint) => expect((await upstreamErrorOf(identity(hint))).code).toBe('invalid_request'),
  );

  it('does not exist in production', () => {
    expect(() => connector({ production: true })).toThrow(/"test".*production/);
  });

  it.each(['https://auth.example.com', 'http://192.168.1.5:8080', 'http://localhost.evil.test'])(
    'does not exist at %s',
    (publicUrl) => expect(() => connector({ publicUrl })).toThrow(/loopback/),
  );

  it.each(['http://127.0.0.1:8080', 'http://[::1]:8080', 'http://localhost:8080/base'])('exists at %s', (publicUrl) => {
    expect(connector({ publicUrl }).status()).toEqual({ state: 'ready' });
  });

  it('has no callback to complete', async () => {
    expect((await upstreamErrorOf(connector().complete())).code).toBe('invalid_response');
  });
});
