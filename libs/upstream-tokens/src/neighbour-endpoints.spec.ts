import { OutboundCalls } from '@app/outbound';
import { CLIENT_SECRET, hub, partsOf, say, TokenServer, type Parts } from '../test/token-server.js';
import { revokeTokens } from './neighbour-endpoints.js';
import { configuredAddresses } from './upstream-endpoints.js';

const now = new Date('2026-03-01T12:00:00Z');
const both = { accessToken: 'at-1', refreshToken: 'rt-1' };

let server: TokenServer;
let parts: Parts[] = [];
beforeEach(async () => {
  server = await TokenServer.start();
  server.answer = say({});
});
afterEach(async () => {
  await Promise.all(parts.map((part) => part.close()));
  parts = [];
  await server.stop();
});

function endpoints(about: Record<string, unknown> = {}) {
  const urls = { revocation_url: `${server.origin}/revoke`, introspection_url: `${server.origin}/introspect` };
  const made = partsOf([hub(server.origin, { ...urls, ...about })], { now });
  parts.push(made);
  return made.endpoints;
}

describe('RFC 7009 §2.1', () => {
  it('gives the refresh token back, for that ends the grant', async () => {
    expect(await endpoints().revoke('hub', both)).toBe('revoked');
    expect(server.asked).toHaveLength(1);
    expect(server.last).toMatchObject({ method: 'POST', path: '/revoke' });
    expect(server.last.headers.authorization).toMatch(/^Basic /);
    expect(server.lastForm).toEqual({ token: 'rt-1', token_type_hint: 'refresh_token' });
  });

  it('gives the access token back where there is no other', async () => {
    await endpoints({ token_endpoint_auth_method: 'client_secret_post' }).revoke('hub', {
      ...both,
      refreshToken: undefined,
    });
    expect(server.lastForm).toEqual({
      token: 'at-1',
      token_type_hint: 'access_token',
      client_id: 'gatehouse',
      client_secret: CLIENT_SECRET,
    });
  });

  it('tries the access token where refresh tokens cannot be given back (§2.2.1)', async () => {
    server.answer = (response, asked) => {
      const refused = { status: 400, body: { error: 'unsupported_token_type' } };
      say(asked.body.includes('refresh_token') ? refused : {})(response, asked);
    };
    expect(await endpoints().revoke('hub', both)).toBe('revoked');
    expect(server.asked).toHaveLength(2);
  });

  it.each<[string, Parameters<typeof say>[0], string]>([
    ['200 for a token that is not known (§2.2)', { status: 200, body: '' }, 'revoked'],
    ['204', { status: 204 }, 'revoked'],
    ['invalid_client', { status: 401, body: { error: 'invalid_client' } }, 'failed'],
    ['503', { status: 503 }, 'failed'],
    ['unsupported_token_type for both', { status: 400, body: { error: 'unsupported_token_type' } }, 'unsupported'],
  ])('takes %s for what it says', async (_, saying, expected) => {
    server.answer = say(saying);
    expect(await endpoints().revoke('hub', both)).toBe(expected);
  });

  it('never throws: no address, nobody there, an address that is refused', async () => {
    expect(await endpoints({ revocation_url: undefined }).revoke('hub', both)).toBe('unsupported');
    expect(await endpoints({ revocation_url: 'http://127.0.0.1:1/r' }).revoke('hub', both)).toBe('failed');
    server.answer = (response) => response.socket?.resetAndDestroy();
    expect(await endpoints().revoke('hub', both)).toBe('failed');
  });
});

describe('the ways of giving back that are not RFC 7009', () => {
  /** The preset with its own way, at an address of ours: written settings would mean RFC 7009. */
  async function revokeBy(revocationStyle: 'bearer_post' | 'bearer_delete' | 'github' | 'rfc7009_json') {
    const made = partsOf([hub(server.origin, {})]);
    parts.push(made);
    const [provider] = made.config.providers;
    if (provider?.type !== 'oauth2') throw new Error('expected the oauth2 provider');
    const tokens = { ...provider.tokens, revocationStyle, revocationUrl: `${server.origin}/mine` };
    const limits = { allowPrivate: true, timeoutMs: 5_000, connectTimeoutMs: 3_000, maxBytes: 10_000 };
    const calls = new OutboundCalls(limits);
    const config = { ...provider, tokens };
    const outcome = await revokeTokens(calls, config, () => configuredAddresses(config), both, undefined);
    await calls.close();
    return outcome;
  }

  it('show the access token to the address itself', async () => {
    expect(await revokeBy('bearer_post')).toBe('revoked');
    expect(server.last).toMatchObject({ method: 'POST', path: '/mine', body: '' });
    expect(server.last.headers.authorization).toBe('Bearer at-1');
    await revokeBy('bearer_delete');
    expect(server.last).toMatchObject({ method: 'DELETE', headers: { authorization: 'Bearer at-1' } });
  });

  it('name the access token to GitHub under our own credentials', async () => {
    await revokeBy('github');
    expect(server.last).toMatchObject({ method: 'DELETE', body: '{"access_token":"at-1"}' });
    expect(server.last.headers.authorization).toMatch(/^Basic /);
  });

  it('send JSON', async () => {
    await revokeBy('rfc7009_json');
    expect(JSON.parse(server.last.body)).toEqual({ token: 'rt-1', token_type_hint: 'refresh_token' });
  });

  it('are believed by what is in the answer too', async () => {
    server.answer = say({ body: { ok: false, error: 'not_authed' } });
    expect(await revokeBy('bearer_post')).toBe('failed');
  });
});

describe('RFC 7662 §2.2 the life of an access token', () => {
  const exp = now.getTime() / 1_000 + 600;
  it.each<[string, Parameters<typeof say>[0], number | undefined]>([
    ['exp', { body: { active: true, exp } }, 600],
    [
      'exp by the clock of the answer',
      { headers: { date: 'Sun, 01 Mar 2026 12:05:00 GMT' }, body: { active: true, exp } },
      300,
    ],
    ['a token that is not active', { body: { active: false } }, 0],
    ['no exp', { body: { active: true } }, undefined],
    ['HTML', { body: '<html>' }, undefined],
    ['a refusal', { status: 401, body: { error: 'invalid_client' } }, undefined],
  ])('is read from %s', async (_, saying, expected) => {
    server.answer = say({ ...saying, headers: { date: 'Sun, 01 Mar 2026 12:00:00 GMT', ...saying.headers } });
    expect(await endpoints().introspectExpiry('hub', 'at-1')).toBe(expected);
    expect(server.lastForm).toEqual({ token: 'at-1', token_type_hint: 'access_token' });
  });

  it('is not known where nobody answers, or nobody is to be asked', async () => {
    expect(
      await endpoints({ introspection_url: 'http://127.0.0.1:1/i' }).introspectExpiry('hub', 'at'),
    ).toBeUndefined();
    expect(await endpoints({ introspection_url: undefined }).introspectExpiry('hub', 'at')).toBeUndefined();
  });
});
