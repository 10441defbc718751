/** Reading requests into plain fields and writing answers, over node:http. */

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */
/** @typedef {import('./faults.mjs').Answer} Answer */
/** @typedef {import('./families.mjs').Family} Family */

/**
 * A request, read whole.
 * @typedef {object} Asked
 * @property {string} method
 * @property {string} path within its realm
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {Record<string, string>} fields of a GET's query, or of a form or JSON body
 * @property {string | undefined} repeated name of a field that came twice (RFC 6749 §3.1 and §3.2 forbid it)
 * @property {'form' | 'json' | undefined} format of the body
 * @property {{ family: Family, generation: number } | undefined} presented by its refresh token, if that is one of ours
 */

const LARGEST_BODY = 1_048_576;

/**
 * The body; undefined when it is too long or its sender went away.
 * @param {IncomingMessage} request @returns {Promise<string | undefined>}
 */
export function readBody(request) {
  return new Promise((resolve) => {
    /** @type {Buffer[]} */
    const pieces = [];
    let length = 0;
    request.on('data', (piece) => {
      length += piece.length;
      if (length > LARGEST_BODY) resolve(undefined);
      else pieces.push(piece);
    });
    request.on('end', () => resolve(pieces.length === 1 ? String(pieces[0]) : Buffer.concat(pieces).toString()));
    request.on('close', () => resolve(undefined));
  });
}

/**
 * @param {IncomingMessage} request @param {string} path @param {string} query @param {string} body
 * @returns {Asked}
 */
export function asked(request, path, query, body) {
  /** @type {Record<string, string>} */
  const fields = {};
  /** @type {string | undefined} */
  let repeated;
  const add = (/** @type {string} */ text) => {
    for (const [name, value] of new URLSearchParams(text)) {
      if (Object.hasOwn(fields, name)) repeated = name;
      fields[name] = value;
    }
  };
  // RFC 6749 §2.3.1: credentials never travel in the URI, so the query of a POST is not read.
  if (request.method === 'GET') add(query);
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  /** @type {Asked['format']} */
  let format;
  if (type === 'application/x-www-form-urlencoded') {
    format = 'form';
    add(body);
  } else if (type === 'application/json') {
    const json = parsed(body);
    if (json !== undefined) format = 'json';
    for (const [name, value] of Object.entries(json ?? {})) if (typeof value === 'string') fields[name] = value;
  }
  const { method = 'GET', headers } = request;
  return { method, path, headers, fields, repeated, format, presented: undefined };
}

/** An object, or nothing. @param {string} body @returns {Record<string, unknown> | undefined} */
function parsed(body) {
  try {
    const value = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Status and headers on the response, and the bytes of the body. @param {ServerResponse} response @param {Answer} answer */
export function prepare(response, answer) {
  response.statusCode = answer.status;
  response.setHeader('cache-control', 'no-store');
  if (answer.json !== undefined) response.setHeader('content-type', 'application/json');
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  return Buffer.from(answer.json === undefined ? (answer.text ?? '') : JSON.stringify(answer.json));
}

/** @param {ServerResponse} response @param {Answer} answer */
export function send(response, answer) {
  const bytes = prepare(response, answer);
  response.setHeader('content-length', bytes.length);
  response.end(bytes);
}
