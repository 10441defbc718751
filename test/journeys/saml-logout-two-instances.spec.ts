import { Browser } from '../harness/browser.js';
import { startGatehouse, type Gatehouse } from '../harness/gatehouse.js';
import { SigningIdp } from '../harness/saml-idp.js';
import { beginSaml, formOf, postToAcs, ticketOf } from '../harness/saml-login.js';
import { readRedirect } from '../harness/saml-peer.js';
import { bearer, postForm } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { form, json, send } from '../protocol/http.js';
import { locationOf } from '../protocol/upstream.js';

const CALLBACK = 'https://app.example/callback';
const SIGNED_OUT = 'https://app.example/signed-out';
const TRANSIENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient';

let installation: Installation;
let second: Gatehouse;
let issuer: string;
let idp: SigningIdp;
let certificate: string;

beforeAll(async () => {
  idp = await SigningIdp.create();
  const metadata = idp.metadata({ ssoUrl: 'https://idp.test/sso', sloUrl: 'https://idp.test/slo' });
  const yaml = `
client_callbacks: ["${CALLBACK}"]
saml: { post_logout_redirect_uris: ["${SIGNED_OUT}"] }
saml_providers:
  - id: acme
    name: Acme
    metadata_xml: ${JSON.stringify(metadata)}
    attributes: { subject: uid }
`;
  installation = await startInstallation({ yaml });
  const { databaseUrl, redisUrl } = installation;
  issuer = installation.server.publicUrl;
  second = await startGatehouse({ yaml, databaseUrl, redisUrl, publicUrl: issuer });
  const sp = await (await fetch(`${issuer}/saml/acme/metadata`)).text();
  certificate = /<(?:\w+:)?X509Certificate>([^<]+)</.exec(sp)?.[1]?.replaceAll(/\s/g, '') ?? '';
});
afterAll(async () => {
  await second.stop();
  await installation.stop();
});

interface Person {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly nameId: { readonly value: string; readonly format: string };
}

/** Signs in, begun at one server and answered at the other; the NameID is a transient one, as IdPs like them. */
async function signIn(sessionIndex: string, value = `_${Math.random()}`): Promise<Person> {
  const browser = new Browser();
  const asked = await beginSaml(browser, `${issuer}/saml/acme/login?client_callback=${encodeURIComponent(CALLBACK)}`);
  const nameId = { value, format: TRANSIENT };
  const response = idp.response({
    now: new Date(),
    acsUrl: `${issuer}/saml/acs`,
    audience: `${issuer}/saml/acme/metadata`,
    inResponseTo: asked.requestId,
    assertion: { nameId, authn: { sessionIndex }, attributes: { uid: 'alice', mail: 'alice@acme.test' } },
  });
  const ticket = await ticketOf(await postToAcs(second.url, response.value, asked.relayState));
  const target = await locationOf(await browser.request(ticket));
  const tokens = new URLSearchParams(target.hash.slice(1));
  return { nameId, accessToken: tokens.get('access_token') ?? '', refreshToken: tokens.get('refresh_token') ?? '' };
}

/** What each server says of the token at this moment. */
async function goodAt({ accessToken }: Person): Promise<boolean[]> {
  const answers = await Promise.all(
    [issuer, second.url].map((server) => send('GET', `${server}/oauth2/userinfo`, { headers: bearer(accessToken) })),
  );
  return answers.map(({ status }) => status === 200);
}

const asked = ({ nameId }: Person) => ({ now: new Date(), destination: `${issuer}/saml/slo`, nameId });

describe('D25 two instances', () => {
  it('a LogoutRequest at one kills the tokens at the other by the next request', async () => {
    for (const [told, other] of [
      [issuer, second.url],
      [second.url, issuer],
    ] as const) {
      const person = await signIn('_1');
      expect(await goodAt(person)).toEqual([true, true]);
      const { query, id } = idp.logoutRequestRedirect(asked(person), { relayState: 'theirs' });
      const answer = await send('GET', `${told}/saml/slo?${query}`, { headers: { accept: 'text/html' } });
      const userinfo = await send('GET', `${other}/oauth2/userinfo`, { headers: bearer(person.accessToken) });
      expect([answer.status, userinfo.status]).toEqual([302, 401]);
      const response = readRedirect(answer.headers.location, certificate);
      expect(response).toMatchObject({ destination: 'https://idp.test/slo', relayState: 'theirs' });
      expect(response.xml).toContain(`InResponseTo="${id}"`);
      expect((await json(`${other}/oauth2/refresh`, { refresh_token: person.refreshToken })).status).toBe(401);
    }
  });

  it('over POST too, and only the session that it names', async () => {
    const [one, two] = [await signIn('_a', '_same'), await signIn('_b', '_same')];
    const { value } = idp.logoutRequestPost({ ...asked(one), sessionIndexes: ['_a'] });
    const answer = await form(`${second.url}/saml/slo`, { SAMLRequest: value }, { accept: 'text/html' });
    expect([await goodAt(one), await goodAt(two)]).toEqual([
      [false, false],
      [true, true],
    ]);
    expect(formOf(answer.text)).toMatchObject({ action: 'https://idp.test/slo' });
  });

  it('R14: one that was used at one is refused at the other', async () => {
    const person = await signIn('_1');
    const { query } = idp.logoutRequestRedirect(asked(person));
    const at = (server: string) => send('GET', `${server}/saml/slo?${query}`);
    const answers = await Promise.all([at(issuer), at(second.url), at(issuer), at(second.url)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([302, 400, 400, 400]);
    expect(await goodAt(person)).toEqual([false, false]);
  });

  it('a login that was on its way when its logout came begins no session, at either', async () => {
    const value = '_late';
    const first = await signIn('_1', value);
    const browser = new Browser();
    const login = await beginSaml(browser, `${issuer}/saml/acme/login?client_callback=${encodeURIComponent(CALLBACK)}`);
    const response = idp.response({
      now: new Date(),
      acsUrl: `${issuer}/saml/acs`,
      audience: `${issuer}/saml/acme/metadata`,
      inResponseTo: login.requestId,
      assertion: { nameId: first.nameId, attributes: { uid: 'alice', mail: 'alice@acme.test' } },
    });
    const ticket = await ticketOf(await postToAcs(issuer, response.value, login.relayState));
    await send('GET', `${second.url}/saml/slo?${idp.logoutRequestRedirect(asked(first)).query}`);
    const target = await locationOf(await browser.request(ticket));
    expect(target.href).toContain('error=access_denied');
  });
});

describe('D52 two instances', () => {
  it('share our own logout: begun at one, sent to the identity provider by the other, answered at the first', async () => {
    const person = await signIn('_1');
    const query = new URLSearchParams({ slo: 'true', post_logout_redirect_uri: SIGNED_OUT, state: 's' });
    const begun = await postForm(`${issuer}/oauth2/revoke?${query.toString()}`, {}, bearer(person.accessToken));
    expect(begun.status).toBe(200);
    expect(await goodAt(person)).toEqual([false, false]);
    const browser = new Browser();
    const at = (server: string, address: URL) => browser.request(new URL(address.pathname + address.search, server));
    const sent = await locationOf(await at(second.url, new URL(String(begun.body['slo_url']))));
    const request = readRedirect(sent.href, certificate);
    expect(request.xml).toContain(`>${person.nameId.value}</saml:NameID><samlp:SessionIndex>_1<`);
    const { query: answer } = idp.logoutResponseRedirect(
      {
        now: new Date(),
        destination: `${issuer}/saml/slo`,
        inResponseTo: / ID="([^"]+)"/.exec(request.xml)?.[1] ?? '',
      },
      { relayState: request.relayState ?? '' },
    );
    const back = await locationOf(await browser.request(`${issuer}/saml/slo?${answer}`));
    const end = await locationOf(await at(second.url, back));
    expect(end.href).toBe(`${SIGNED_OUT}?state=s`);
  });
});
