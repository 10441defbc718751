import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { CLOCK, GATEHOUSE_CONFIG, type Clock, type GatehouseConfig } from '@app/config';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { InvalidToken } from './invalid-token.js';
import { JwtSigner } from './jwt-signer.js';
import { readKeyId, verifyWith, type TokenExpectation, type VerifiedPayload } from './jwt-verifier.js';
import { KeyRing, type Jwks, type LoadedKey } from './key-ring.js';
import { SigningKeyRepository, type SealedSigningKey } from './signing-key.repository.js';
import { purposeOf } from './token-type.js';

/** What is signed: the purpose picks the key, the type goes into the header; access tokens and others never mix. */
export type SignOptions =
  | { readonly purpose: 'access'; readonly typ: 'at+jwt' }
  | { readonly purpose: 'id'; readonly typ: 'JWT' | 'logout+jwt' };

/** How a JWKS answer may be kept by others. */
export interface JwksCaching {
  readonly etag: string;
  readonly maxAgeSeconds: number;
}

const CHANNEL = 'keys';

/** A flood of tokens with invented kids costs one query in this time. */
const UNKNOWN_KEY_RELOAD_MS = 5_000;

/**
 * The keys of the table, in memory: signs, verifies and publishes. Other instances' changes arrive by message, by the
 * minute's reload (see KeyRotation), and when a token names a key that is not known yet.
 */
@Injectable()
export class SigningKeys implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(SigningKeys.name);
  /** Our own messages come back to us. */
  private readonly sender = randomUUID();
  private ring = new KeyRing([]);
  private readonly loaded = new Map<string, LoadedKey>();
  private reloading: Promise<void> = Promise.resolve();
  private lookedForUnknownKey: { readonly atMs: number; readonly done: Promise<void> } | undefined;
  private unsubscribe: (() => Promise<void>) | undefined;

  constructor(
    private readonly repository: SigningKeyRepository,
    @Inject(TRANSIENT_STORE) private readonly transientStore: TransientStore,
    @Inject(GATEHOUSE_CONFIG) private readonly config: GatehouseConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Loads the keys; creates the first ones where there are none. @throws Error naming the keys that cannot be opened. */
  async onModuleInit(): Promise<void> {
    await this.listen();
    const report = await this.repository.rotate('due', this.clock());
    if (report.published.length > 0) await this.announce();
    await this.reload();
  }

  async onModuleDestroy(): Promise<void> {
    await this.unsubscribe?.();
    await this.reloading;
  }

  /**
   * A compact JWS over `payload`, which is taken as it is: claims and times are the caller's. At once for ES256 and
   * EdDSA, as a promise for RS256.
   * @throws Error when no key may sign, which means that rotation has failed for longer than a publication time.
   */
  sign(payload: object, { purpose, typ }: SignOptions): string | Promise<string> {
    if (purposeOf(typ) !== purpose) throw new TypeError(`a token of type ${typ} is not signed by a key for ${purpose}`);
    const algorithm = purpose === 'access' ? this.config.accessTokenAlgorithm : 'RS256';
    const key = this.ring.signing(purpose, algorithm, this.clock());
    if (key === undefined) throw new Error(`no ${algorithm} key for ${purpose} tokens may sign: run keys:rotate`);
    return key.signer.sign(payload, typ);
  }

  /**
   * The claims of a token that one of our own keys signed for this purpose.
   * @throws InvalidToken; its code says why.
   */
  async verify(jwt: string, expected: TokenExpectation): Promise<VerifiedPayload> {
    const kid = readKeyId(jwt);
    const key = this.ring.find(kid, expected.now) ?? (await this.findAnew(kid, expected.now));
    if (key === undefined) throw new InvalidToken('unknown_key', 'the token names a key that is not one of ours');
    if (key.record.purpose !== purposeOf(expected.typ)) {
      throw new InvalidToken('wrong_type', `the token is signed by a key that does not sign ${expected.typ}`);
    }
    return verifyWith(key.pair, jwt, expected);
  }

  /** The public keys: those that sign, will sign, or signed a token that may still live. */
  jwks(): Jwks {
    return this.ring.publish(this.clock()).jwks;
  }

  /** Headers that go with {@link jwks}: a strong entity tag and the seconds for `Cache-Control: max-age` (D40). */
  jwksCaching(): JwksCaching {
    return { etag: this.ring.publish(this.clock()).etag, maxAgeSeconds: this.config.lifetimes.jwksMaxAgeSeconds };
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
      this.logger.warn(`Other instances could not be told of new signing keys: ${messageOf(error)}`);
    }
  }

  private async load(): Promise<void> {
    const keys: LoadedKey[] = [];
    const unusable: string[] = [];
    for (const row of await this.repository.findAll()) {
      try {
        keys.push(await this.loadOne(row));
      } catch (error) {
        unusable.push(`${row.kid}: ${messageOf(error)}`);
      }
    }
    this.loaded.clear();
    for (const key of keys) this.loaded.set(key.record.kid, key);
    this.ring = new KeyRing(keys);
    if (unusable.length > 0) throw new Error(`Signing keys are unusable. ${unusable.join(' ')}`);
  }

  /** The halves of a kid never change, its times do: a key is opened and parsed once. */
  private async loadOne(row: SealedSigningKey): Promise<LoadedKey> {
    const { sealedPrivateKey: _, ...record } = row;
    const known = this.loaded.get(row.kid);
    if (known !== undefined) return { ...known, record };
    const pair = await this.repository.open(row);
    return { record, pair, signer: new JwtSigner(pair) };
  }

  /** Another instance may have made the key a moment ago: look once, all waiting callers together. */
  private async findAnew(kid: string, now: Date): Promise<LoadedKey | undefined> {
    const atMs = this.clock().getTime();
    const last = this.lookedForUnknownKey;
    if (last === undefined || Math.abs(atMs - last.atMs) >= UNKNOWN_KEY_RELOAD_MS) {
      this.lookedForUnknownKey = { atMs, done: this.reloadOrWarn() };
    }
    await this.lookedForUnknownKey?.done;
    return this.ring.find(kid, now);
  }

  private async listen(): Promise<void> {
    try {
      this.unsubscribe = await this.transientStore.subscribe(CHANNEL, (sender) => {
        if (sender !== this.sender) void this.reloadOrWarn();
      });
    } catch (error) {
      this.logger.warn(`New signing keys of other instances are seen by the minute only: ${messageOf(error)}`);
    }
  }

  /** Keeps the keys that it has when the table cannot be read. */
  private async reloadOrWarn(): Promise<void> {
    try {
      await this.reload();
    } catch (error) {
      this.logger.error(`Signing keys could not all be reloaded, the known ones stay in use: ${messageOf(error)}`);
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
