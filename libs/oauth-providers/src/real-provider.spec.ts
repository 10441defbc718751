import { REDIRECT_URI, anOidcProvider, anOutbound, upstreamErrorOf } from '../test/provider-configs.js';
import { signInThere, startRealProvider, type RealProvider } from '../test/real-oidc-provider.js';
import { OidcConnector } from './oidc-connector.js';
import type { OutboundFetch } from '@app/outbound';

let there: RealProvider;
let outbound: OutboundFetch;
let connector: OidcConnector;

beforeAll(async () => {
  // oidc-provider tells the console what to change before production.
  jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  jest.spyOn(console, 'info').mockImplementation(() => undefined);
  there = await startRealProvider();
  outbound = anOutbound();
  connector = new OidcConnector(anOidcProvider(there.issuer), {
    outbound,
    clock: () => new Date(),
    schedule: () => ({ cancel: () => undefined }),
    clockSkewSeconds: 60,
  });
});
afterAll(async () => {
  jest.restoreAllMocks();
  await outbound.close();
  await there.stop();
});

async function begin(state: string, maxAge?: number) {
  const request = { state, redirectUri: REDIRECT_URI };
  const begun = await connector.begin(maxAge === undefined ? request : { ...request, maxAge });
  if (begun.kind !== 'redirect') throw new Error('no redirect');
  return begun;
}

describe('OIDC Core §3.1 against oidc-provider', () => {
  it('signs in by code, PKCE, nonce and iss, and reads the claims from userinfo', async () => {
    const { url, transaction } = await begin('state-1', 600);
    const callback = await signInThere(url, 'ada');
    expect(callback.get('iss')).toBe(there.issuer);
    expect(connector.sendsIss).toBe(true);
    const { identity, tokens } = await connector.complete(callback, transaction, REDIRECT_URI);
    expect(identity).toMatchObject({
      issuer: there.issuer,
      subject: 'ada',
      email: 'ada@acme.test',
      emailVerified: true,
      name: 'Ada Lovelace',
      groups: ['eng', 'ops'],
      authTime: expect.any(Number),
    });
    expect(tokens).toMatchObject({ tokenType: 'bearer', accessToken: expect.any(String), scope: expect.any(String) });

    const renewed = await connector.refresh(tokens.refreshToken ?? '');
    expect(renewed.accessToken).not.toBe(tokens.accessToken);
    expect((await upstreamErrorOf(connector.refresh('not-a-token'))).code).toBe('invalid_grant');
  });

  it('R20 cannot complete one login with the code of another', async () => {
    const mine = await begin('state-mine');
    const theirs = await begin('state-theirs');
    const callback = await signInThere(theirs.url, 'mallory');
    const asIs = connector.complete(callback, mine.transaction, REDIRECT_URI);
    expect((await upstreamErrorOf(asIs)).code).toBe('invalid_response');
    // Even with the state forged the verifier is another: RFC 7636 §4.6.
    callback.set('state', 'state-mine');
    const forged = connector.complete(callback, mine.transaction, REDIRECT_URI);
    expect((await upstreamErrorOf(forged)).code).toBe('invalid_grant');
  });

  it('passes prompt=none on and its login_required back', async () => {
    const begun = await connector.begin({ state: 'silent', redirectUri: REDIRECT_URI, prompt: 'none' });
    if (begun.kind !== 'redirect') throw new Error('no redirect');
    const callback = await signInThere(begun.url, 'ada');
    expect((await upstreamErrorOf(connector.complete(callback, begun.transaction, REDIRECT_URI))).code).toBe(
      'login_required',
    );
  });
});
