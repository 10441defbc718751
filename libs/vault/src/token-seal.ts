import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { ConnectionPlace } from './connection-place.js';
import { DataKeys, type DataKey } from './data-keys.js';

/** Which column a sealed value is for; part of its additional data, so the two cannot be exchanged. */
export type TokenField = 'access_token' | 'refresh_token';

/** A token set as it is stored. */
export interface SealedTokens {
  readonly dataKeyId: string;
  readonly accessToken: Buffer;
  readonly refreshToken: Buffer | undefined;
}

/** A sealed token does not open where it lies: changed, moved, or of another generation. */
export class TokenNotAuthentic extends Error {
  override readonly name = 'TokenNotAuthentic';
}

const VERSION = 1;
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Derived keys of connections just used; beyond it they are derived anew. */
const REMEMBERED_KEYS = 4096;
const OVERHEAD = 1 + NONCE_BYTES + TAG_BYTES;

/**
 * Seals upstream tokens field by field: AES-256-GCM, 96 random bits of nonce, additional data organization, connection,
 * field and generation. Each connection has a key of its own, derived (HKDF-SHA256) from its organization's data key, so
 * the 2^32 nonces that one key is good for (NIST SP 800-38D §8.3) are never near.
 *
 * A sealed value is one byte of version, nonce, ciphertext, tag.
 */
@Injectable()
export class TokenSeal {
  private readonly derived = new Map<string, Buffer>();

  constructor(private readonly keys: DataKeys) {}

  /** Makes sure that {@link seal} waits for nothing within the next hour: before a request whose answer it is to seal. */
  async prepare(organizationId: string): Promise<void> {
    await this.keys.current(organizationId);
  }

  async seal(
    place: ConnectionPlace,
    tokens: { accessToken: string; refreshToken: string | undefined },
  ): Promise<SealedTokens> {
    const dataKey = await this.keys.sealing(place.organizationId);
    const key = this.connectionKey(dataKey, place.connectionId);
    // One draw for both nonces.
    const random = randomBytes(2 * NONCE_BYTES);
    const [first, second] = [random.subarray(0, NONCE_BYTES), random.subarray(NONCE_BYTES)];
    const { accessToken, refreshToken } = tokens;
    return {
      dataKeyId: dataKey.id,
      accessToken: sealField(key, first, place, 'access_token', accessToken),
      refreshToken:
        refreshToken === undefined ? undefined : sealField(key, second, place, 'refresh_token', refreshToken),
    };
  }

  /** @throws TokenNotAuthentic; CannotOpen naming the master key that is not configured */
  async open(place: ConnectionPlace, dataKeyId: string, field: TokenField, sealed: Buffer): Promise<string> {
    const dataKey = this.keys.remembered(dataKeyId) ?? (await this.keys.byIdOf(place.organizationId, dataKeyId));
    if (dataKey.organizationId !== place.organizationId) throw notAuthentic(place, field);
    return openField(this.connectionKey(dataKey, place.connectionId), place, field, sealed);
  }

  /**
   * The same tokens, in the same place, sealed with the key in use.
   * @throws as {@link open} does
   */
  async sealAnew(
    place: ConnectionPlace,
    dataKeyId: string,
    sealed: { readonly accessToken: Buffer; readonly refreshToken: Buffer | null },
  ): Promise<SealedTokens> {
    const { refreshToken } = sealed;
    return this.seal(place, {
      accessToken: await this.open(place, dataKeyId, 'access_token', sealed.accessToken),
      refreshToken:
        refreshToken === null ? undefined : await this.open(place, dataKeyId, 'refresh_token', refreshToken),
    });
  }

  /** Names a refresh token in the journal without being one: a keyed hash, the same only inside one connection. */
  async fingerprint(place: ConnectionPlace, dataKeyId: string, refreshToken: string): Promise<Buffer> {
    const dataKey = await this.keys.byIdOf(place.organizationId, dataKeyId);
    return createHmac('sha256', dataKey.key)
      .update(`fingerprint\0${place.connectionId}\0${refreshToken}`)
      .digest()
      .subarray(0, 16);
  }

  /** A refresh opens one generation and seals the next: deriving costs more than either, so the key is kept between. */
  private connectionKey(dataKey: DataKey, connectionId: string): Buffer {
    const name = `${dataKey.id}:${connectionId}`;
    let key = this.derived.get(name);
    if (key === undefined) {
      key = Buffer.from(hkdfSync('sha256', dataKey.key, connectionId, 'gatehouse vault v1', 32));
      if (this.derived.size >= REMEMBERED_KEYS) this.derived.clear();
      this.derived.set(name, key);
    }
    return key;
  }
}

function additionalData(place: ConnectionPlace, field: TokenField): Buffer {
  return Buffer.from(`${place.organizationId}|${place.connectionId}|${field}|${place.generation}`);
}

function sealField(key: Buffer, nonce: Buffer, place: ConnectionPlace, field: TokenField, token: string): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData(place, field));
  const text = cipher.update(token, 'utf8');
  cipher.final();
  return Buffer.concat([Buffer.of(VERSION), nonce, text, cipher.getAuthTag()]);
}

function openField(key: Buffer, place: ConnectionPlace, field: TokenField, sealed: Buffer): string {
  if (sealed.length < OVERHEAD || sealed[0] !== VERSION) throw notAuthentic(place, field);
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(1, 1 + NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData(place, field));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const text = decipher.update(sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    throw notAuthentic(place, field);
  }
  return text.toString('utf8');
}

function notAuthentic({ connectionId, generation }: ConnectionPlace, field: TokenField): TokenNotAuthentic {
  return new TokenNotAuthentic(
    `the sealed ${field} of ${connectionId}, generation ${generation}, was changed or moved`,
  );
}
