import { createCipheriv, createDecipheriv, randomBytes, type CipherGCM } from 'node:crypto';
import type { MasterKey } from '@app/config';

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Why a sealed value could not be opened. */
export type CannotOpenReason = 'malformed' | 'unknown_master_key' | 'not_authentic';

/** Thrown by {@link SecretBox.open}; the message names the master key where one is missing, never any content. */
export class CannotOpen extends Error {
  override readonly name = 'CannotOpen';

  constructor(
    readonly reason: CannotOpenReason,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Seals secrets at rest with AES-256-GCM. A sealed value is `v1.{master key id}.{nonce}.{ciphertext and tag}`, the last
 * two in base64url. The newest master key seals, any known one opens, so a key is replaced by putting another before it.
 *
 * Nonces are 96 random bits: one master key is good for 2^32 values (NIST SP 800-38D §8.3), replace it before that.
 */
export class SecretBox {
  readonly #newest: MasterKey;
  readonly #known = new Map<string, MasterKey>();

  /** @param masterKeys newest first, at least one; @throws Error naming the key whose id or length is unusable. */
  constructor(masterKeys: readonly MasterKey[]) {
    const [newest] = masterKeys;
    if (newest === undefined) throw new Error('No master key: set GATEHOUSE_MASTER_KEYS.');
    for (const masterKey of masterKeys) {
      const { id, key } = masterKey;
      if (!KEY_ID.test(id)) throw new Error('A master key id must be 1 to 64 characters of A-Z a-z 0-9 _ -');
      if (key.reveal().length !== KEY_BYTES) throw new Error(`Master key "${id}" must have ${KEY_BYTES} bytes.`);
      if (this.#known.has(id)) throw new Error(`Two master keys have the id "${id}": ids must differ.`);
      this.#known.set(id, masterKey);
    }
    this.#newest = newest;
  }

  /**
   * @param aad where the value belongs (`signing_keys:{kid}`, a row and column): a sealed value that was moved to
   * another place does not open there.
   */
  seal(plaintext: Buffer | string, aad: string): string {
    refuseEmpty(aad);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher: CipherGCM = createCipheriv(CIPHER, this.#newest.key.reveal(), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(aad, 'utf8'));
    const bytes = typeof plaintext === 'string' ? Buffer.from(plaintext, 'utf8') : plaintext;
    const box = Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    return [VERSION, this.#newest.id, nonce.toString('base64url'), box.toString('base64url')].join('.');
  }

  /** Id of the master key that sealed this; what the `open` of a box without that key would name. @throws CannotOpen */
  static keyIdOf(sealed: string): string {
    const [version, keyId] = sealed.split('.');
    if (version !== VERSION || keyId === undefined || !KEY_ID.test(keyId)) throw malformed();
    return keyId;
  }

  /** The master key that seals what is new. */
  get newestKeyId(): string {
    return this.#newest.id;
  }

  /** Every master key that opens, newest first. */
  get keyIds(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** Whether what this master key sealed can be opened. */
  knows(keyId: string): boolean {
    return this.#known.has(keyId);
  }

  /** @throws CannotOpen when the value is not of ours, names an unknown master key, was changed, or has another aad. */
  open(sealed: string, aad: string): Buffer {
    refuseEmpty(aad);
    const [version, keyId, nonceText, boxText, ...rest] = sealed.split('.');
    if (version !== VERSION || keyId === undefined || !KEY_ID.test(keyId) || rest.length > 0) throw malformed();
    const nonce = canonicalBase64url(nonceText);
    const box = canonicalBase64url(boxText);
    if (nonce.length !== NONCE_BYTES || box.length < TAG_BYTES) throw malformed();
    const masterKey = this.#known.get(keyId);
    if (masterKey === undefined) {
      throw new CannotOpen(
        'unknown_master_key',
        `A secret is sealed with master key "${keyId}", which is not configured: put it back into GATEHOUSE_MASTER_KEYS.`,
      );
    }
    const decipher = createDecipheriv(CIPHER, masterKey.key.reveal(), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(aad, 'utf8'));
    decipher.setAuthTag(box.subarray(-TAG_BYTES));
    const plaintext = decipher.update(box.subarray(0, -TAG_BYTES));
    try {
      return Buffer.concat([plaintext, decipher.final()]);
    } catch {
      throw new CannotOpen(
        'not_authentic',
        `A secret sealed with master key "${keyId}" was changed, moved, or sealed with another key of that id.`,
      );
    }
  }
}

function refuseEmpty(aad: string): void {
  if (aad === '') throw new TypeError('aad must say where the sealed value belongs');
}

function malformed(): CannotOpen {
  return new CannotOpen('malformed', 'A sealed secret does not have the form v1.{key id}.{nonce}.{ciphertext}.');
}

/** Node skips characters that base64url does not have and ignores spare bits; one value must have one spelling. */
function canonicalBase64url(text: string | undefined): Buffer {
  if (text === undefined) throw malformed();
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw malformed();
  return bytes;
}
