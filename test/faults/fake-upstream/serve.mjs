/** The way of a request through a realm: arrive, delay, lie or answer, delay, lie or answer, and the ledger of it all. */
import { ENDPOINTS } from './endpoints.mjs';
import { FAULTS } from './faults.mjs';
import { prepare, send } from './http.mjs';
import { refuse } from './token-endpoint.mjs';

/** @typedef {import('./realm.mjs').Realm} Realm */
/** @typedef {import('./http.mjs').Asked} Asked */
/** @typedef {import('./faults.mjs').Answer} Answer */
/** @typedef {import('./families.mjs').GenerationRecord} GenerationRecord */
/** @typedef {import('node:http').ServerResponse} ServerResponse */

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param {Realm} realm @param {Asked} asked @param {ServerResponse} response
 * @returns {Promise<string>} the kind of request and what it came to, for a log line
 */
export async function serve(realm, asked, response) {
  const endpoint = ENDPOINTS[asked.path];
  if (endpoint === undefined) {
    send(response, { status: 404, json: { error: 'not_found', error_description: `nothing at ${asked.path}` } });
    return 'not_found';
  }
  const kind = endpoint.kind === 'token' ? kindOfGrant(asked) : endpoint.kind;
  realm.requests[kind] = (realm.requests[kind] ?? 0) + 1;
  const record = kind === 'refresh' ? present(realm, asked) : undefined;
  realm.inFlight += 1;
  realm.maxInFlight = Math.max(realm.maxInFlight, realm.inFlight);
  // A request that hangs is in flight until its caller gives up.
  response.once('close', () => {
    realm.inFlight -= 1;
    if (asked.presented !== undefined) asked.presented.family.inFlight -= 1;
  });
  const result = await meet(realm, asked, response, kind);
  if (record !== undefined) record.answers[result] = (record.answers[result] ?? 0) + 1;
  return `${kind} ${asked.presented?.family.id ?? ''} ${result}`;
}

/** @param {Asked} asked */
function kindOfGrant({ fields }) {
  if (fields.grant_type === 'refresh_token') return 'refresh';
  return fields.grant_type === 'authorization_code' ? 'code' : 'token';
}

/** Notes in the ledger that a refresh token was shown. @param {Realm} realm @param {Asked} asked @returns {GenerationRecord | undefined} */
function present(realm, asked) {
  const claims = realm.mint.read(asked.fields.refresh_token);
  const family = claims?.kind === 'refresh' ? realm.families.at(claims.family) : undefined;
  if (claims?.kind !== 'refresh' || family === undefined) return undefined;
  asked.presented = { family, generation: claims.generation };
  const record = realm.families.record(family, claims.generation);
  record.presented += 1;
  record.last_at = realm.now();
  family.presented += 1;
  if (family.inFlight > 0) {
    family.overlaps += 1;
    realm.families.counts.overlaps += 1;
  }
  family.inFlight += 1;
  return record;
}

/** @param {Realm} realm @param {Asked} asked @param {ServerResponse} response @param {string} kind */
async function meet(realm, asked, response, kind) {
  const isToken = asked.path === '/token';
  const { before, after, rule } = realm.faults.pick(kind, asked.presented?.family.id);
  const delay = before + (isToken ? realm.settings.latency_ms : 0);
  if (delay > 0) await pause(delay);
  if (isToken && !realm.arrive()) {
    send(response, { ...refuse(429, 'slow_down', 'too many requests'), headers: { 'retry-after': '1' } });
    return 'rate_limited';
  }
  const fault = rule?.fault === undefined ? undefined : FAULTS[rule.fault];
  const processed = fault === undefined || (rule?.processed ?? fault.processed);
  const truth = processed ? process(realm, asked, fault?.rotate ?? true) : undefined;
  if (after > 0) await pause(after);
  const told = fault?.answer === undefined ? truth : fault.answer(rule ?? {}, truth, realm.now());
  const bytes = told === undefined ? Buffer.alloc(0) : prepare(response, told);
  if (told?.grant !== undefined && fault?.loses !== true) {
    const { family, serial } = told.grant;
    response.once('finish', () => {
      family.delivered = Math.max(family.delivered, serial);
      if (kind === 'refresh') realm.families.counts.delivered += 1;
    });
  }
  if (fault?.send !== undefined) fault.send(response, bytes, rule ?? {});
  else {
    response.setHeader('content-length', bytes.length);
    response.end(bytes);
  }
  const name =
    truth === undefined ? undefined : truth.grant === undefined ? String(truth.json?.error ?? 'ok') : 'granted';
  if (fault === undefined) return name ?? 'ok';
  return name === undefined ? String(rule?.fault) : `${name}, ${rule?.fault}`;
}

/** @param {Realm} realm @param {Asked} asked @param {boolean} rotate */
function process(realm, asked, rotate) {
  return /** @type {typeof ENDPOINTS[string]} */ (ENDPOINTS[asked.path]).answer(realm, asked, { rotate });
}
