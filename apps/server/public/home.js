/**
 * The development page: signs in as a first-party client would, in the browser, and shows what came back. Tokens stay
 * in this page's memory: closing it forgets them.
 */
const PENDING = 'gatehouse.sign-in';

const base = document.body.dataset.publicUrl;
const callback = `${base}/`;

const byId = (id) => document.getElementById(id);

/** Says something to everybody, screen readers too. */
function say(text, kind = 'quiet') {
  const status = byId('status');
  status.className = kind;
  status.textContent = text;
}

function element(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...properties });
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
}

/** Leaves for the provider; what is needed on the way back waits in this tab's session storage. */
async function signIn(provider) {
  const delivery = document.querySelector('input[name=delivery]:checked').value;
  const pending = { verifier: random(), state: random(), delivery };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const address = new URL(`${base}/oauth2/authorize`);
  address.search = new URLSearchParams({
    idp: provider.id,
    client_callback: callback,
    scope: 'openid profile email',
    state: pending.state,
    code_challenge: await challengeOf(pending.verifier),
    code_challenge_method: 'S256',
    ...(delivery === 'code' ? { response_type: 'code' } : {}),
  });
  location.assign(address);
}

async function providersAt(path) {
  const answer = await fetch(path, { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(`the list of providers answered ${answer.status}`);
  return (await answer.json()).providers;
}

async function showProviders() {
  // One namespace of ids (D55), and one way to begin for both kinds (D51).
  const lists = await Promise.all(['oauth2/providers', 'saml/providers'].map(providersAt));
  const providers = lists.flat();
  const list = byId('providers');
  list.replaceChildren(
    ...providers.map((provider) => {
      const item = document.createElement('li');
      const button = element('button', `Sign in with ${provider.name}`, { type: 'button' });
      button.addEventListener('click', () => signIn(provider).catch(fail));
      item.append(element('span', provider.id, { className: 'quiet' }), button);
      return item;
    }),
  );
  if (providers.length === 0)
    say('No provider is configured yet: add one under oauth_providers or saml_providers.', 'bad');
}

/** A text between single quotes of a POSIX shell. */
const quoted = (text) => `'${String(text).replaceAll("'", String.raw`'\''`)}'`;

function commandsFor(tokens) {
  const form = (fields) =>
    Object.entries(fields)
      .map(([name, value]) => `--data-urlencode ${quoted(`${name}=${value}`)}`)
      .join(' \\\n  ');
  const bearer = `-H ${quoted(`Authorization: Bearer ${tokens.access_token}`)}`;
  const commands = [
    ['Who is signed in', `curl -s ${base}/oauth2/userinfo \\\n  ${bearer}`],
    ['Is the token good', `curl -s ${base}/oauth2/introspect \\\n  ${form({ token: tokens.access_token })}`],
  ];
  if (tokens.refresh_token)
    commands.push([
      'New tokens',
      `curl -s ${base}/oauth2/token \\\n  ${form({ grant_type: 'refresh_token', client_id: callback, refresh_token: tokens.refresh_token })}`,
    ]);
  commands.push(['Log out', `curl -s -X POST ${base}/oauth2/revoke \\\n  ${bearer}`]);
  return commands;
}

function copyable(title, text) {
  const section = document.createElement('section');
  const heading = element('h3', title);
  const code = element('pre', text, { tabIndex: 0 });
  const button = element('button', `Copy: ${title}`, { type: 'button', className: 'plain' });
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(text).then(() => say(`Copied: ${title}`), fail);
  });
  section.append(heading, code, button);
  return section;
}

/** Ends the session here, then leaves for the logout at the identity provider, which ends at this page again (D52). */
async function logOutEverywhere(tokens) {
  const query = new URLSearchParams({ slo: 'true', post_logout_redirect_uri: callback });
  const answer = await fetch(`oauth2/revoke?${query}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${tokens.access_token}` },
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.error}: ${body.error_description}`);
  byId('result').hidden = true;
  byId('result').replaceChildren();
  if (body.slo_url === undefined) say('Signed out here. This identity provider offers no logout of its own.');
  else location.assign(body.slo_url);
}

function logOutButton(tokens) {
  const button = element('button', 'Log out, at the identity provider too', { type: 'button', className: 'plain' });
  button.addEventListener('click', () => {
    logOutEverywhere(tokens).catch(fail);
  });
  return button;
}

function claimsOf(jwt) {
  const [, payload] = jwt.split('.');
  const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

function showTokens(tokens) {
  const result = byId('result');
  result.hidden = false;
  result.replaceChildren(
    element('h2', 'You are signed in', { id: 'result-title', tabIndex: -1 }),
    logOutButton(tokens),
    copyable('Claims of the access token', JSON.stringify(claimsOf(tokens.access_token), null, 2)),
    copyable('Answer', JSON.stringify(tokens, null, 2)),
    ...commandsFor(tokens).map(([title, text]) => copyable(title, text)),
  );
  byId('result-title').focus();
}

async function redeem(code, pending) {
  const answer = await fetch('oauth2/token', {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      client_id: callback,
      redirect_uri: callback,
      code_verifier: pending.verifier,
    }),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.error}: ${body.error_description}`);
  return body;
}

/** What the address bar brought back, in the query (code) or in the fragment (tokens, D8); undefined: nothing. */
function outcome() {
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.slice(1));
  for (const parameters of [query, fragment])
    if (parameters.has('code') || parameters.has('access_token') || parameters.has('error')) return parameters;
  return undefined;
}

async function comeBack(parameters) {
  // Out of the address bar and the history before anything else is done with it.
  history.replaceState(null, '', location.pathname);
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? 'null');
  sessionStorage.removeItem(PENDING);
  if (parameters.has('error')) throw new Error(parameters.get('error_description') ?? parameters.get('error'));
  if (pending === null && parameters.has('access_token') && !parameters.has('state')) {
    // Where a sign-in may begin at an identity provider (D36) nobody here can have made a state for it. A real application
    // would ask the person before it takes such an account over; this page only shows what came.
    say('This sign-in was not begun here but at the identity provider.');
    showTokens(Object.fromEntries(parameters));
    return;
  }
  if (pending === null || parameters.get('state') !== pending.state)
    throw new Error('this sign-in was not begun in this tab; please begin again');
  if (!parameters.has('code')) {
    const tokens = Object.fromEntries(parameters);
    delete tokens.state;
    showTokens(tokens);
    return;
  }
  if (parameters.get('iss') !== base) throw new Error('the code comes from another issuer (RFC 9207)');
  showTokens(await redeem(parameters.get('code'), pending));
}

function fail(error) {
  say(`That did not work: ${error.message}`, 'bad');
}

async function main() {
  if (location.origin !== new URL(base).origin) {
    say(`Signing in works only at ${base}/: open that address.`, 'bad');
    return;
  }
  const came = outcome();
  await Promise.all([showProviders(), came === undefined ? undefined : comeBack(came)]);
}

main().catch(fail);
