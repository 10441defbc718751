import type { GatehouseConfig, SamlProviderConfig } from '@app/config';
import { openStore, type OpenStore, type TransientStore } from '@app/transient-store';
import { startRedis, type RedisServer } from '../../../test/harness/redis-server.js';
import { SigningIdp } from '../../../test/harness/saml-idp.js';
import { startTestVerifier } from '../../../test/harness/saml-workers.js';
import { aProvider } from './identity/provider.spec-support.js';
import type { IdentityProviders } from './metadata/identity-providers.js';
import type { IdpDescription } from './metadata/idp-description.js';
import { SamlLogouts } from './saml-logouts.js';
import { SamlResponses } from './saml-responses.js';
import type { SamlKeys } from './sp/saml-keys.js';

export const PUBLIC_URL = 'https://gate.test';
export const ACS_URL = `${PUBLIC_URL}/saml/acs`;
export const SLO_URL = `${PUBLIC_URL}/saml/slo`;

/** What this process holds of the IdP's metadata, and what a refresh would bring: its own rules have their own spec. */
export interface KnownIdp {
  provider: SamlProviderConfig | undefined;
  certificates: readonly string[];
  /** What the IdP publishes by now. */
  published: readonly string[];
  refreshes: number;
}

/** One instance: the real verifier and store around an IdP whose metadata the test decides. */
export interface Instance {
  readonly responses: SamlResponses;
  readonly logouts: SamlLogouts;
  readonly store: TransientStore;
  readonly known: KnownIdp;
}

export interface Bench {
  readonly idp: SigningIdp;
  readonly redis: RedisServer;
  instance(parts?: { readonly idp?: SigningIdp; readonly provider?: Partial<SamlProviderConfig> }): Promise<Instance>;
  stop(): Promise<void>;
}

export async function startBench(): Promise<Bench> {
  const [idp, redis, verifier] = await Promise.all([SigningIdp.create(), startRedis(), startTestVerifier()]);
  const stores: OpenStore[] = [];
  const config = {
    publicUrl: PUBLIC_URL,
    saml: { verifier: 'strict', clockSkewSeconds: 120, maxMessageAgeSeconds: 300 },
  } as GatehouseConfig;
  const keys = { decryptionKeys: () => [] } as unknown as SamlKeys;
  return {
    idp,
    redis,
    instance: async (parts = {}) => {
      const open = await openStore({ redisUrl: redis.url, now: () => Date.now(), log: () => undefined });
      stores.push(open);
      const own = parts.idp ?? idp;
      const known: KnownIdp = {
        provider: aProvider(parts.provider),
        certificates: own.certificates,
        published: own.certificates,
        refreshes: 0,
      };
      const providers = identityProviders(own.entityId, known);
      return {
        responses: new SamlResponses(providers, keys, verifier, open.store, config),
        logouts: new SamlLogouts(providers, keys, verifier, open.store, config),
        store: open.store,
        known,
      };
    },
    stop: async () => {
      await Promise.all(stores.map((open) => open.close()));
      await Promise.all([verifier.close(), redis.stop()]);
    },
  };
}

function identityProviders(entityId: string, known: KnownIdp): IdentityProviders {
  const describe = (): IdpDescription => ({
    entityId,
    signingCertificates: known.certificates,
    encryptionCertificates: [],
    singleSignOn: [],
    singleLogout: [],
    wantAuthnRequestsSigned: false,
    nameIdFormats: [],
    validUntil: undefined,
    cacheSeconds: undefined,
  });
  return {
    find: () => known.provider,
    describe: () => (known.provider === undefined ? undefined : describe()),
    refreshForUnknownKey: (_id: string, tried: readonly string[]) => {
      known.refreshes += 1;
      known.certificates = known.published;
      return Promise.resolve(known.certificates.some((certificate) => !tried.includes(certificate)));
    },
  } as unknown as IdentityProviders;
}
