/** The control plane under `/__control`: JSON in and out, lists as one JSON object a line. */
import { send } from './http.mjs';
import { FAULTS } from './faults.mjs';
import { BadRequest } from './settings.mjs';

/** @typedef {import('./realm.mjs').Realm} Realm */
/** @typedef {import('./families.mjs').Family} Family */
/** @typedef {import('node:http').ServerResponse} ServerResponse */
/** @typedef {{ reset: (name: string) => void, outage: (ms: number) => void }} Server */
/** @typedef {{ realm: Realm, server: Server, body: any, query: URLSearchParams, response: ServerResponse }} Call */

const MOST_ISSUED = 1_000_000;
const LINES_AT_ONCE = 500;

/** @param {Call} call @param {string} name @param {number} initial @param {number} least @param {number} most */
function wholeOf({ body }, name, initial, least, most) {
  const value = body[name] ?? initial;
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new BadRequest(`${name} must be a whole number from ${least} to ${most}`);
  }
  return value;
}

/** @param {Family} family */
const line = (family) => ({
  family: family.id,
  subject: family.subject,
  client_id: family.clientId,
  status: family.revoked ?? 'active',
  generation: family.generation,
  serial: family.serial,
  delivered: family.delivered,
  issued_at: family.issuedAt,
  expires_at: family.accessExpiresAt * 1000,
  presented: family.presented,
  granted: family.granted,
  refused: family.refused,
  replayed: family.replayed,
  duplicate_grants: family.duplicates,
  overlaps: family.overlaps,
});

/** What an auditor looks for. @param {Family} family */
const troubled = (family) =>
  family.revoked !== undefined || family.replayed > 0 || family.overlaps > 0 || family.refused > 0;

/** Lines as fast as they are read, a few hundred at once. @param {ServerResponse} response @param {Iterable<unknown>} items */
async function sendLines(response, items) {
  response.setHeader('content-type', 'application/x-ndjson');
  let text = '';
  let lines = 0;
  for (const item of items) {
    text += `${JSON.stringify(item)}\n`;
    if (++lines % LINES_AT_ONCE !== 0) continue;
    if (response.destroyed) return;
    if (!response.write(text)) {
      await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
    }
    text = '';
  }
  response.end(text);
}

/** Families with a first token set each, made as fast as their lines are read. @param {Call} call */
function issue(call) {
  const { realm, body } = call;
  const { client_id = realm.settings.client_id, scope = 'default', subject } = body;
  for (const [name, value] of Object.entries({ client_id, scope, subject: subject ?? '' })) {
    if (typeof value !== 'string') throw new BadRequest(`${name} must be text`);
  }
  const count = wholeOf(call, 'count', 1, 1, MOST_ISSUED);
  const lifetime = wholeOf(call, 'access_ttl', realm.settings.access_ttl, 1, 1e9);
  return (function* () {
    for (let i = 0; i < count; i++) {
      const family = realm.families.create(client_id, scope, subject);
      const { serial, body } = realm.families.issue(family, lifetime);
      family.delivered = serial;
      yield { family: family.id, subject: family.subject, ...body };
    }
  })();
}

/** @type {Record<string, (call: Call) => unknown>} */
const COMMANDS = {
  'GET stats': ({ realm }) => realm.stats(),
  'GET settings': ({ realm }) => realm.settings,
  'POST settings': ({ realm, body }) => {
    realm.set(body);
    return realm.settings;
  },
  'GET faults': ({ realm }) => ({
    planned: realm.faults.list(),
    known: Object.fromEntries(Object.entries(FAULTS).map(([name, { text }]) => [name, text])),
  }),
  'POST faults': ({ realm, body }) => {
    realm.faults.add(Array.isArray(body) ? body : [body]);
    return { planned: realm.faults.list().length };
  },
  'DELETE faults': ({ realm }) => {
    realm.faults.clear();
    return { planned: 0 };
  },
  'POST issue': (call) => sendLines(call.response, issue(call)),
  'GET ledger': ({ realm, query, response }) => {
    const id = query.get('family');
    if (id === null) return sendLines(response, ledgerLines(realm, query.has('troubled')));
    const family = realm.families.find(id);
    if (family === undefined) return undefined;
    return { ...line(family), current: realm.families.current(family), generations: family.ledger ?? [] };
  },
  'POST revoke': ({ realm, body }) => {
    const family = realm.families.find(body.family);
    if (family === undefined) throw new BadRequest('family must be an id of the ledger, like f0');
    realm.families.revoke(family, 'control');
    return line(family);
  },
  'POST reset': ({ realm, server }) => {
    server.reset(realm.name);
    return {};
  },
  'POST outage': (call) => {
    const ms = wholeOf(call, 'ms', 1000, 1, 3_600_000);
    call.response.once('finish', () => call.server.outage(ms));
    return { ms };
  },
};

/** @param {Realm} realm @param {boolean} onlyTroubled */
function* ledgerLines(realm, onlyTroubled) {
  for (const family of realm.families) if (!onlyTroubled || troubled(family)) yield line(family);
}

/**
 * @param {string} method @param {string} name what follows `/__control/`
 * @param {string} text body @param {Omit<Call, 'body'>} call
 */
export async function control(method, name, text, call) {
  const command = COMMANDS[`${method} ${name}`];
  const fail = (/** @type {number} */ status, /** @type {string} */ error) =>
    send(call.response, { status, json: { error } });
  if (command === undefined) return fail(404, `there are ${Object.keys(COMMANDS).join(', ')}`);
  try {
    const answer = await command({ ...call, body: text === '' ? {} : JSON.parse(text) });
    if (call.response.headersSent) return undefined;
    if (answer === undefined) return fail(404, 'there is no such family');
    return send(call.response, { status: 200, json: /** @type {Record<string, unknown>} */ (answer) });
  } catch (error) {
    if (error instanceof BadRequest) return fail(400, error.message);
    if (error instanceof SyntaxError) return fail(400, 'the body must be JSON');
    throw error;
  }
}
