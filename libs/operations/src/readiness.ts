import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { CLOCK, type Clock } from '@app/config';
import { Database } from '@app/database';
import { SigningKeys } from '@app/keys';
import { ProviderRegistry, type ProviderStatus } from '@app/oauth-providers';
import { CertificateWatch, IdentityProviders, type SamlProviderStatus, type WatchedCertificate } from '@app/saml';
import {
  REVOCATION_MIRROR,
  TRANSIENT_STORE,
  type MirrorHealth,
  type RevocationMirror,
  type TransientStore,
} from '@app/transient-store';

/** A store that takes longer than this to say hello is not one to send people to. */
const PATIENCE_MS = 2_000;
/** Probes inside this time share one look, so that a flood of them is not a flood of queries. */
const FRESH_MS = 250;

export interface Check {
  readonly ok: boolean;
  readonly ms: number;
  /** The class of what went wrong; its text may name hosts and is in the log. */
  readonly error?: string;
}

export interface ReadinessReport {
  readonly ready: boolean;
  readonly database: Check;
  readonly store: Check & { readonly kind: string };
  readonly revocationMirror: MirrorHealth;
  readonly keys: Check & { readonly published: number };
  readonly providers: readonly ProviderStatus[];
  readonly samlProviders: readonly SamlProviderStatus[];
  /** The soonest end first; one that has ended does not make us unready. */
  readonly certificates: readonly WatchedCertificate[];
  readonly stopping: boolean;
}

/**
 * Can this process serve? Database and store must answer and there must be keys; a provider that is away, or a mirror
 * that is not whole, is told but does not make us unready: the other logins work, and Postgres answers for the mirror.
 */
@Injectable()
export class Readiness implements BeforeApplicationShutdown {
  #last: { readonly at: number; readonly report: Promise<ReadinessReport> } | undefined;
  #stopping = false;

  constructor(
    private readonly database: Database,
    private readonly providers: ProviderRegistry,
    private readonly identityProviders: IdentityProviders,
    private readonly certificates: CertificateWatch,
    private readonly keys: SigningKeys,
    @Inject(TRANSIENT_STORE) private readonly store: TransientStore,
    @Inject(REVOCATION_MIRROR) private readonly mirror: RevocationMirror,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** From now on not ready, so that a load balancer sends nobody here while the last requests end. */
  beforeApplicationShutdown(): void {
    this.#stopping = true;
    this.#last = undefined;
  }

  report(): Promise<ReadinessReport> {
    const at = this.clock().getTime();
    if (this.#last === undefined || at - this.#last.at >= FRESH_MS) this.#last = { at, report: this.#look() };
    return this.#last.report;
  }

  async #look(): Promise<ReadinessReport> {
    const [database, store] = await Promise.all([
      check(() => this.database.query('SELECT 1')),
      check(() => this.store.ping()),
    ]);
    const published = this.keys.jwks().keys.length;
    return {
      ready: database.ok && store.ok && published > 0 && !this.#stopping,
      database,
      store: { kind: this.store.kind, ...store },
      revocationMirror: this.mirror.health(),
      keys: { ok: published > 0, ms: 0, published },
      providers: this.providers.status(),
      samlProviders: this.identityProviders.status(),
      certificates: this.certificates.certificates(this.clock()),
      stopping: this.#stopping,
    };
  }
}

async function check(ask: () => Promise<unknown>): Promise<Check> {
  const began = performance.now();
  const took = () => Math.round((performance.now() - began) * 10) / 10;
  let timer: NodeJS.Timeout | undefined;
  const impatience = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), PATIENCE_MS);
  });
  try {
    await Promise.race([ask(), impatience]);
    return { ok: true, ms: took() };
  } catch (error) {
    return { ok: false, ms: took(), error: error instanceof Error ? error.name : 'unknown' };
  } finally {
    clearTimeout(timer);
  }
}
