/**
 * The recipes of README.md and docs/recipes.md, followed literally: `npm start` with the YAML that stands there, the
 * application or the settings that stand there, a person at a browser. Free ports take the place of 8080 and 3000, and the
 * server that of login.example.com; nothing else changes.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import * as oidc from 'openid-client';
import { Grafana } from '../recipes/grafana.mjs';
import { application, asks, begin, gatehouse, signOutOfGatehouse } from '../recipes/installation.mjs';
import { blockOf } from '../recipes/markdown.mjs';
import { Person } from '../recipes/person.mjs';

const SHOP = 'Put Gatehouse in front of an Express app';

describe(`README: ${SHOP}`, () => {
  let recipe;

  before(async () => {
    recipe = await begin(blockOf('README.md', SHOP, 'yaml'));
    await recipe.run(blockOf('README.md', SHOP, 'js'));
  });
  after(() => recipe?.end());

  it('greets the person by name, and signs him in again without a word while his session lives', async () => {
    const alice = new Person('alice');
    const page = await alice.visit(`${application}/`);
    assert.deepEqual([page.url.href, page.text], [`${application}/`, 'Hello Alice Archer']);
    assert.equal((await alice.open(`${application}/login`)).text, 'Hello Alice Archer');
  });

  it('ends the session of the shop and the one at Gatehouse at /logout', async () => {
    const bob = new Person('bob');
    assert.equal((await bob.visit(`${application}/`)).text, 'Hello Bob Baker');
    const after = await bob.open(`${application}/logout`);
    assert.ok(bob.visited.some(({ pathname }) => pathname === '/oauth2/logout'));
    assert.ok(bob.visited.some(({ href }) => href === `${application}/`));
    assert.ok(asks(after), `${after.url} answered ${after.status}: ${after.text}`);
    assert.equal((await bob.visit(`${application}/`)).text, 'Hello Bob Baker');
  });
});

const GRAFANA = 'Put Gatehouse in front of Grafana';

describe(`README: ${GRAFANA}`, () => {
  const env = { GRAFANA_CLIENT_SECRET: randomBytes(32).toString('hex') };
  let recipe;
  let grafana;

  before(async () => {
    recipe = await begin(blockOf('README.md', GRAFANA, 'yaml'), env);
    grafana = await new Grafana(recipe.here(blockOf('README.md', GRAFANA, 'ini')), env).start();
  });
  after(async () => {
    await grafana?.stop();
    await recipe?.end();
  });

  const signIn = async (login) => {
    const person = new Person(login);
    const page = await person.visit(`${application}/login/generic_oauth`);
    assert.equal(page.status, 200, page.text);
    return { person, user: JSON.parse(page.text) };
  };
  const status = async (person) => (await person.open(`${application}/api/user`)).status;

  it('makes Alice an Admin and Bob a Viewer, by their groups; the secret goes in the header', async () => {
    const { user } = await signIn('alice');
    const { id, ...alice } = user;
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(alice, {
      name: 'Alice Archer',
      email: 'alice@idp.test',
      login: 'alice@idp.test',
      role: 'Admin',
      groups: ['admins', 'engineering'],
    });
    assert.equal((await signIn('bob')).user.role, 'Viewer');
    assert.equal(grafana.authStyle, 'header');
  });

  it('stays signed in when its access token has run out', async () => {
    const { person } = await signIn('alice');
    for (let times = 0; times < 3; times++) {
      grafana.letTokensExpire();
      assert.equal(await status(person), 200);
    }
  });

  it('signing out of Grafana leads back to its login page, asks nothing, and ends the session at Gatehouse', async () => {
    const { person } = await signIn('alice');
    const page = await person.open(`${application}/logout`);
    assert.deepEqual([page.url.href, page.text], [`${application}/login`, 'Welcome to Grafana']);
    const next = await person.open(`${application}/login/generic_oauth`);
    assert.ok(asks(next), `${next.url} answered ${next.status}: ${next.text}`);
  });

  it('without a good access token the person is asked whether to sign out', async () => {
    const { person } = await signIn('alice');
    grafana.letTokensExpire();
    const page = await person.open(`${application}/logout`);
    assert.match(page.text, /Sign out\?/);
  });

  it('whose session ended at Gatehouse is out of Grafana when the access token has run out', async () => {
    const { person } = await signIn('alice');
    await signOutOfGatehouse(person);
    assert.equal(await status(person), 200);
    grafana.letTokensExpire();
    assert.equal(await status(person), 401);
  });
});

const RECIPES = 'docs/recipes.md';
const env = Object.fromEntries(
  ['SHOP', 'PROXY', 'GITLAB', 'ARGOCD', 'WIKI'].map((name) => [`${name}_CLIENT_SECRET`, randomBytes(32).toString('base64url')]),
);

describe('docs/recipes.md: Express (express-openid-connect), told of logouts', () => {
  const heading = 'Express (express-openid-connect)';
  let recipe;

  before(async () => {
    recipe = await begin(blockOf(RECIPES, heading, 'yaml'), env);
    const [more, readme] = [blockOf(RECIPES, heading, 'js'), blockOf('README.md', SHOP, 'js')];
    const program = readme
      .replace("'a-secret-for-this-try-and-for-nothing-else'", 'process.env.SHOP_CLIENT_SECRET')
      .replace('idpLogout: true,', 'idpLogout: true, ...told,');
    await recipe.run(`${more}${program}`, env);
  });
  after(() => recipe?.end());

  it('ends its session when the person signs out at Gatehouse, and those in his other browsers', async () => {
    const [here, elsewhere] = [new Person('alice'), new Person('alice')];
    for (const person of [here, elsewhere])
      assert.equal((await person.visit(`${application}/`)).text, 'Hello Alice Archer');
    await signOutOfGatehouse(here);
    while (!asks(await here.open(`${application}/`)))
      await new Promise((again) => setTimeout(again, 50));
    elsewhere.visited.length = 0;
    assert.equal((await elsewhere.open(`${application}/`)).text, 'Hello Alice Archer');
    assert.ok(elsewhere.visited.some(({ pathname }) => pathname === '/oauth2/authorize'));
  });
});

describe('docs/recipes.md: Express (openid-client)', () => {
  const heading = 'Express (openid-client)';
  let recipe;

  before(async () => {
    recipe = await begin(blockOf(RECIPES, heading, 'yaml'), env);
    // What its comment says of an issuer on http://localhost.
    const program = blockOf(RECIPES, heading, 'js').replace(
      'process.env.SHOP_CLIENT_SECRET)',
      'process.env.SHOP_CLIENT_SECRET, undefined, { execute: [oidc.allowInsecureRequests] })',
    );
    const self = { ISSUER: gatehouse, SELF_URL: application, SESSION_SECRET: 'of-the-cookie' };
    await recipe.run(program, { ...env, ...self });
  });
  after(() => recipe?.end());

  it('greets the person by name', async () => {
    const bob = new Person('bob');
    assert.equal((await bob.visit(`${application}/`)).text, 'Hello Bob Baker');
  });
});

/** What stands in a recipe. */
const read = (block, pattern) => pattern.exec(block)?.[1] ?? assert.fail(`nothing of ${pattern} in:\n${block}`);
const words = (list) => list.match(/[\w-]+/g).join(' ');

describe('docs/recipes.md: what oauth2-proxy, GitLab and Argo CD are set to do goes', () => {
  // The two that the interop suite tries itself are taken by the server, too.
  const headings = ['oauth2-proxy', 'GitLab', 'Argo CD', 'Apache (mod_auth_openidc)', 'Auth.js'];
  const yaml = headings.map((heading) => blockOf(RECIPES, heading, 'yaml'));
  let recipe;

  before(async () => {
    const merged = yaml.map((block) => block.replace('applications:\n', '')).join('');
    recipe = await begin(`applications:\n${merged}`, env);
  });
  after(() => recipe?.end());

  /** Signs in as the product's settings say. */
  async function signIn({ issuer, id, secret, redirect, scope }) {
    const proof = secret === undefined ? oidc.None() : oidc.ClientSecretBasic(secret);
    const config = await oidc.discovery(new URL(recipe.here(issuer)), id, undefined, proof, {
      execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
    });
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const [expectedState, expectedNonce] = [oidc.randomState(), oidc.randomNonce()];
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirect,
      scope,
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: expectedState,
      nonce: expectedNonce,
    });
    const person = new Person('alice');
    const { url: answer } = await person.visit(url, (next) => next.href.startsWith(redirect));
    const checks = { pkceCodeVerifier, expectedState, expectedNonce };
    const tokens = await oidc.authorizationCodeGrant(config, answer, checks);
    return { person, tokens, claims: tokens.claims(), refresh: () => oidc.refreshTokenGrant(config, tokens.refresh_token) };
  }

  it('oauth2-proxy: e-mail address verified, group allowed, refresh, and its sign-out ends the session here', async () => {
    const cfg = blockOf(RECIPES, 'oauth2-proxy', 'ini');
    const { tokens, claims, refresh } = await signIn({
      issuer: read(cfg, /^oidc_issuer_url = "(.+)"$/m),
      id: read(cfg, /^client_id = "(.+)"$/m),
      secret: env.PROXY_CLIENT_SECRET,
      redirect: read(cfg, /^redirect_url = "(.+)"$/m),
      scope: read(cfg, /^scope = "(.+)"$/m),
    });
    assert.equal(claims.email_verified, true);
    assert.ok(claims.groups.includes(read(cfg, /^allowed_groups = \["(.+)"\]$/m)));
    const { id_token: idToken = tokens.id_token } = await refresh();
    const logout = read(cfg, /^backend_logout_url = "(.+)"$/m).replace('{id_token}', idToken);
    assert.equal((await fetch(recipe.here(logout))).status, 200);
    await assert.rejects(refresh(), { error: 'invalid_grant' });
  });

  it('GitLab: sub, name and e-mail address', async () => {
    const rb = blockOf(RECIPES, 'GitLab', 'ruby');
    const { claims } = await signIn({
      issuer: read(rb, /issuer: '(.+)'/),
      id: read(rb, /identifier: '(.+)'/),
      secret: env.GITLAB_CLIENT_SECRET,
      redirect: read(rb, /redirect_uri: '(.+)'/),
      scope: words(read(rb, /scope: \[(.+)\]/)),
    });
    assert.deepEqual([typeof claims.sub, claims.name, claims.email], ['string', 'Alice Archer', 'alice@idp.test']);
  });

  it('Argo CD: groups in the ID token, logout back to its address, and the command line', async () => {
    const yml = blockOf(RECIPES, 'Argo CD', 'yml');
    const common = {
      issuer: read(yml, /issuer: (.+)/),
      scope: words(read(yml, /requestedScopes: \[(.+)\]/)),
    };
    const url = read(yml, /url: (.+)/);
    const { person, tokens, claims } = await signIn({
      ...common,
      id: read(yml, /clientID: (.+)/),
      secret: env.ARGOCD_CLIENT_SECRET,
      redirect: `${url}/auth/callback`,
    });
    assert.ok(claims.groups.includes('engineering'));
    const logout = read(yml, /logoutURL: (.+)/)
      .replace('{{token}}', tokens.id_token)
      .replace('{{logoutRedirectURL}}', url);
    const end = await person.open(recipe.here(logout), (next) => next.origin === url);
    assert.equal(end.url.href, `${url}/`);
    const cli = { ...common, id: read(yml, /cliClientID: (.+)/), redirect: 'http://localhost:8085/auth/callback' };
    assert.equal((await signIn(cli)).claims.aud, 'argocd-cli');
  });
});
