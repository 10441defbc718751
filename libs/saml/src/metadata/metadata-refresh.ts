import { randomInt } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig, type SamlProviderConfig } from '@app/config';
import { OutboundFetch } from '@app/outbound';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { SAML_VERIFIER, type SamlVerifier } from '../saml-verifier.js';
import { firstFailure } from '../verdict.js';
import { chooseIdp } from './choose-idp.js';
import type { IdpDescription } from './idp-description.js';
import { IdpMetadataRepository, type FetchedMetadata, type StoredMetadata } from './idp-metadata.repository.js';
import { compareMetadata, type MetadataChange } from './metadata-change.js';
import { MetadataError } from './metadata-error.js';
import { fetchMetadata, sourceOf } from './metadata-source.js';
import { nextRefresh } from './refresh-time.js';

/** What a refresh came to. `detail` is for operators and may quote the IdP. */
export type RefreshOutcome =
  | { readonly kind: 'loaded' | 'same' }
  | { readonly kind: 'changed' | 'held'; readonly change: MetadataChange }
  | { readonly kind: 'failed'; readonly detail: string };

/** Message on this channel: somebody's metadata changed; its text is the provider's id. */
export const METADATA_CHANNEL = 'saml-metadata';

/** Each is another instance that wrote first; more than a few of them cannot be chance. */
const MOST_TRIES = 5;

/** Fetches metadata, decides what of it may take effect, and keeps it for all instances. Holds nothing in memory. */
@Injectable()
export class MetadataRefresh {
  private readonly logger = new Logger(MetadataRefresh.name);

  constructor(
    private readonly repository: IdpMetadataRepository,
    private readonly outbound: OutboundFetch,
    @Inject(SAML_VERIFIER) private readonly verifier: SamlVerifier,
    @Inject(TRANSIENT_STORE) private readonly transientStore: TransientStore,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
  ) {}

  /** The identity provider of a document that this record means. @throws MetadataError; VerifierBusy */
  async read(provider: SamlProviderConfig, document: string): Promise<IdpDescription> {
    const verified = await this.verifier.readMetadata(document);
    if (!verified.ok) {
      const failure = firstFailure(verified.verdicts);
      if (failure === undefined || failure.check === 'metadata')
        throw new MetadataError(failure?.found ?? 'unreadable');
      throw new MetadataError(`expected ${failure.expected}, found ${failure.found}`);
    }
    return chooseIdp(verified.facts, provider.idpEntityId, this.config.outbound.allowPrivate);
  }

  /** Fetches the provider's metadata now, whatever its schedule. Rejects only where Postgres does. */
  async refresh(provider: SamlProviderConfig, now: Date): Promise<RefreshOutcome> {
    const outcome = await this.fetchAndKeep(provider, now);
    if (outcome.kind === 'failed') {
      await this.repository.fail(provider.id, sourceOf(provider), outcome.detail, now);
      this.logger.warn(`Metadata of ${provider.id}: ${outcome.detail}`);
    }
    if (outcome.kind === 'held') {
      this.logger.warn(
        `Metadata of ${provider.id} changed so much that it is held: ${outcome.change.reason}. ` +
          `Look at it with "gatehouse saml:metadata ${provider.id}".`,
      );
    }
    if (outcome.kind === 'changed') this.logger.log(`Metadata of ${provider.id}: ${outcome.change.reason}`);
    await this.announce(provider.id);
    return outcome;
  }

  /**
   * Puts the held document in force. The word of an administrator.
   * @throws Error where nothing is held; MetadataError where it cannot be used any more.
   */
  async accept(provider: SamlProviderConfig, now: Date): Promise<MetadataChange> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const row = await this.stored(provider);
      if (row === undefined || row.heldDocument === null) throw new Error(`nothing is held for ${provider.id}`);
      const next = await this.readFresh(provider, row.heldDocument, now);
      const change = compareMetadata(await this.read(provider, row.document), next, provider);
      const fetched = this.toKeep(provider, row.heldDocument, next, now);
      if (await this.repository.accept(row.revision, fetched, { ...change, kind: 'held' })) {
        await this.announce(provider.id);
        return change;
      }
    }
    throw overtaken();
  }

  private async fetchAndKeep(provider: SamlProviderConfig, now: Date): Promise<RefreshOutcome> {
    let document: string;
    let next: IdpDescription;
    try {
      document = await fetchMetadata(provider, this.outbound);
      next = await this.readFresh(provider, document, now);
    } catch (error) {
      return { kind: 'failed', detail: error instanceof Error ? error.message : String(error) };
    }
    return this.keep(provider, this.toKeep(provider, document, next, now), next);
  }

  private async keep(
    provider: SamlProviderConfig,
    fetched: FetchedMetadata,
    next: IdpDescription,
  ): Promise<RefreshOutcome> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const row = await this.stored(provider);
      if (row === undefined) {
        // Nothing to compare with: what is configured is trusted.
        if (await this.repository.begin(fetched)) return { kind: 'loaded' };
      } else if (row.document === fetched.document) {
        if (await this.repository.confirm(row.revision, fetched)) return { kind: 'same' };
      } else {
        const change = compareMetadata(await this.read(provider, row.document), next, provider);
        if (change.kind === 'held') {
          const kept = await this.repository.hold(row.revision, fetched, change);
          if (kept !== 'overtaken') return { kind: 'held', change };
        } else if (await this.repository.apply(row.revision, fetched, change)) {
          return change.kind === 'changed' ? { kind: 'changed', change } : { kind: 'same' };
        }
      }
    }
    throw overtaken();
  }

  /** What is kept of this very source; of another one nothing counts. */
  private async stored(provider: SamlProviderConfig): Promise<StoredMetadata | undefined> {
    const row = await this.repository.find(provider.id);
    return row?.source === sourceOf(provider) ? row : undefined;
  }

  private async readFresh(provider: SamlProviderConfig, document: string, now: Date): Promise<IdpDescription> {
    const idp = await this.read(provider, document);
    if (idp.validUntil !== undefined && Date.parse(idp.validUntil) <= now.getTime()) {
      throw new MetadataError(`the document expired at ${idp.validUntil} (validUntil); the IdP must publish a new one`);
    }
    return idp;
  }

  private toKeep(provider: SamlProviderConfig, document: string, idp: IdpDescription, now: Date): FetchedMetadata {
    return {
      providerId: provider.id,
      source: sourceOf(provider),
      entityId: idp.entityId,
      document,
      fetchedAt: now,
      refreshAt: nextRefresh(now, idp, randomInt(1000) / 1000),
      validUntil: idp.validUntil === undefined ? null : new Date(idp.validUntil),
    };
  }

  /** When it fails the others find out within a minute. */
  private async announce(providerId: string): Promise<void> {
    try {
      await this.transientStore.publish(METADATA_CHANNEL, providerId);
    } catch (error) {
      this.logger.warn(`Other instances could not be told of new metadata: ${String(error)}`);
    }
  }
}

function overtaken(): Error {
  return new Error('the metadata is being changed by others all the time');
}
