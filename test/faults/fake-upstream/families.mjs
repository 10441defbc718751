/**
 * The grants: a family is all that came of one consent (RFC 9700 §4.14.2). Its refresh tokens are counted as generations
 * 0, 1, 2 …, its token sets as serials. Of each family a fixed number of generations is remembered one by one.
 */
/** @typedef {import('./settings.mjs').Settings} Settings */
/** @typedef {import('./tokens.mjs').TokenMint} TokenMint */
/** @typedef {{ generation: number, presented: number, granted: number, first_at: number, last_at: number, answers: Record<string, number> }} GenerationRecord */
/** @typedef {{ family: Family, serial: number, body: Record<string, unknown> }} Grant */

export class Family {
  generation = 0;
  serial = 0;
  issuedAt = 0;
  accessExpiresAt = 0;
  /** When the newest refresh token was made, and its predecessor retired. */
  rotatedAt = 0;
  /** Why it is over: reuse, revoked, code_reuse, control. @type {string | undefined} */
  revoked;
  presented = 0;
  granted = 0;
  refused = 0;
  replayed = 0;
  duplicates = 0;
  overlaps = 0;
  inFlight = 0;
  /** Newest serial whose answer was handed to the network whole. */
  delivered = 0;
  accessRevokedUpTo = -1;
  /** @type {GenerationRecord[] | undefined} */
  ledger;

  /** @param {number} index @param {string} clientId @param {string} scope @param {string} subject */
  constructor(index, clientId, scope, subject) {
    this.index = index;
    this.clientId = clientId;
    this.scope = scope;
    this.subject = subject;
  }

  get id() {
    return `f${this.index.toString(36)}`;
  }
}

/** What the counters of a realm begin with. */
const zero = () => ({
  granted: 0,
  delivered: 0,
  refused: 0,
  replayed: 0,
  duplicate_grants: 0,
  overlaps: 0,
});

export class Families {
  /** @type {Family[]} */
  #all = [];
  counts = zero();
  /** @type {Record<string, number>} */
  revoked = {};

  /** @param {TokenMint} mint @param {Settings} settings @param {() => number} now @param {string} issuer */
  constructor(mint, settings, now, issuer) {
    this.mint = mint;
    this.settings = settings;
    this.now = now;
    this.issuer = issuer;
  }

  get size() {
    return this.#all.length;
  }

  /** @param {string} clientId @param {string} scope @param {string} [subject] */
  create(clientId, scope, subject) {
    const index = this.#all.length;
    const family = new Family(index, clientId, scope, subject ?? `user-${index}`);
    family.rotatedAt = this.now();
    this.#all.push(family);
    return family;
  }

  /** @param {unknown} id as in the ledger: `f` and the index in base 36 */
  find(id) {
    const known = typeof id === 'string' && /^f[0-9a-z]{1,8}$/.test(id);
    return known ? this.#all[Number.parseInt(id.slice(1), 36)] : undefined;
  }

  /** @param {number} index */
  at(index) {
    return this.#all[index];
  }

  [Symbol.iterator]() {
    return this.#all[Symbol.iterator]();
  }

  /**
   * A token set (RFC 6749 §5.1) of the present generation.
   * @param {Family} family @param {number} [lifetime] seconds of the access token
   * @returns {Grant}
   */
  issue(family, lifetime = this.settings.access_ttl) {
    family.serial += 1;
    family.issuedAt = this.now();
    family.accessExpiresAt = Math.floor(family.issuedAt / 1000) + lifetime;
    return { family, serial: family.serial, body: this.#tokens(family, lifetime) };
  }

  /** The newest token set of a family, once more. @param {Family} family */
  current(family) {
    return this.#tokens(family, family.accessExpiresAt - Math.floor(family.issuedAt / 1000));
  }

  /** @param {Family} family @param {number} lifetime */
  #tokens(family, lifetime) {
    const { index, serial, accessExpiresAt: exp } = family;
    const iat = Math.floor(family.issuedAt / 1000);
    const jwt = { iss: this.issuer, sub: family.subject, client_id: family.clientId, scope: family.scope, iat, exp };
    return {
      access_token:
        this.settings.access_format === 'jwt'
          ? this.mint.jwtAccessToken(index, serial, jwt)
          : this.mint.accessToken(index, serial, exp),
      token_type: 'Bearer',
      expires_in: lifetime,
      refresh_token: this.mint.refreshToken(index, family.generation),
      ...(this.settings.refresh_ttl === 0 ? {} : { refresh_token_expires_in: this.settings.refresh_ttl }),
      scope: family.scope,
    };
  }

  /**
   * What presenting the refresh token of this generation comes to: a grant, or why not.
   * @param {Family} family @param {number} generation
   * @param {{ rotate: boolean }} how without rotation the presented token stays the newest one
   * @returns {Grant | string}
   */
  refresh(family, generation, how) {
    const { rotation, refresh_ttl, grace_seconds, family_revocation } = this.settings;
    if (family.revoked !== undefined) return this.#refuse(family, 'the grant was revoked');
    if (refresh_ttl > 0 && this.now() > family.rotatedAt + refresh_ttl * 1000) {
      return this.#refuse(family, 'the refresh token has expired');
    }
    if (generation === family.generation) {
      if (rotation !== 'reusable' && how.rotate) {
        family.generation += 1;
        family.rotatedAt = this.now();
      }
      return this.#grant(family, generation);
    }
    family.replayed += 1;
    this.counts.replayed += 1;
    const inGrace = rotation === 'grace' && this.now() <= family.rotatedAt + grace_seconds * 1000;
    if (inGrace && generation === family.generation - 1) {
      family.duplicates += 1;
      this.counts.duplicate_grants += 1;
      return this.#grant(family, generation);
    }
    if (family_revocation) this.revoke(family, 'reuse');
    return this.#refuse(family, 'the refresh token was used before');
  }

  /** @param {Family} family @param {number} generation */
  #grant(family, generation) {
    this.record(family, generation).granted += 1;
    family.granted += 1;
    this.counts.granted += 1;
    return this.issue(family);
  }

  /** @param {Family} family @param {string} why */
  #refuse(family, why) {
    family.refused += 1;
    this.counts.refused += 1;
    return why;
  }

  /** @param {Family} family @param {string} why */
  revoke(family, why) {
    if (family.revoked !== undefined) return;
    family.revoked = why;
    this.revoked[why] = (this.revoked[why] ?? 0) + 1;
  }

  /**
   * The family of an access token that is good now.
   * @param {unknown} token
   */
  byAccessToken(token) {
    const claims = this.mint.read(token);
    if (claims?.kind !== 'access') return undefined;
    const family = this.#all[claims.family];
    if (family === undefined || family.revoked !== undefined) return undefined;
    if (claims.expiresAt * 1000 <= this.now() || claims.serial <= family.accessRevokedUpTo) return undefined;
    if (this.settings.old_access_tokens === 'revoked' && claims.serial < family.serial) return undefined;
    return { family, claims };
  }

  /** The ledger line of a generation, made when it is missing; the oldest makes room. */
  record(/** @type {Family} */ family, /** @type {number} */ generation) {
    family.ledger ??= [];
    const known = family.ledger.find((line) => line.generation === generation);
    if (known !== undefined) return known;
    const at = this.now();
    const line = { generation, presented: 0, granted: 0, first_at: at, last_at: at, answers: {} };
    family.ledger.push(line);
    if (family.ledger.length > this.settings.ledger_depth) family.ledger.shift();
    return line;
  }
}
