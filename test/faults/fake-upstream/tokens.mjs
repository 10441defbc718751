/**
 * Tokens that say themselves what they are, under a MAC: the server keeps a few numbers for each family and no table of
 * tokens, so a million families fit into memory and no request looks anything up but its family.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';

/**
 * @typedef {{ kind: 'refresh', family: number, generation: number }} RefreshClaims
 * @typedef {{ kind: 'access', family: number, serial: number, expiresAt: number }} AccessClaims expiresAt in seconds
 */

const REFRESH = 'fur';
const ACCESS = 'fua';

export class TokenMint {
  #key;

  /** @param {string} seed  @param {string} realm tokens of one realm are unknown in another */
  constructor(seed, realm) {
    this.#key = createHash('sha256').update(`fake-upstream\n${seed}\n${realm}`).digest();
  }

  /** @param {number} family  @param {number} generation */
  refreshToken(family, generation) {
    const text = `${REFRESH}_${family.toString(36)}_${generation.toString(36)}`;
    return `${text}_${this.#mac(text)}`;
  }

  /** @param {number} family  @param {number} serial  @param {number} expiresAt seconds since 1970 */
  accessToken(family, serial, expiresAt) {
    const text = `${ACCESS}_${family.toString(36)}_${serial.toString(36)}_${expiresAt.toString(36)}`;
    return `${text}_${this.#mac(text)}`;
  }

  /** The same as a JWT (HS256: for clients that read `exp`, not for those that verify). @param {Record<string, unknown>} claims */
  jwtAccessToken(/** @type {number} */ family, /** @type {number} */ serial, claims) {
    const text = `${encode({ alg: 'HS256', typ: 'at+jwt' })}.${encode({ ...claims, family, serial })}`;
    return `${text}.${createHmac('sha256', this.#key).update(text).digest('base64url')}`;
  }

  /**
   * What a token says; undefined when it is none of ours.
   * @param {unknown} token
   * @returns {RefreshClaims | AccessClaims | undefined}
   */
  read(token) {
    if (typeof token !== 'string' || token.length > 2048) return undefined;
    if (token.startsWith('eyJ')) return this.#readJwt(token);
    const cut = token.lastIndexOf('_');
    const text = token.slice(0, cut);
    if (cut < 0 || this.#mac(text) !== token.slice(cut + 1)) return undefined;
    const [kind, ...rest] = text.split('_');
    const [family = -1, second = -1, third = -1] = rest.map((part) => Number.parseInt(part, 36));
    if (kind === REFRESH) return { kind: 'refresh', family, generation: second };
    return { kind: 'access', family, serial: second, expiresAt: third };
  }

  /** @param {string} token @returns {AccessClaims | undefined} */
  #readJwt(token) {
    const [header, payload = '', signature] = token.split('.');
    const expected = createHmac('sha256', this.#key).update(`${header}.${payload}`).digest('base64url');
    if (signature !== expected) return undefined;
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    return { kind: 'access', family: claims.family, serial: claims.serial, expiresAt: claims.exp };
  }

  /** @param {string} text */
  #mac(text) {
    return createHmac('sha256', this.#key).update(text).digest('hex').slice(0, 32);
  }
}

/** @param {unknown} value */
function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** A code or a nonce of no meaning. */
export function randomText() {
  return randomBytes(24).toString('base64url');
}

/** Numbers in [0, 1) that come again with the same seed (mulberry32). @param {string} seed */
export function seededRandom(seed) {
  let state = createHash('sha256').update(seed).digest().readUInt32LE();
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
