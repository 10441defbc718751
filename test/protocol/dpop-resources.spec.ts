import { signInto } from '../harness/application.js';
import type { DpopKey } from '../harness/dpop-key.js';
import { bearer, codeAsTest, signInAsTest } from '../harness/sign-in.js';
import { ALGORITHMS, DpopSuite, expectRefused, phone, SPA, wiki } from './dpop-suite.js';
import { form, send } from './http.js';

let suite: DpopSuite;
let server: string;
let issuer: string;
let key: DpopKey;
let other: DpopKey;

beforeAll(async () => {
  suite = await DpopSuite.start();
  ({ server, issuer, key, other } = suite);
});
afterAll(() => suite.installation.stop());

describe('RFC 9449 §7.1 a resource of ours', () => {
  it('takes the token with a proof for this request, whatever the case of the scheme', async () => {
    const { access } = await suite.boundTokens(phone, 'fay');
    const { headers, body, status } = await suite.userinfo(await suite.showing(access));
    expect([status, body['email']]).toEqual([200, 'fay@test.tmi']);
    expect(headers['www-authenticate']).toBeUndefined();
    const { dpop } = await suite.showing(access);
    expect((await suite.userinfo({ authorization: `dpop ${access}`, dpop })).status).toBe(200);
    const posted = await form(`${server}/oauth2/userinfo`, {}, await suite.showing(access, key, 'POST'));
    expect(posted.status).toBe(200);
  });

  it('refuses everything else with 401 and the challenge DPoP', async () => {
    const { access } = await suite.boundTokens(phone, 'fay');
    const { access: sibling } = await suite.boundTokens(phone, 'fay');
    const good = await suite.showing(access);
    const target = `${issuer}/oauth2/userinfo`;
    const spent = await suite.showing(access);
    expect((await suite.userinfo(spent)).status).toBe(200);
    const authorization = `DPoP ${access}`;
    const wrong = [
      { authorization },
      spent,
      { authorization, dpop: await other.prove('GET', target, access) },
      { authorization, dpop: await key.prove('GET', target) },
      { authorization, dpop: await key.prove('GET', target, sibling) },
      { authorization, dpop: await key.prove('POST', target, access) },
      { authorization, dpop: await key.prove('GET', `${issuer}/users/me`, access) },
      { authorization, dpop: 'x' },
    ];
    for (const headers of wrong) {
      const answer = await suite.userinfo(headers);
      expectRefused(answer, 401, 'invalid_dpop_proof');
      expect(answer.headers['www-authenticate']).toMatch(
        new RegExp(
          `^DPoP realm="gatehouse", error="invalid_dpop_proof", error_description="[^"]+", algs="${ALGORITHMS}"$`,
        ),
      );
    }
    expect((await suite.userinfo(good)).status).toBe(200);
  });

  it('says invalid_token in the same challenge of a token that is not good', async () => {
    const { access, refresh: token } = await suite.boundTokens(phone, 'gus');
    await form(`${server}/oauth2/revoke`, { token, client_id: 'phone' });
    for (const headers of [await suite.showing(access), await suite.showing('x.y.z')]) {
      const answer = await suite.userinfo(headers);
      expectRefused(answer, 401, 'invalid_token');
      expect(answer.headers['www-authenticate']).toMatch(/^DPoP realm="gatehouse", error="invalid_token", .*algs="/);
    }
  });

  it('refuses a bearer token under this scheme, with whatever proof', async () => {
    const { access_token: token } = await signInto(server, phone, 'gus');
    expectRefused(await suite.userinfo(await suite.showing(token)), 401, 'invalid_token');
  });

  it('says insufficient_scope in the same challenge', async () => {
    const { access } = await suite.boundTokens(wiki, 'gus', { scope: 'email' });
    const answer = await suite.userinfo(await suite.showing(access));
    expectRefused(answer, 403, 'insufficient_scope');
    expect(answer.headers['www-authenticate']).toMatch(/^DPoP realm="gatehouse", error="insufficient_scope"/);
  });

  it('D30: opens to an application’s bound token no more than to its other ones', async () => {
    const { access } = await suite.boundTokens(wiki, 'gus');
    for (const path of ['/users/me', '/client-credentials', '/api/v1/organizations/default/applications']) {
      const answer = await send('GET', `${server}${path}`, { headers: await suite.showing(access, key, 'GET', path) });
      expect([path, answer.status]).toEqual([path, 403]);
    }
  });

  it('D28: an organization’s routes take a person’s bound token', async () => {
    const { code, verifier } = await codeAsTest(server, 'boss', SPA);
    const fields = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: SPA };
    const { body } = await form(`${server}/oauth2/token`, fields, await suite.headersOf(phone, key));
    const path = '/api/v1/organizations/default/applications';
    const access = String(body['access_token']);
    const shown = await send('GET', `${server}${path}`, { headers: await suite.showing(access, key, 'GET', path) });
    expect(shown.status).toBe(200);
    const stolen = await send('GET', `${server}${path}`, { headers: { authorization: `DPoP ${access}` } });
    expect(stolen.status).toBe(401);
  });
});

describe('RFC 9449 §7.2 beside the scheme Bearer', () => {
  it('refuses a bound token as a bearer, with its proof or without, and names both schemes', async () => {
    const { access } = await suite.boundTokens(phone, 'hal');
    const { dpop } = await suite.showing(access);
    for (const headers of [bearer(access), { ...bearer(access), dpop }]) {
      const answer = await suite.userinfo(headers);
      expectRefused(answer, 401, 'invalid_token');
      expect(answer.headers['www-authenticate']).toMatch(
        new RegExp(
          `^Bearer realm="gatehouse", error="invalid_token", .+, DPoP realm="gatehouse", algs="${ALGORITHMS}"$`,
        ),
      );
    }
    // D14: nor does it log out, for whoever stole it.
    expect((await form(`${server}/oauth2/revoke`, {}, bearer(access))).status).toBe(401);
    expect((await suite.userinfo(await suite.showing(access))).status).toBe(200);
  });

  it('names both schemes to who sent nothing', async () => {
    const { headers } = await suite.userinfo({});
    expect(headers['www-authenticate']).toBe(`Bearer realm="gatehouse", DPoP realm="gatehouse", algs="${ALGORITHMS}"`);
  });

  it('takes bearer tokens as before', async () => {
    const { access_token: token } = await signInAsTest(server, 'hal');
    expect((await suite.userinfo(bearer(token))).status).toBe(200);
  });
});

describe('D14 logout by a bound token', () => {
  it('ends the session of who proves the key, and of nobody else', async () => {
    const { access, refresh: token } = await suite.boundTokens(phone, 'iris');
    const logout = async (by: DpopKey) =>
      form(`${server}/oauth2/revoke`, {}, await suite.showing(access, by, 'POST', '/oauth2/revoke'));
    expectRefused(await logout(other), 401, 'invalid_dpop_proof');
    expect(await logout(key)).toMatchObject({ status: 200, body: { message: 'Logged out successfully' } });
    expectRefused(await suite.userinfo(await suite.showing(access)), 401, 'invalid_token');
    expectRefused(await suite.refresh(phone, token, key), 400, 'invalid_grant');
  });
});
