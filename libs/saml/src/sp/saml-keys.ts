import { randomUUID, type KeyObject } from 'node:crypto';
import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { isWithdrawn, signingAt } from './key-plan.js';
import { SamlKeyRepository, type SealedSamlKey } from './saml-key.repository.js';

/** What signs our requests and logout messages. */
export interface SamlSigningKey {
  /** PKCS #8 PEM. */
  readonly privateKey: string;
  /** Base64 of DER. */
  readonly certificate: string;
}

/** A certificate that our metadata names now. */
export interface PublishedCertificate {
  /** SHA-256 of the DER, in hex. */
  readonly fingerprint: string;
  /** Base64 of DER. */
  readonly certificate: string;
  /** `previous`: signs no more, so nobody should begin to encrypt to it. */
  readonly role: 'current' | 'next' | 'previous';
}

interface LoadedSamlKey extends Omit<SealedSamlKey, 'sealedPrivateKey'> {
  readonly pem: string;
}

const CHANNEL = 'saml-keys';

/**
 * Our SAML key pairs, in memory. Other instances' changes arrive by message and by the minute's reload (see
 * SamlKeyRotation). Where no SAML provider is configured there are none.
 */
@Injectable()
export class SamlKeys implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(SamlKeys.name);
  /** Our own messages come back to us. */
  private readonly sender = randomUUID();
  private keys: readonly LoadedSamlKey[] = [];
  private reloading: Promise<void> = Promise.resolve();
  private unsubscribe: (() => Promise<void>) | undefined;

  constructor(
    private readonly repository: SamlKeyRepository,
    @Inject(TRANSIENT_STORE) private readonly transientStore: TransientStore,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Whether there is anybody to sign for. */
  get needed(): boolean {
    return this.config.samlProviders.some((provider) => provider.enabled);
  }

  /** Loads the keys; creates the first where there is none. @throws Error naming the keys that cannot be opened. */
  async onModuleInit(): Promise<void> {
    if (!this.needed) return;
    await this.listen();
    const report = await this.repository.rotate('due', this.clock());
    if (report.published !== undefined) await this.announce();
    await this.reload();
  }

  async onModuleDestroy(): Promise<void> {
    await this.unsubscribe?.();
    await this.reloading;
  }

  /** The key that signs now (D40). @throws Error when there is none: rotation has failed for long. */
  signing(): SamlSigningKey {
    const key = signingAt(this.keys, this.clock());
    if (key === undefined) throw new Error('no SAML key may sign: run saml:rotate --now');
    return { privateKey: key.pem, certificate: key.certificate };
  }

  /** PKCS #8 PEM of every key that somebody may have encrypted to, newest first. */
  decryptionKeys(): string[] {
    const now = this.clock();
    return this.keys.filter((key) => now < key.retiresAt).map((key) => key.pem);
  }

  /** What the metadata names: the certificate that signs, the next ones, then those before it, newest first. */
  published(): PublishedCertificate[] {
    const now = this.clock();
    const current = signingAt(this.keys, now);
    const named = this.keys.filter((key) => key !== current && now < key.retiresAt && !isWithdrawn(key));
    const next = named.filter((key) => now < key.signsFrom);
    return [
      ...(current === undefined ? [] : [publish(current, 'current')]),
      ...next.toReversed().map((key) => publish(key, 'next')),
      ...named.filter((key) => !next.includes(key)).map((key) => publish(key, 'previous')),
    ];
  }

  /**
   * Reads the table anew. Calls queue up, so a caller sees at least what was committed before it called.
   * @throws Error naming the keys that could not be opened; the others are in use by then.
   */
  reload(): Promise<void> {
    const next = this.reloading.then(() => this.load());
    this.reloading = next.catch(() => undefined);
    return next;
  }

  /** Tells the other instances to reload; when that fails they find out within a minute. */
  async announce(): Promise<void> {
    try {
      await this.transientStore.publish(CHANNEL, this.sender);
    } catch (error) {
      this.logger.warn(`Other instances could not be told of new SAML keys: ${messageOf(error)}`);
    }
  }

  private async load(): Promise<void> {
    const known = new Map(this.keys.map((key) => [key.id, key]));
    const loaded: LoadedSamlKey[] = [];
    const unusable: string[] = [];
    for (const row of await this.repository.findAll()) {
      const { sealedPrivateKey: _, ...record } = row;
      try {
        // The halves of a pair never change, its times do: it is opened once.
        const pem = known.get(row.id)?.pem ?? pemOf(this.repository.open(row));
        loaded.push({ ...record, pem });
      } catch (error) {
        unusable.push(`${row.id}: ${messageOf(error)}`);
      }
    }
    this.keys = loaded.toSorted((a, b) => b.signsFrom.getTime() - a.signsFrom.getTime());
    if (unusable.length > 0) throw new Error(`SAML keys are unusable. ${unusable.join(' ')}`);
  }

  private async listen(): Promise<void> {
    try {
      this.unsubscribe = await this.transientStore.subscribe(CHANNEL, (sender) => {
        if (sender === this.sender) return;
        this.reload().catch((error: unknown) => this.logger.error(`Reload failed: ${messageOf(error)}`));
      });
    } catch (error) {
      this.logger.warn(`New SAML keys of other instances are seen once a minute only: ${messageOf(error)}`);
    }
  }
}

function publish(key: LoadedSamlKey, role: PublishedCertificate['role']): PublishedCertificate {
  return { fingerprint: key.id, certificate: key.certificate, role };
}

function pemOf(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
