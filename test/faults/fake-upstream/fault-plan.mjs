/** Which request meets which fault: rules set through the control plane, in the order in which they were set. */
import { BadRequest } from './settings.mjs';
import { FAULTS } from './faults.mjs';

/**
 * @typedef {object} Rule
 * @property {string} [fault] name in FAULTS; without one the rule only delays
 * @property {string} [on] kind of request; default `refresh`
 * @property {string} [family] only this family's
 * @property {number} [skip] let so many matching requests pass first
 * @property {number} [times] then meet so many, default all
 * @property {number} [probability] of those, default 1
 * @property {number} [latency_before_ms]
 * @property {number} [latency_after_ms]
 * @property {boolean} [processed] do the work (rotate) and lie about it afterwards
 * @property {number} [seconds] of Retry-After
 * @property {number} [bytes] of an oversized body
 * @property {number} [interval_ms] between the bytes of a slow one
 * @property {string} [location] of a redirect
 * @property {string} [error] code instead of the fault's usual one
 * @property {number} [status] of `custom`
 * @property {Record<string, string>} [headers] of `custom`
 * @property {unknown} [body] of `custom`: text, or anything else as JSON
 */

/** Kinds of requests that rules may be about. */
export const KINDS = ['refresh', 'code', 'authorize', 'revoke', 'introspect', 'userinfo', 'jwks', 'discovery', 'any'];

/** How many rules a realm holds: those for one family are found by its id, the others one after another. */
const MOST_FOR_ALL = 100;
const MOST_FOR_FAMILIES = 100_000;

const number = (/** @type {number} */ least, /** @type {number} */ most) => ({
  says: `a number from ${least} to ${most}`,
  accepts: (/** @type {unknown} */ v) => typeof v === 'number' && v >= least && v <= most,
});
const count = (/** @type {number} */ least, /** @type {number} */ most) => ({
  says: `a whole number from ${least} to ${most}`,
  accepts: (/** @type {unknown} */ v) => Number.isInteger(v) && Number(v) >= least && Number(v) <= most,
});
const text = { says: 'text', accepts: (/** @type {unknown} */ v) => typeof v === 'string' };

/** @type {Record<string, { says: string, accepts: (value: any) => boolean }>} */
const FIELDS = {
  fault: { says: `one of ${Object.keys(FAULTS).join(', ')}`, accepts: (v) => Object.hasOwn(FAULTS, v) },
  on: { says: `one of ${KINDS.join(', ')}`, accepts: (v) => KINDS.includes(v) },
  family: { says: 'an id of the ledger, like f0', accepts: (v) => typeof v === 'string' && /^f[0-9a-z]{1,8}$/.test(v) },
  skip: count(0, 1e9),
  times: count(1, 1e9),
  probability: number(0, 1),
  latency_before_ms: count(0, 600_000),
  latency_after_ms: count(0, 600_000),
  processed: { says: 'true or false', accepts: (v) => typeof v === 'boolean' },
  seconds: count(0, 1e9),
  bytes: count(1, 1e9),
  interval_ms: count(1, 600_000),
  location: text,
  error: text,
  status: count(200, 599),
  headers: {
    says: 'an object of texts',
    accepts: (v) => typeof v === 'object' && v !== null && Object.values(v).every((h) => typeof h === 'string'),
  },
  body: { says: 'anything', accepts: () => true },
};

/** @param {unknown} given @returns {Rule} */
function checkRule(given) {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new BadRequest('a rule must be an object, like {"fault": "reset_after", "times": 1}');
  }
  for (const [name, value] of Object.entries(given)) {
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (field === undefined) {
      throw new BadRequest(`${name} is no part of a rule; there are ${Object.keys(FIELDS).join(', ')}`);
    }
    if (!field.accepts(value)) throw new BadRequest(`${name} must be ${field.says}`);
  }
  const rule = /** @type {Rule} */ (given);
  if (rule.fault === undefined && rule.latency_before_ms === undefined && rule.latency_after_ms === undefined) {
    throw new BadRequest('a rule needs a fault, latency_before_ms or latency_after_ms');
  }
  return rule;
}

/** @typedef {{ rule: Rule, skip: number, left: number, met: number }} Planned */

export class FaultPlan {
  /** @type {Planned[]} */
  #forAll = [];
  /** @type {Map<string, Planned[]>} */
  #forFamilies = new Map();
  /** How often each fault was met. @type {Record<string, number>} */
  met = {};

  /** @param {() => number} random */
  constructor(random) {
    this.random = random;
  }

  /** Adds rules, all or none. @param {unknown[]} given */
  add(given) {
    const rules = given.map(checkRule);
    const forAll = rules.filter(({ family }) => family === undefined).length;
    if (this.#forAll.length + forAll > MOST_FOR_ALL) throw new BadRequest(`at most ${MOST_FOR_ALL} rules for all`);
    if (this.#forFamilies.size + rules.length - forAll > MOST_FOR_FAMILIES) {
      throw new BadRequest(`at most ${MOST_FOR_FAMILIES} families with rules`);
    }
    for (const rule of rules) {
      const planned = { rule, skip: rule.skip ?? 0, left: rule.times ?? Number.POSITIVE_INFINITY, met: 0 };
      if (rule.family === undefined) this.#forAll.push(planned);
      else this.#forFamilies.set(rule.family, [...(this.#forFamilies.get(rule.family) ?? []), planned]);
    }
  }

  clear() {
    this.#forAll = [];
    this.#forFamilies.clear();
  }

  /** What is still planned. */
  list() {
    return [...this.#forAll, ...[...this.#forFamilies.values()].flat()].map(({ rule, left, met }) => ({
      ...rule,
      ...(Number.isFinite(left) ? { left } : {}),
      met,
    }));
  }

  /**
   * What this request meets. Delays add up; the first rule with a fault wins, a family's own before those for all.
   * @param {string} kind @param {string | undefined} family
   * @returns {{ before: number, after: number, rule: Rule | undefined }}
   */
  pick(kind, family) {
    const meets = { before: 0, after: 0, rule: /** @type {Rule | undefined} */ (undefined) };
    if (family !== undefined && this.#forFamilies.size > 0) {
      const own = this.#forFamilies.get(family);
      if (own !== undefined && this.#apply(own, kind, meets).length === 0) this.#forFamilies.delete(family);
    }
    if (this.#forAll.length > 0) this.#apply(this.#forAll, kind, meets);
    return meets;
  }

  /** @param {Planned[]} list @param {string} kind @param {{ before: number, after: number, rule: Rule | undefined }} meets */
  #apply(list, kind, meets) {
    for (const planned of list) {
      const { rule } = planned;
      const on = rule.on ?? 'refresh';
      if (on !== kind && on !== 'any') continue;
      if (rule.fault !== undefined && meets.rule !== undefined) continue;
      if (planned.skip > 0) {
        planned.skip -= 1;
        continue;
      }
      if (rule.probability !== undefined && this.random() >= rule.probability) continue;
      planned.left -= 1;
      planned.met += 1;
      meets.before += rule.latency_before_ms ?? 0;
      meets.after += rule.latency_after_ms ?? 0;
      if (rule.fault === undefined) continue;
      meets.rule = rule;
      this.met[rule.fault] = (this.met[rule.fault] ?? 0) + 1;
    }
    for (let i = list.length - 1; i >= 0; i--) if (/** @type {Planned} */ (list[i]).left === 0) list.splice(i, 1);
    return list;
  }
}
