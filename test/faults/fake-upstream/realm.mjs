/** One provider: its settings, its grants, its faults, its counters. A server has one at `/` and more at `/realms/{name}`. */
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { Families } from './families.mjs';
import { FaultPlan } from './fault-plan.mjs';
import { checkSettings } from './settings.mjs';
import { seededRandom, TokenMint } from './tokens.mjs';

/** @typedef {import('./settings.mjs').Settings} Settings */
/** @typedef {import('./families.mjs').Family} Family */
/** @typedef {{ clientId: string, redirectUri: string, scope: string, subject: string | undefined, challenge: string | undefined, method: string, nonce: string | undefined, expiresAt: number, family: Family | undefined }} KeptCode */

const MOST_CODES = 10_000;
/** One key for every realm of the process, made when the first ID token is wanted. @type {import('node:crypto').KeyObject | undefined} */
let signingKey;
const key = () => (signingKey ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);

export class Realm {
  /** @type {Map<string, KeptCode>} */
  codes = new Map();
  redirectsFollowed = 0;
  inFlight = 0;
  maxInFlight = 0;
  busiestSecond = 0;
  /** Requests by kind. @type {Record<string, number>} */
  requests = {};
  #second = 0;
  #inSecond = 0;

  /** @param {string} name @param {string} issuer @param {string} seed @param {Settings} settings */
  constructor(name, issuer, seed, settings) {
    this.name = name;
    this.issuer = issuer;
    this.settings = settings;
    this.mint = new TokenMint(seed, name);
    this.faults = new FaultPlan(seededRandom(`${seed}\n${name}`));
    this.families = new Families(this.mint, settings, () => this.now(), issuer);
  }

  /** Milliseconds since 1970, by this provider's clock. */
  now() {
    return Date.now() + this.settings.clock_offset_ms;
  }

  /** @param {Record<string, unknown>} given */
  set(given) {
    Object.assign(this.settings, checkSettings(given));
  }

  /** Counts a token request; answers whether the rate allows it. */
  arrive() {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    this.busiestSecond = Math.max(this.busiestSecond, this.#inSecond);
    return this.settings.rate_per_second === 0 || this.#inSecond <= this.settings.rate_per_second;
  }

  /** @param {string} code @param {KeptCode} kept */
  keepCode(code, kept) {
    this.codes.set(code, kept);
    const [oldest] = this.codes.keys();
    if (this.codes.size > MOST_CODES && oldest !== undefined) this.codes.delete(oldest);
  }

  /** RS256, OpenID Connect Core §2. @param {Family} family @param {string | undefined} nonce */
  idToken(family, nonce) {
    const iat = Math.floor(this.now() / 1000);
    const { subject: sub, clientId: aud } = family;
    const claims = { iss: this.issuer, sub, aud, iat, exp: iat + 3600, ...(nonce === undefined ? {} : { nonce }) };
    const text = [{ alg: 'RS256', typ: 'JWT', kid: 'fake-upstream' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${text}.${sign('sha256', Buffer.from(text), key()).toString('base64url')}`;
  }

  publicKey() {
    const jwk = createPublicKey(key()).export({ format: 'jwk' });
    return { ...jwk, alg: 'RS256', use: 'sig', kid: 'fake-upstream' };
  }

  stats() {
    const { counts, revoked, size } = this.families;
    return {
      families: size,
      refresh: { requests: this.requests.refresh ?? 0, ...counts, undelivered: counts.granted - counts.delivered },
      families_revoked: { ...revoked },
      requests: { ...this.requests },
      faults: { ...this.faults.met },
      redirects_followed: this.redirectsFollowed,
      in_flight: this.inFlight,
      max_in_flight: this.maxInFlight,
      busiest_second: this.busiestSecond,
    };
  }
}
