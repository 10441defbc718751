import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

/**
 * A stand-in for Grafana: reads a `grafana.ini` and does over the wire what Grafana's generic OAuth does with it
 * (pkg/services/authn/clients/oauth.go, pkg/login/social/connectors/generic_oauth.go, golang.org/x/oauth2). It is not
 * Grafana: it shows that the settings fit the protocol, not that Grafana reads them so. A key that it does not know is a
 * fault, so that no setting stands in a recipe unused.
 */
export class Grafana {
  #settings;
  #root;
  #sessions = new Map();
  /** How x/oauth2 found out that the client proves itself: header or parameters. */
  authStyle;
  #server;

  constructor(ini, env) {
    const { server, 'auth.generic_oauth': settings } = parse(ini, env);
    this.#root = server.root_url.replace(/\/$/, '');
    this.#settings = settings;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error) => response.writeHead(500).end(String(error?.stack ?? error)));
    });
  }

  async start() {
    const { hostname, port } = new URL(this.#root);
    await new Promise((resolve) => this.#server.listen(Number(port), hostname, resolve));
    return this;
  }

  stop() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  /** As if every access token had run out. */
  letTokensExpire() {
    for (const session of this.#sessions.values()) session.token.expiresAt = 0;
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.#root);
    const cookies = new Map((request.headers.cookie ?? '').split('; ').map((pair) => pair.split(/=(.*)/s)));
    const id = cookies.get('grafana_session');
    const redirect = (to, setCookie = []) => response.writeHead(302, { location: to, 'set-cookie': setCookie }).end();
    if (url.pathname === '/login') return response.end('Welcome to Grafana');
    if (url.pathname === '/login/generic_oauth') return this.#login(url, cookies, redirect);
    if (url.pathname === '/logout') return redirect(this.#logout(id), ['grafana_session=; Path=/; Max-Age=0']);
    const user = await this.#user(id);
    if (url.pathname !== '/api/user') return redirect(user === undefined ? '/login' : '/api/user');
    return user === undefined ? response.writeHead(401).end() : response.end(JSON.stringify(user));
  }

  async #login(url, cookies, redirect) {
    const { client_id: clientId, scopes, auth_url: authUrl } = this.#settings;
    const sealed = (state) => createHash('sha256').update(`${state}${this.#settings.client_secret}`).digest('hex');
    if (url.searchParams.has('error')) return redirect('/login');
    if (!url.searchParams.has('code')) {
      const state = randomBytes(32).toString('base64url');
      const verifier = randomBytes(96).toString('base64url');
      const to = new URL(authUrl);
      const parameters = {
        client_id: clientId,
        redirect_uri: this.#callback,
        response_type: 'code',
        scope: scopes,
        state,
      };
      for (const [name, value] of Object.entries(parameters)) to.searchParams.set(name, value);
      if (this.#settings.use_pkce === 'true') {
        to.searchParams.set('code_challenge', createHash('sha256').update(verifier).digest('base64url'));
        to.searchParams.set('code_challenge_method', 'S256');
      }
      return redirect(to.href, [`oauth_state=${sealed(state)}; Path=/`, `oauth_code_verifier=${verifier}; Path=/`]);
    }
    if (sealed(url.searchParams.get('state')) !== cookies.get('oauth_state')) throw new Error('the state is another');
    const token = await this.#token({
      grant_type: 'authorization_code',
      code: url.searchParams.get('code'),
      redirect_uri: this.#callback,
      ...(this.#settings.use_pkce === 'true' ? { code_verifier: cookies.get('oauth_code_verifier') } : {}),
    });
    const id = randomBytes(16).toString('hex');
    this.#sessions.set(id, { token, user: await this.#userOf(token) });
    return redirect('/', [`grafana_session=${id}; Path=/`]);
  }

  get #callback() {
    return `${this.#root}/login/generic_oauth`;
  }

  /** AuthStyleAutoDetect of x/oauth2: by header, and if that does not go, once more in the body; remembered. */
  async #token(fields) {
    const { client_id: clientId, client_secret: secret, token_url: tokenUrl } = this.#settings;
    for (const style of this.authStyle === undefined ? ['header', 'parameters'] : [this.authStyle]) {
      const body = new URLSearchParams(fields);
      const pair = [clientId, secret].map((part) => new URLSearchParams({ part }).toString().slice('part='.length));
      const headers = style === 'header' ? { authorization: `Basic ${btoa(pair.join(':'))}` } : {};
      if (style === 'parameters')
        for (const [name, value] of [
          ['client_id', clientId],
          ['client_secret', secret],
        ])
          body.set(name, value);
      const response = await fetch(tokenUrl, { method: 'POST', body, headers });
      const answer = await response.json();
      if (!response.ok) continue;
      this.authStyle = style;
      return { ...answer, expiresAt: Date.now() + answer.expires_in * 1000 };
    }
    throw new Error('Failed to get token from provider');
  }

  /** What the ID token says, unverified, and then what UserInfo says: the first that says something counts. */
  async #userOf({ id_token: idToken, access_token: accessToken }) {
    const fromToken = JSON.parse(Buffer.from(idToken.split('.')[1], 'base64url').toString());
    const response = await fetch(this.#settings.api_url, { headers: { authorization: `Bearer ${accessToken}` } });
    const user = {};
    for (const data of [fromToken, ...(response.ok ? [await response.json()] : [])]) {
      user.id ??= data.sub;
      user.name ??= data.name;
      user.email ??= data.email;
      user.role ??= search(this.#settings.role_attribute_path, data);
      user.groups ??= search(this.#settings.groups_attribute_path, data);
    }
    return { ...user, login: user.email };
  }

  /** Refreshes an access token that ran out; where that is refused the session ends. */
  async #user(id) {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    if (this.#settings.use_refresh_token === 'true' && session.token.expiresAt - 10_000 < Date.now())
      try {
        const { refresh_token: token } = session.token;
        session.token = {
          ...session.token,
          ...(await this.#token({ grant_type: 'refresh_token', refresh_token: token })),
        };
      } catch {
        this.#sessions.delete(id);
        return undefined;
      }
    return session.user;
  }

  /** `id_token_hint` is added where the address is one of OpenID Connect and the token is good. */
  #logout(id) {
    const session = this.#sessions.get(id);
    this.#sessions.delete(id);
    const to = new URL(this.#settings.signout_redirect_url);
    const isValid = session !== undefined && session.token.expiresAt - 10_000 > Date.now();
    if (to.searchParams.has('post_logout_redirect_uri') && isValid)
      to.searchParams.set('id_token_hint', session.token.id_token);
    return to.href;
  }
}

const KNOWN = {
  server: ['root_url'],
  'auth.generic_oauth': (
    'enabled name client_id client_secret scopes auth_url token_url api_url use_pkce use_refresh_token ' +
    'groups_attribute_path role_attribute_path signout_redirect_url'
  ).split(' '),
};

/** Sections of `key = value`; `$__env{NAME}` is that variable. */
function parse(ini, env) {
  const sections = {};
  let current;
  for (const line of ini.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith(';') || line.startsWith('#')) continue;
    const section = /^\[(.+)\]$/.exec(line)?.[1];
    if (section !== undefined) {
      current = section;
      sections[section] = {};
      continue;
    }
    const [, key, value] = /^(\w+)\s*=\s*(.*)$/.exec(line);
    if (!KNOWN[current]?.includes(key)) throw new Error(`nobody here knows ${key} of [${current}]`);
    sections[current][key] = value.replaceAll(/\$__env\{(\w+)\}/g, (_, name) => env[name] ?? '');
  }
  return sections;
}

/**
 * As much of JMESPath as the recipe has: a member, and `contains(list[*], 'text') && 'text' || 'text'`. Anything else is
 * refused.
 */
function search(expression, data) {
  if (/^\w+$/.test(expression)) return data[expression];
  const found = /^contains\((\w+)\[\*\], '([^']+)'\) && '([^']+)' \|\| '([^']+)'$/.exec(expression);
  if (found === null) throw new Error(`the stand-in does not understand ${expression}`);
  const [, list, wanted, then, otherwise] = found;
  return data[list]?.includes(wanted) ? then : otherwise;
}
