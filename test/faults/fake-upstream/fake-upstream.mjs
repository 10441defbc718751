/**
 * The server: an OAuth 2.0 authorization server that rotates refresh tokens like real ones, lies on demand, and keeps a
 * ledger of what it was asked and what it answered. For loopback and for tests: it consents to everybody.
 */
import { createServer } from 'node:http';
import { control } from './control.mjs';
import { asked, readBody, send } from './http.mjs';
import { Realm } from './realm.mjs';
import { serve } from './serve.mjs';
import { defaultSettings } from './settings.mjs';

/** @typedef {import('./settings.mjs').Settings} Settings */

const MOST_REALMS = 1000;
const REALM = /^\/realms\/([a-z0-9-]{1,40})(\/.*)$/;
/** RFC 8414 §3.1: the well-known name stands before the path of the issuer. */
const WELL_KNOWN = /^(\/\.well-known\/[a-z-]+)(\/realms\/[a-z0-9-]{1,40})$/;

export class FakeUpstream {
  /** @type {Map<string, Realm>} */
  #realms = new Map();
  #server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    this.#handle(request, response).catch((error) => {
      process.stderr.write(`${error.stack}\n`);
      response.destroy();
    });
  });
  #address = { port: 0, host: '127.0.0.1' };

  /**
   * @param {{ seed: string, settings?: Partial<Settings>, log?: (line: string) => void }} options
   * seed: the same one brings the same tokens and the same dice
   */
  constructor({ seed, settings = {}, log }) {
    this.seed = seed;
    this.initial = { ...defaultSettings(), ...settings };
    this.log = log;
  }

  get url() {
    const { host, port } = this.#address;
    return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  /** @param {number} port 0: any free one @param {string} host */
  async listen(port, host) {
    await new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve(this.#server.off('error', reject)));
    });
    const address = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    this.#address = { port: address.port, host };
    return this.url;
  }

  /** Closes the port and every connection; `listen` with the same port ends the outage, and nothing is forgotten. */
  async close() {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Listens again at the address of before. */
  reopen() {
    return this.listen(this.#address.port, this.#address.host);
  }

  /** @param {string} name */
  #realm(name) {
    const known = this.#realms.get(name);
    if (known !== undefined || this.#realms.size >= MOST_REALMS) return known;
    const issuer = name === '' ? this.url : `${this.url}/realms/${name}`;
    const realm = new Realm(name, issuer, this.seed, { ...this.initial });
    this.#realms.set(name, realm);
    return realm;
  }

  /** What the control plane may do to the server. */
  #self = {
    reset: (/** @type {string} */ name) => void this.#realms.delete(name),
    outage: async (/** @type {number} */ ms) => {
      await this.close();
      setTimeout(() => void this.reopen(), ms);
    },
  };

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #handle(request, response) {
    const [target = '/', query = ''] = split(request.url ?? '/');
    const wellKnown = WELL_KNOWN.exec(target);
    const match = REALM.exec(wellKnown === null ? target : `${wellKnown[2]}${wellKnown[1]}`);
    const realm = this.#realm(match?.[1] ?? '');
    const path = match?.[2] ?? target;
    const body = await readBody(request);
    if (realm === undefined) return send(response, { status: 404, json: { error: `at most ${MOST_REALMS} realms` } });
    if (body === undefined) return void response.destroy();
    if (path.startsWith('/__control/')) {
      // A page in somebody's browser must not steer it: pages send an Origin with what changes anything.
      if (request.headers.origin !== undefined) return send(response, { status: 403, json: { error: 'no browsers' } });
      const call = { realm, server: this.#self, query: new URLSearchParams(query), response };
      return control(request.method ?? 'GET', path.slice('/__control/'.length), body, call);
    }
    const result = await serve(realm, asked(request, path, query, body), response);
    this.log?.(`${new Date().toISOString()} ${realm.name} ${result}`);
  }
}

/** @param {string} url */
function split(url) {
  const cut = url.indexOf('?');
  return cut < 0 ? [url] : [url.slice(0, cut), url.slice(cut + 1)];
}
