import { ConfigModule, type ProviderConfig } from '@app/config';
import { Test } from '@nestjs/testing';
import { LyingOidcServer } from '../test/lying-oidc-server.js';
import {
  aGatehouse,
  anOAuth2Provider,
  anOidcProvider,
  aTestProvider,
  REDIRECT_URI,
  upstreamErrorOf,
} from '../test/provider-configs.js';
import { OAuthProvidersModule } from './oauth-providers.module.js';
import { OutboundFetch } from '@app/outbound';
import { ProviderRegistry } from './provider-registry.js';

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((part) => part.close()));
});

function registry(providers: ProviderConfig[], about: Parameters<typeof aGatehouse>[1] = {}): ProviderRegistry {
  const settings = aGatehouse(providers, about);
  const outbound = new OutboundFetch(settings.outbound);
  const made = new ProviderRegistry(settings, () => new Date(), outbound);
  opened.push({
    close: () => {
      made.onModuleDestroy();
      return outbound.close();
    },
  });
  return made;
}

async function upstream(): Promise<LyingOidcServer> {
  const server = await LyingOidcServer.start();
  opened.push({ close: () => server.stop() });
  return server;
}

describe('ProviderRegistry', () => {
  it('lists providers in the configured order and finds them by id, letter for letter', async () => {
    const { issuer } = await upstream();
    const made = registry([anOAuth2Provider(issuer), anOidcProvider(issuer), aTestProvider()]);
    expect(made.list().map((provider) => [provider.config.id, provider.connector.type])).toEqual([
      ['hub', 'oauth2'],
      ['acme', 'oidc'],
      ['test', 'test'],
    ]);
    expect(made.find('acme')?.config.name).toBe('Acme');
    for (const unknown of ['ACME', 'nobody', '__proto__', '']) expect(made.find(unknown)).toBeUndefined();
  });

  it('R11 does not know disabled providers', async () => {
    const { issuer } = await upstream();
    const made = registry([{ ...anOidcProvider(issuer), enabled: false }]);
    expect([made.list(), made.find('acme'), made.status()]).toEqual([[], undefined, []]);
  });

  it('signs nobody in with a provider for connections alone, yet speaks to it for its tokens', async () => {
    const { issuer } = await upstream();
    const apart = { signIn: false } as const;
    const made = registry([
      anOidcProvider(issuer, apart),
      anOAuth2Provider(issuer, { ...apart, userinfoUrl: undefined }),
      anOidcProvider(issuer, { id: 'both' }),
    ]);
    expect(made.list().map(({ config }) => config.id)).toEqual(['both']);
    for (const id of ['acme', 'hub']) expect(made.find(id)).toBeUndefined();
    expect(made.findOidc('hub')).toBeUndefined();
    expect(await made.findOidc('acme')?.metadata()).toMatchObject({ issuer });
    expect(made.findOidc('both')).toBe(made.find('both')?.connector);
  });

  it('refuses to exist with a sign-in provider that has nowhere to read the person', () => {
    expect(() => registry([anOAuth2Provider('http://127.0.0.1:1', { userinfoUrl: undefined })])).toThrow(/sign_in/);
  });

  it('D22 refuses to exist with a test provider in production, but not with a disabled one', () => {
    expect(() => registry([aTestProvider()], { production: true })).toThrow(/production/);
    expect(registry([{ ...aTestProvider(), enabled: false }], { production: true }).list()).toEqual([]);
  });

  it('asks a provider that failed again at once when it is told to, before its pause has ended', async () => {
    const up = await upstream();
    await up.stop();
    const made = registry([anOidcProvider(up.issuer)]);
    made.onModuleInit();
    while (made.status()[0]?.state !== 'degraded') await new Promise((resolve) => setImmediate(resolve));
    const returned = await LyingOidcServer.start({ port: Number(new URL(up.issuer).port) });
    opened.push({ close: () => returned.stop() });
    made.retryFailed();
    const begun = await made.find('acme')?.connector.begin({ state: 's', redirectUri: REDIRECT_URI });
    expect(begun?.kind).toBe('redirect');
  });

  it('starts while one provider is down: only that one is degraded', async () => {
    const up = await upstream();
    const down = await upstream();
    await down.stop();
    const made = registry([anOidcProvider(up.issuer), anOidcProvider(down.issuer, { id: 'away' }), aTestProvider()]);
    expect(made.status().map(({ state }) => state)).toEqual(['pending', 'pending', 'ready']);
    made.onModuleInit();
    while (made.status().some(({ state }) => state === 'pending'))
      await new Promise((resolve) => setImmediate(resolve));
    expect(made.status()).toEqual([
      { id: 'acme', state: 'ready' },
      { id: 'away', state: 'degraded', detail: expect.stringContaining('ECONNREFUSED') },
      { id: 'test', state: 'ready' },
    ]);
    const request = { state: 's', redirectUri: REDIRECT_URI };
    expect((await made.find('acme')?.connector.begin(request))?.kind).toBe('redirect');
    const refused = made.find('away')?.connector.begin(request) ?? Promise.resolve();
    expect((await upstreamErrorOf(refused)).code).toBe('provider_unavailable');
  });

  it('R26 reaches no private host where the settings forbid it', async () => {
    const { issuer } = await upstream();
    const outbound = {
      allowPrivate: false,
      timeoutMs: 5_000,
      maxBytes: 100_000,
      tokenTimeoutMs: 5_000,
      connectTimeoutMs: 3_000,
    };
    const made = registry([anOidcProvider(issuer.replace('http:', 'https:'))], { outbound });
    const begun = made.find('acme')?.connector.begin({ state: 's', redirectUri: REDIRECT_URI }) ?? Promise.resolve();
    expect((await upstreamErrorOf(begun)).detail).toContain('127.0.0.1 is not a public address');
  });
});

describe('OAuthProvidersModule', () => {
  it('gives the registry to whoever imports it', async () => {
    const module = await Test.createTestingModule({
      imports: [ConfigModule.forConfig(aGatehouse([aTestProvider()])), OAuthProvidersModule],
    }).compile();
    await module.init();
    expect(module.get(ProviderRegistry).find('test')?.connector.type).toBe('test');
    await module.close();
  });
});
