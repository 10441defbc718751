/** The paths that are measured, and how each server is asked for the same thing. */

import { applicationLoginPlans, prepareApplicationLogins } from './application-logins.mjs';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const form = (fields) => new URLSearchParams(fields).toString();
const steady = (request) => ({ next: () => request });
const many = (count, make) => Array.from({ length: count }, (_, n) => make(n));

/** A connection that refreshes what the last answer gave it. */
function refreshing(path, first, fields) {
  let token = first;
  return {
    next: () => ({ path, headers: FORM, body: form({ grant_type: 'refresh_token', refresh_token: token, ...fields }) }),
    answered: (body) => {
      token = JSON.parse(body).refresh_token;
    },
  };
}

async function json(url, init) {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${text}`);
  return JSON.parse(text);
}

/** Signs a person in at the `test` provider, and gives the machine of this bench its credentials. */
async function prepareGatehouse({ url }, connections) {
  const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
  const signIn = (user) =>
    json(
      `${url}/oauth2/authorize?idp=test&scope=openid%20profile%20email&code_challenge=${challenge}&login_hint=${user}`,
      { headers: { accept: 'application/json' } },
    );
  const people = [];
  for (let n = 0; n < connections; n++) people.push(await signIn(`bench-${n}`));
  const machine = await json(`${url}/client-credentials`, {
    method: 'POST',
    headers: { authorization: `Bearer ${people[0].access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bench' }),
  });
  return { people, machine };
}

async function preparePeer({ url }, connections) {
  const people = [];
  for (let n = 0; n < connections; n++) people.push(await json(`${url}/bench/seed`));
  return people;
}

const PEER_CLIENT = { client_id: 'bench', client_secret: 'bench-secret-bench-secret-bench-secret' };
const ok = (field) => (status, body) => status === 200 && body.includes(field);

export async function contenders({ floor, gatehouse, peer }, connections) {
  const { people, machine } = await prepareGatehouse(gatehouse, connections);
  const peers = await preparePeer(peer, connections);
  const browsers = await prepareApplicationLogins({ gatehouse, peer });
  const logins = (steps) => applicationLoginPlans({ floor, gatehouse, peer }, browsers, connections, steps);
  const atFloor = (path, field) => ({
    ...floor,
    who: 'floor',
    callers: many(connections, () => steady({ path, headers: FORM, body: 'a=b' })),
    check: ok(field),
  });
  const ours = (make, field) => ({
    ...gatehouse,
    who: 'gatehouse',
    callers: many(connections, make),
    check: ok(field),
  });
  const theirs = (make, field) => ({
    ...peer,
    who: 'oidc-provider',
    callers: many(connections, make),
    check: ok(field),
  });
  const bearer = (token) => ({ authorization: `Bearer ${token}` });
  const grant = { grant_type: 'client_credentials' };
  const paths = [
    {
      path: 'client_credentials',
      target: '≥ 0.60 of the floor; peer ≥ 2.5 ×',
      plans: [
        atFloor('/sign', 'access_token'),
        ours(
          () =>
            steady({
              path: '/oauth2/token',
              headers: FORM,
              body: form({ ...grant, client_id: machine.client_id, client_secret: machine.client_secret }),
            }),
          'access_token',
        ),
        theirs(
          () => steady({ path: '/token', headers: FORM, body: form({ ...grant, ...PEER_CLIENT }) }),
          'access_token',
        ),
      ],
    },
    {
      path: 'introspection',
      target: '≥ 0.50 of the floor; peer ≥ 2.5 ×',
      plans: [
        atFloor('/read', 'value'),
        ours(
          (n) => steady({ path: '/oauth2/introspect', headers: FORM, body: form({ token: people[n].access_token }) }),
          '"active":true',
        ),
        theirs(
          (n) =>
            steady({
              path: '/token/introspection',
              headers: FORM,
              body: form({ token: peers[n].access_token, ...PEER_CLIENT }),
            }),
          '"active":true',
        ),
      ],
    },
    {
      path: 'userinfo',
      target: '≥ 0.50 of the floor; peer ≥ 2.5 ×',
      plans: [
        atFloor('/read', 'value'),
        ours(
          (n) => steady({ method: 'GET', path: '/oauth2/userinfo', headers: bearer(people[n].access_token) }),
          'email',
        ),
        theirs((n) => steady({ method: 'GET', path: '/me', headers: bearer(peers[n].access_token) }), 'email'),
      ],
    },
    {
      path: 'refresh',
      target: '≥ 0.50 of the floor; peer ≥ 2 ×',
      plans: [
        atFloor('/rotate', 'access_token'),
        ours((n) => refreshing('/oauth2/token', people[n].refresh_token, {}), 'refresh_token'),
        theirs((n) => refreshing('/token', peers[n].refresh_token, PEER_CLIENT), 'refresh_token'),
      ],
    },
    { path: 'authorize', plans: logins(1) },
    { path: 'application login', target: 'peer ≥ 2.5 ×', plans: logins(2) },
  ];
  return paths.flatMap(({ path, target, plans }) =>
    plans.map((plan) => ({ ...plan, path, ...(plan.who === 'gatehouse' ? { target } : {}) })),
  );
}
