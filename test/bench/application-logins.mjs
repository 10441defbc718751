/**
 * An application's login in a browser that is signed in here already, and whose consent is remembered: an authorization
 * request with PKCE and a nonce, answered with a code, and the code for tokens, an ID token and a refresh token among them.
 */
import { createHash, randomBytes } from 'node:crypto';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const REDIRECT_URI = 'https://client.example/cb';
const SECRET = 'bench-secret-bench-secret-bench-secret';

/** Browsers that are signed in at each server; the connections go round them. */
const PEOPLE = 200;
/** Milliseconds. Until some thousands of logins V8 still compiles. */
const WARM_UP = 8000;

/** How each server is asked: where, and as whom. */
const AT_GATEHOUSE = { authorize: '/oauth2/authorize', token: '/oauth2/token', clientId: 'bench-application' };
const AT_PEER = { authorize: '/auth', token: '/token', clientId: 'bench-application' };

/** For the configuration of Gatehouse. */
export const APPLICATION = {
  client_id: AT_GATEHOUSE.clientId,
  client_secret: SECRET,
  name: 'Bench',
  redirect_uris: [REDIRECT_URI],
};

/** For oidc-provider's. */
export const PEER_APPLICATION = {
  client_id: AT_PEER.clientId,
  client_secret: SECRET,
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [REDIRECT_URI],
  token_endpoint_auth_method: 'client_secret_post',
};

function pkcePair() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

function authorizationPath({ authorize, clientId }, challenge, more = {}) {
  const parameters = {
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: 'openid profile email offline_access',
    state: randomBytes(16).toString('base64url'),
    nonce: randomBytes(16).toString('base64url'),
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  };
  return `${authorize}?${new URLSearchParams(parameters)}`;
}

/** Keeps cookies, follows nothing. */
class Browser {
  #cookies = new Map();

  /** For a Cookie header. */
  get cookies() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async request(url, init = {}) {
    const headers = { accept: 'text/html', cookie: this.cookies, ...init.headers };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
}

/** Signs a person in for the application, who allows it what it asks for; answers the cookies of his browser. */
async function signIn(url, server, more) {
  const browser = new Browser();
  const { challenge } = pkcePair();
  let next = new URL(authorizationPath(server, challenge, more), url);
  for (let hops = 0; hops < 10; hops++) {
    const response = await browser.request(next);
    const text = await response.text();
    const location = response.headers.get('location');
    const ticket = /name="ticket" value="([^"]+)"/.exec(text)?.[1];
    if (ticket !== undefined) {
      const body = new URLSearchParams({ ticket, decision: 'allow' });
      const decided = await browser.request(new URL('/oauth2/consent', url), { method: 'POST', body });
      if (decided.headers.get('refresh')?.includes('code=')) return browser.cookies;
    }
    if (location === null) throw new Error(`${next} answered ${response.status} ${text}`);
    if (location.startsWith(REDIRECT_URI)) return browser.cookies;
    const { pathname, search } = new URL(location, url);
    next = new URL(pathname + search, url);
  }
  throw new Error('too many redirects');
}

/** Browsers that are signed in, with the consent remembered, at both servers. */
export async function prepareApplicationLogins({ gatehouse, peer }) {
  const browsers = { gatehouse: [], peer: [] };
  for (let n = 0; n < PEOPLE; n++) {
    const person = `person-${n}`;
    browsers.gatehouse.push(await signIn(gatehouse.url, AT_GATEHOUSE, { idp: 'test', login_hint: person }));
    browsers.peer.push(await signIn(peer.url, AT_PEER, { login_hint: person }));
  }
  return browsers;
}

/** One connection's logins, of one person after the other. `steps`: 1 leaves the codes unused. */
function loginsOf(server, cookies, steps) {
  let turn = 0;
  let verifier;
  return {
    next: () => {
      const pair = pkcePair();
      verifier = pair.verifier;
      const cookie = cookies[turn++ % cookies.length];
      return {
        method: 'GET',
        path: authorizationPath(server, pair.challenge),
        headers: { cookie, accept: 'text/html' },
      };
    },
    answered: (_body, { location }) => {
      if (location === undefined || steps === 1) return undefined;
      const body = new URLSearchParams({
        grant_type: 'authorization_code',
        code: new URL(location).searchParams.get('code'),
        redirect_uri: REDIRECT_URI,
        code_verifier: verifier,
        client_id: server.clientId,
        client_secret: SECRET,
      });
      return { path: server.token, headers: FORM, body: body.toString() };
    },
  };
}

const TOKENS = ['access_token', 'id_token', 'refresh_token'];

function isExpected(status, body, { location }) {
  if (status === 302 || status === 303) return location.startsWith(`${REDIRECT_URI}?code=`);
  return status === 200 && TOKENS.every((token) => body.includes(`"${token}"`));
}

/** The row's contenders. `steps`: 1, the authorization request alone; 2, with the token request. */
export function applicationLoginPlans({ floor, gatehouse, peer }, browsers, connections, steps) {
  const plan = (who, process, server, cookies) => ({
    ...process,
    who,
    callers: Array.from({ length: connections }, (_, n) =>
      loginsOf(
        server,
        cookies.filter((_cookies, person) => person % connections === n),
        steps,
      ),
    ),
    check: isExpected,
    warmUp: WARM_UP,
  });
  return [
    plan('floor', floor, { authorize: '/authorize', token: '/exchange', clientId: 'floor' }, browsers.gatehouse),
    plan('gatehouse', gatehouse, AT_GATEHOUSE, browsers.gatehouse),
    plan('oidc-provider', peer, AT_PEER, browsers.peer),
  ];
}
