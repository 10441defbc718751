import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { quoteFound } from '../verdict.js';
import type { IdpDescription } from './idp-description.js';
import { IdpMetadataRepository, type MetadataState } from './idp-metadata.repository.js';
import { METADATA_CHANNEL, MetadataRefresh } from './metadata-refresh.js';
import { sourceOf } from './metadata-source.js';
import { statusOf, type SamlProviderStatus } from './provider-status.js';
import { lifeAt } from './refresh-time.js';

/** Runs something later, once, without keeping the process alive for it. */
export type RetrySchedule = (run: () => void, delayMs: number) => { cancel(): void };

/** Injection token of the {@link RetrySchedule}. */
export const METADATA_RETRY = Symbol('MetadataRetry');

const EVERY_MINUTE_MS = 60_000;
/** A claim on a due refresh lasts this long, so it is also the pause after one that failed. */
const LEASE_MS = 5 * 60_000;
/** Whoever signs what we cannot verify makes us ask the IdP, but no oftener than this. */
const UNKNOWN_KEY_PAUSE_MS = 5 * 60_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 5 * 60_000;

/** One provider in memory. */
interface Entry {
  readonly config: SamlProviderConfig;
  readonly source: string;
  idp: IdpDescription | undefined;
  /** The row as it was last seen; its revision is the one that `idp` was read from. */
  state: MetadataState | undefined;
  failure: string | undefined;
  /** Another instance, with another configuration, has put another source in the place of ours. */
  displaced: boolean;
  /** Other provider that stands for the same pair of entities. */
  conflict: string | undefined;
  failures: number;
  loading: Promise<void> | undefined;
  retry: { cancel(): void } | undefined;
  asking: Promise<void> | undefined;
}

/**
 * The enabled SAML identity providers and what their metadata says. A disabled one is not here at all (R11). Starting
 * never waits for an IdP: what was last good is in Postgres, and one that was never reached fails its own logins alone.
 */
@Injectable()
export class IdentityProviders implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(IdentityProviders.name);
  private readonly entries: ReadonlyMap<string, Entry>;
  private following: Promise<void> = Promise.resolve();
  private ticking: Promise<void> | undefined;
  private unsubscribe: (() => Promise<void>) | undefined;
  private stopped = false;

  constructor(
    private readonly repository: IdpMetadataRepository,
    private readonly metadata: MetadataRefresh,
    @Inject(TRANSIENT_STORE) private readonly transientStore: TransientStore,
    @Inject(METADATA_RETRY) private readonly schedule: RetrySchedule,
    @Inject(GATEHOUSE_CONFIG) config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    const enabled = config.samlProviders.filter((provider) => provider.enabled);
    this.entries = new Map(enabled.map((provider) => [provider.id, newEntry(provider)]));
  }

  /** Takes what is kept; fetches the rest, without waiting for what is not on this machine. */
  async onModuleInit(): Promise<void> {
    if (this.entries.size === 0) return;
    await this.listen();
    await this.followOrWarn();
    const now = this.clock();
    const missing = [...this.entries.values()].filter(({ idp }) => idp === undefined || lifeAt(now, idp) === 'over');
    const loads = missing.map((entry) => ({ entry, done: this.load(entry) }));
    await Promise.all(loads.filter(({ entry }) => entry.config.metadata.kind !== 'url').map(({ done }) => done));
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.unsubscribe?.();
    for (const entry of this.entries.values()) entry.retry?.cancel();
    await Promise.all([...this.entries.values()].flatMap((entry) => [entry.loading, entry.asking]));
    await this.ticking;
    await this.following;
  }

  /** In the order of the configuration. */
  list(): SamlProviderConfig[] {
    return [...this.entries.values()].map((entry) => entry.config);
  }

  find(id: string): SamlProviderConfig | undefined {
    return this.entries.get(id)?.config;
  }

  /** What the IdP's metadata says; undefined: there is none that may be used now, and `status` says why. */
  describe(id: string): IdpDescription | undefined {
    const entry = this.entries.get(id);
    return entry === undefined ? undefined : this.usable(entry);
  }

  /** {@link describe}, after the first load where that is under way: for a person who waits anyway. */
  async whenLoaded(id: string): Promise<IdpDescription | undefined> {
    await this.entries.get(id)?.loading;
    return this.describe(id);
  }

  /** Every provider whose IdP has this entityID; several where our own entity_id differs (D23). */
  byIssuer(entityId: string): SamlProviderConfig[] {
    return this.list().filter((provider) => this.describe(provider.id)?.entityId === entityId);
  }

  /** For operators: texts may quote an IdP and are not for clients (R31). */
  status(): SamlProviderStatus[] {
    const now = this.clock();
    return [...this.entries.values()].map((entry) =>
      statusOf({ ...entry, id: entry.config.id, life: entry.idp && lifeAt(now, entry.idp) }),
    );
  }

  /**
   * For a message whose signature fits no key that we know: asks the IdP once, and not again for five minutes, at no
   * instance. True: there is another signing certificate now than those that were tried, so try again.
   * @param tried base64 DER; what `describe` says, unless given
   */
  async refreshForUnknownKey(id: string, tried?: readonly string[]): Promise<boolean> {
    const entry = this.entries.get(id);
    if (entry === undefined) return false;
    const before = tried ?? entry.idp?.signingCertificates ?? [];
    entry.asking ??= this.askOnce(entry).finally(() => {
      entry.asking = undefined;
    });
    await entry.asking;
    return this.usable(entry)?.signingCertificates.some((certificate) => !before.includes(certificate)) ?? false;
  }

  /** Learns what other instances did and fetches what is due, where no other instance does. */
  @Interval('saml-metadata', EVERY_MINUTE_MS)
  async tick(): Promise<void> {
    if (this.entries.size === 0) return;
    this.ticking ??= this.refreshDue()
      .catch((error: unknown) => this.logger.error(`SAML metadata was not refreshed: ${messageOf(error)}`))
      .finally(() => {
        this.ticking = undefined;
      });
    await this.ticking;
  }

  /** Reads what is kept in Postgres. Calls queue up, so a caller sees at least what was committed before it called. */
  follow(): Promise<void> {
    const next = this.following.then(() => this.readStates());
    this.following = next.catch(() => undefined);
    return next;
  }

  private usable({ idp, conflict }: Entry): IdpDescription | undefined {
    if (idp === undefined || conflict !== undefined) return undefined;
    return lifeAt(this.clock(), idp) === 'over' ? undefined : idp;
  }

  private async refreshDue(): Promise<void> {
    await this.follow();
    const ours = [...this.entries.values()].filter((entry) => entry.state !== undefined && !entry.displaced);
    const sources = new Map(ours.map((entry) => [entry.config.id, entry.source]));
    const due = await this.repository.claimDue(sources, this.clock(), LEASE_MS);
    await Promise.all(ours.filter(({ config }) => due.includes(config.id)).map((entry) => this.fetch(entry)));
    if (due.length > 0) await this.follow();
  }

  private async askOnce(entry: Entry): Promise<void> {
    try {
      // What would be compared with is not kept any more, and without that anything would be trusted.
      if (entry.displaced && entry.idp !== undefined) return;
      const key = `saml-unknown-key:${entry.config.id}`;
      // Without the store nobody would count, so nobody asks: the schedule will.
      if (await this.transientStore.setIfAbsent(key, '1', UNKNOWN_KEY_PAUSE_MS)) await this.fetch(entry);
    } catch (error) {
      this.logger.warn(`Metadata of ${entry.config.id} was not asked for: ${messageOf(error)}`);
    }
    await this.followOrWarn();
  }

  /** The first document; tried again with growing pauses, by this instance, until any instance has it. */
  private load(entry: Entry): Promise<void> {
    entry.retry?.cancel();
    entry.loading ??= this.fetch(entry)
      .then(() => this.followOrWarn())
      .then(() => {
        if (entry.idp === undefined && !this.stopped) this.loadLater(entry);
      })
      .finally(() => {
        entry.loading = undefined;
      });
    return entry.loading;
  }

  private loadLater(entry: Entry): void {
    const delay = Math.min(FIRST_RETRY_MS * 2 ** entry.failures, LAST_RETRY_MS);
    entry.failures += 1;
    entry.retry = this.schedule(() => {
      if (entry.idp === undefined && !this.stopped) void this.load(entry);
    }, delay);
  }

  private async fetch(entry: Entry): Promise<void> {
    try {
      const outcome = await this.metadata.refresh(entry.config, this.clock());
      entry.failure = outcome.kind === 'failed' ? outcome.detail : undefined;
    } catch (error) {
      entry.failure = messageOf(error);
      this.logger.error(`Metadata of ${entry.config.id}: ${entry.failure}`);
    }
  }

  private async readStates(): Promise<void> {
    const states = new Map((await this.repository.states()).map((state) => [state.providerId, state]));
    const reads = [...this.entries.values()].map(async (entry) => {
      const state = states.get(entry.config.id);
      entry.displaced = state !== undefined && state.source !== entry.source;
      if (state?.source !== entry.source) return;
      entry.failure = undefined;
      if (state.revision !== entry.state?.revision || entry.idp === undefined) await this.readDocument(entry);
      else entry.state = state;
    });
    await Promise.all(reads);
    this.findConflicts();
  }

  private async readDocument(entry: Entry): Promise<void> {
    const row = await this.repository.find(entry.config.id);
    if (row === null || row.source !== entry.source) return;
    try {
      entry.idp = await this.metadata.read(entry.config, row.document);
      const { document: _, heldDocument: _held, ...state } = row;
      entry.state = state;
      entry.failures = 0;
      entry.retry?.cancel();
    } catch (error) {
      // What was read before stays; the next minute tries again.
      entry.failure = messageOf(error);
      this.logger.error(`Metadata of ${entry.config.id} cannot be read: ${entry.failure}`);
    }
  }

  /** D23: of two providers with one pair of entities the first of the configuration serves. */
  private findConflicts(): void {
    const first = new Map<string, string>();
    for (const entry of this.entries.values()) {
      if (entry.idp === undefined) continue;
      const pair = JSON.stringify([entry.idp.entityId, entry.config.entityId]);
      const other = first.get(pair);
      entry.conflict =
        other === undefined
          ? undefined
          : `its identity provider ${quoteFound(entry.idp.entityId)} and its entity_id are those of ${other} too: ` +
            `give one of them another entity_id`;
      if (other === undefined) first.set(pair, entry.config.id);
    }
  }

  private async listen(): Promise<void> {
    try {
      this.unsubscribe = await this.transientStore.subscribe(METADATA_CHANNEL, (id) => {
        if (this.entries.has(id) && !this.stopped) void this.followOrWarn();
      });
    } catch (error) {
      this.logger.warn(`New SAML metadata of other instances is seen once a minute only: ${messageOf(error)}`);
    }
  }

  private async followOrWarn(): Promise<void> {
    try {
      await this.follow();
    } catch (error) {
      this.logger.error(`SAML metadata could not be read from the database: ${messageOf(error)}`);
    }
  }
}

function newEntry(config: SamlProviderConfig): Entry {
  return {
    config,
    source: sourceOf(config),
    idp: undefined,
    state: undefined,
    failure: undefined,
    displaced: false,
    conflict: undefined,
    failures: 0,
    loading: undefined,
    retry: undefined,
    asking: undefined,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
