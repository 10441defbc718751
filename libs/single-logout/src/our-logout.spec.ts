import { Logger } from '@nestjs/common';
import { SigningIdp } from '../../../test/harness/saml-idp.js';
import { readForm, readRedirect, type ReadMessage } from '../../../test/harness/saml-peer.js';
import { startTestVerifier } from '../../../test/harness/saml-workers.js';
import { form, json, send, type Answer } from '../../../test/protocol/http.js';
import {
  CALLBACK,
  IDP_SLO,
  ISSUER,
  named,
  providerOf,
  SIGNED_OUT,
  SLO_URL,
  TestServer,
  type SignedIn,
} from './single-logout.spec-support.js';

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const STATUS = 'urn:oasis:names:tc:SAML:2.0:status';

let verifier: Awaited<ReturnType<typeof startTestVerifier>>;
let idp: SigningIdp;
let posting: SigningIdp;
let quiet: SigningIdp;
let server: TestServer;

beforeAll(async () => {
  verifier = await startTestVerifier();
  const names = ['acme', 'posting', 'quiet'];
  const idps = await Promise.all(names.map((name) => SigningIdp.create({ entityId: `https://${name}.test/metadata` })));
  [idp, posting, quiet] = idps as [SigningIdp, SigningIdp, SigningIdp];
  server = await TestServer.start(verifier, [
    providerOf(idp),
    providerOf(posting, { bindings: ['post'] }, { id: 'posting' }),
    { ...providerOf(quiet, {}, { id: 'quiet' }), metadata: { kind: 'xml', xml: quiet.metadata({ ssoUrl: IDP_SLO }) } },
  ]);
});
afterAll(async () => {
  await server.close();
  await verifier.close();
});

let people = 0;
const signIn = (over: Partial<Parameters<TestServer['signIn']>[0]> = {}) =>
  server.signIn({ idp, nameId: named(`person-${people++}`), ...over });

const bearerOf = ({ accessToken }: SignedIn) => ({ authorization: `Bearer ${accessToken}` });
const logout = (person: SignedIn, query: Record<string, string> = {}) =>
  form(
    `${server.url}/oauth2/revoke?${new URLSearchParams({ slo: 'true', ...query }).toString()}`,
    {},
    bearerOf(person),
  );

/** One browser: it keeps our cookie and follows nothing by itself. */
class Browser {
  private cookie: Record<string, string> = {};

  get(address: unknown): Promise<Answer> {
    return this.keep(send('GET', here(address), { headers: { ...BROWSER, ...this.cookie } }));
  }
  /** From a page of the identity provider: our Lax cookie stays at home. */
  post(fields: Record<string, string>): Promise<Answer> {
    return this.keep(form(`${server.url}/saml/slo`, fields, BROWSER));
  }

  private async keep(asked: Promise<Answer>): Promise<Answer> {
    const answer = await asked;
    const [set] = answer.headers['set-cookie'] ?? [];
    if (set !== undefined) this.cookie = { cookie: set.split(';')[0] ?? '' };
    return answer;
  }
}

/** An address under our public URL, at the process of this test. */
function here(address: unknown): string {
  return String(address).replace(ISSUER, server.url);
}

const idOf = ({ xml }: ReadMessage) => / ID="([^"]+)"/.exec(xml)?.[1] ?? '';

/** From the ticket to the identity provider. */
async function depart(browser: Browser, person: SignedIn, query: Record<string, string> = {}): Promise<ReadMessage> {
  const { body } = await logout(person, query);
  const answer = await browser.get(body['slo_url']);
  return readRedirect(answer.headers.location, server.certificate);
}

interface Reply {
  readonly signer?: SigningIdp;
  readonly status?: readonly string[];
  readonly statusMessage?: string;
  readonly relayState?: string;
  readonly inResponseTo?: string;
  readonly sign?: 'query' | 'none';
}

/** The identity provider's answer to a LogoutRequest of ours, over Redirect. */
function answerTo(request: ReadMessage, over: Reply = {}): string {
  const {
    signer = idp,
    status,
    statusMessage,
    relayState = request.relayState,
    inResponseTo = idOf(request),
    sign = 'query',
  } = over;
  const { query } = signer.logoutResponseRedirect(
    {
      now: server.now,
      destination: SLO_URL,
      inResponseTo,
      ...(status === undefined ? {} : { status }),
      ...(statusMessage === undefined ? {} : { statusMessage }),
    },
    { sign, ...(relayState === undefined ? {} : { relayState }) },
  );
  return `${server.url}/saml/slo?${query}`;
}

describe('D52 a logout that began here', () => {
  it('ends the session at once, walks the identity provider’s logout, and ends at the target with the state', async () => {
    const browser = new Browser();
    const nameId = named('ada', { nameQualifier: 'https://acme.test/metadata', spNameQualifier: ISSUER });
    const person = await signIn({ nameId, sessionIndexes: ['_a', '_b'] });
    const begun = await logout(person, { post_logout_redirect_uri: SIGNED_OUT, state: 'a b&c' });
    expect([begun.status, begun.body]).toEqual([
      200,
      {
        message: 'Logged out successfully',
        slo_url: expect.stringMatching(/^https:\/\/login\.test\/saml\/logout\?ticket=/),
      },
    ]);
    expect([await server.isAlive(person), await server.refresh(person)]).toEqual([false, 401]);

    const away = await browser.get(begun.body['slo_url']);
    expect([away.status, away.headers['cache-control']]).toEqual([302, 'no-store']);
    expect(away.headers['set-cookie']?.[0]).toMatch(/^__Host-gatehouse-browser=/);
    const request = readRedirect(away.headers.location, server.certificate);
    expect(request.destination).toBe(IDP_SLO);
    expect(request.xml).toContain(
      'NameQualifier="https://acme.test/metadata" SPNameQualifier="https://login.test">ada<',
    );
    expect(request.xml.match(/<samlp:SessionIndex>[^<]+/g)).toEqual([
      '<samlp:SessionIndex>_a',
      '<samlp:SessionIndex>_b',
    ]);

    const back = await browser.get(answerTo(request));
    expect(back.status).toBe(302);
    const end = await browser.get(back.headers.location);
    expect([end.status, end.headers.location]).toEqual([302, `${SIGNED_OUT}?state=a+b%26c`]);
    expect((await server.audited('saml.logout')).at(-1)).toMatchObject({
      initiator: 'us',
      outcome: 'complete',
      sessions: [person.sessionId],
    });
  });

  it('over POST goes by form both ways, and without a target the person reads that he is signed out', async () => {
    const browser = new Browser();
    const { body } = await logout(await signIn({ idp: posting, provider: 'posting' }));
    const away = await browser.get(body['slo_url']);
    expect(away.headers['content-security-policy']).toContain("frame-ancestors 'none'");
    const request = await readForm(away.text, server.certificate);
    const { value } = posting.logoutResponsePost({
      now: server.now,
      destination: SLO_URL,
      inResponseTo: idOf(request),
    });
    const back = await browser.post({ SAMLResponse: value, RelayState: request.relayState ?? '' });
    expect(back.status).toBe(303);
    const end = await browser.get(back.headers.location);
    expect([end.status, end.text]).toEqual([200, expect.stringContaining('<h1>You are signed out</h1>')]);
  });

  it('takes the target from the body too, and one of the client’s own callbacks needs no list', async () => {
    for (const fields of [
      { post_logout_redirect_uri: CALLBACK, state: 's' },
      { postLogoutRedirectUri: CALLBACK, state: 's' },
    ]) {
      const [browser, person] = [new Browser(), await signIn()];
      const { body } = await json(`${server.url}/oauth2/revoke?slo=true`, fields, bearerOf(person));
      const request = readRedirect((await browser.get(body['slo_url'])).headers.location, server.certificate);
      const end = await browser.get((await browser.get(answerTo(request))).headers.location);
      expect(end.headers.location).toBe(`${CALLBACK}?state=s`);
    }
  });

  it.each([
    'https://evil.example/',
    `${SIGNED_OUT}/`,
    `${SIGNED_OUT}?x=1`,
    SIGNED_OUT.toUpperCase(),
    'javascript:alert(1)',
  ])('to %s is refused, and then nothing has ended', async (target) => {
    const person = await signIn();
    const answer = await logout(person, { post_logout_redirect_uri: target });
    expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_request']);
    expect(await server.isAlive(person)).toBe(true);
  });

  it('a callback of another client is no target', async () => {
    const person = await signIn({ clientId: ISSUER });
    expect((await logout(person, { post_logout_redirect_uri: CALLBACK })).status).toBe(400);
    expect(await server.isAlive(person)).toBe(true);
  });

  it('has no slo_url where the identity provider has no logout, and ends the session all the same', async () => {
    const person = await signIn({ idp: quiet, provider: 'quiet' });
    const answer = await logout(person);
    expect([answer.status, answer.body]).toEqual([200, { message: 'Logged out successfully' }]);
    expect(await server.isAlive(person)).toBe(false);
  });

  it('without slo=true is what it always was', async () => {
    const person = await signIn();
    const answer = await form(`${server.url}/oauth2/revoke`, {}, bearerOf(person));
    expect([answer.status, answer.body]).toEqual([200, { message: 'Logged out successfully' }]);
    expect((await logout(person)).status).toBe(401);
  });

  it('the ticket works once, and for two minutes', async () => {
    const [used, old] = [await logout(await signIn()), await logout(await signIn())];
    expect((await new Browser().get(used.body['slo_url'])).status).toBe(302);
    expect((await new Browser().get(used.body['slo_url'])).status).toBe(400);
    server.later(120_001);
    expect((await new Browser().get(old.body['slo_url'])).status).toBe(400);
    for (const address of ['ticket=x', 'ticket=', 'result=x', ''])
      expect((await new Browser().get(`${server.url}/saml/logout?${address}`)).status).toBe(400);
  });

  it('tells what the identity provider did not do, and then lets the person go on', async () => {
    for (const [status, says] of [
      [[`${STATUS}:Success`, `${STATUS}:PartialLogout`], 'could not reach every application'],
      [[`${STATUS}:Responder`], 'could not sign you out there'],
    ] as const) {
      const browser = new Browser();
      const request = await depart(browser, await signIn(), { post_logout_redirect_uri: SIGNED_OUT });
      const end = await browser.get((await browser.get(answerTo(request, { status }))).headers.location);
      expect(end.status).toBe(200);
      expect(end.text).toContain('You are signed out here');
      expect(end.text).toContain('Acme &lt;Inc&gt;');
      expect(end.text).toContain(says);
      expect(end.text).toContain(`<a href="${SIGNED_OUT}">`);
    }
    const outcomes = (await server.audited('saml.logout')).slice(-2).map((event) => event['outcome']);
    expect(outcomes).toEqual(['partial', 'failed']);
  });
});

describe('R15 the answer to our LogoutRequest', () => {
  it('is believed only when it is signed by that identity provider, for this request, and then still good', async () => {
    const browser = new Browser();
    const request = await depart(browser, await signIn());
    const other = await depart(new Browser(), await signIn());
    const forged: Reply[] = [
      { sign: 'none' },
      { signer: posting },
      { inResponseTo: '_0123' },
      { inResponseTo: idOf(other) },
      { relayState: other.relayState ?? '' },
    ];
    for (const over of forged) {
      const answer = await browser.get(answerTo(request, over));
      expect([over, answer.status, answer.text]).toEqual([over, 400, expect.stringContaining('was not accepted')]);
    }
    const back = await browser.get(answerTo(request));
    expect(back.status).toBe(302);
    expect((await browser.get(back.headers.location)).status).toBe(200);
  });

  it('unasked for is refused', async () => {
    // Refusals of one kind within a minute share a row.
    server.later(61_000);
    const before = (await server.audited('saml.refused')).length;
    const { query } = idp.logoutResponseRedirect({ now: server.now, destination: SLO_URL, inResponseTo: null });
    expect((await new Browser().get(`${server.url}/saml/slo?${query}`)).status).toBe(400);
    expect((await server.audited('saml.refused')).slice(before)).toMatchObject([
      { message: 'logout_response', check: 'in-response-to' },
    ]);
  });
});

describe('R31', () => {
  it('what the identity provider says of a failure reaches the log without control characters', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
    const browser = new Browser();
    const request = await depart(browser, await signIn());
    const said = { status: ['urn:x\u009b31m', 'urn:y'], statusMessage: 'no\u009b2J\u2028way' };
    expect((await browser.get(answerTo(request, said))).status).toBe(302);
    expect(warn.mock.calls).toContainEqual([
      {
        message: 'A logout at the identity provider was not complete',
        provider: 'acme',
        statusCodes: ['"urn:x 31m"', '"urn:y"'],
        statusMessage: '"no 2J way"',
      },
    ]);
    warn.mockRestore();
  });
});

describe('R22', () => {
  it('a request is answered once, and an outcome told once', async () => {
    const browser = new Browser();
    const request = await depart(browser, await signIn());
    const back = await browser.get(answerTo(request));
    expect((await browser.get(answerTo(request))).status).toBe(400);
    expect((await browser.get(back.headers.location)).status).toBe(200);
    expect((await browser.get(back.headers.location)).status).toBe(400);
  });
});

describe('D10', () => {
  it('only the browser that began the logout goes on to the target', async () => {
    const request = await depart(new Browser(), await signIn(), { post_logout_redirect_uri: SIGNED_OUT });
    const back = await new Browser().get(answerTo(request));
    const end = await new Browser().get(back.headers.location);
    expect([end.status, end.headers.location]).toEqual([400, undefined]);
  });
});
