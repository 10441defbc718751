import { applicationUrl, decide, redeem, signInto, walk, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { freePort } from '../harness/gatehouse.js';
import { basicAuthorization, bearer, claimsOf, pkcePair } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { form, send } from './http.js';
import { loginUpstream } from './upstream.js';

/**
 * The attacks of RFC 9700 §4 on this authorization server through its registered applications. Those that other tests show
 * are in test/conformance/rfc9700.yaml; those on redirect targets (§4.1) in rfc9700-redirect-targets.spec.ts.
 */
const SECRET = 'a-secret-of-these-applications-with-enough-characters';
const wiki: TestApplication = {
  clientId: 'wiki',
  clientSecret: SECRET,
  redirectUri: 'https://wiki.example/callback',
};
const chat: TestApplication = { ...wiki, clientId: 'chat', redirectUri: 'https://chat.example/cb?tenant=1' };
const phone: TestApplication = {
  clientId: 'phone',
  clientSecret: undefined,
  redirectUri: 'http://127.0.0.1:4000/callback',
};
const BYE = 'https://wiki.example/bye';
const YAML = `
applications:
  - { client_id: wiki, client_secret: ${SECRET}, name: The Wiki, redirect_uris: ['${wiki.redirectUri}'],
      post_logout_redirect_uris: ['${BYE}'] }
  - { client_id: chat, client_secret: ${SECRET}, name: Chat, redirect_uris: ['${chat.redirectUri}'], consent: skip,
      frontchannel_logout_uri: 'https://chat.example/out' }
  - { client_id: phone, name: Phone, redirect_uris: ['${phone.redirectUri}'] }
`;

let installation: Installation;
let server: string;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML, env: { TEST_IDP_PORT: String(await freePort()) } });
  server = installation.server.url;
});
afterAll(() => installation.stop());

const codeOf = (answer: URL) => String(answer.searchParams.get('code'));
const challenged = (challenge: string) => ({ code_challenge: challenge, code_challenge_method: 'S256' });
const pathTo = (path: string, parameters: Readonly<Record<string, string>>) => {
  const url = new URL(path, server);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
};

async function isActive(token: string): Promise<unknown> {
  return (await form(`${server}/oauth2/introspect`, { token })).body['active'];
}

/** A request that is refused at once by a redirect. */
const wrongUrl = () => applicationUrl(server, wiki, { response_type: 'token', state: 's' });

/** Every page that a person may be shown on the way in and out, with the answer that brought it. */
async function everyPage(): Promise<Map<string, Response>> {
  const pages = new Map<string, Response>();
  const browser = new Browser();
  const chooser = await browser.request(applicationUrl(server, wiki, { idp: undefined }));
  pages.set('the choice of providers', chooser);
  pages.set('an unknown client', await browser.request(applicationUrl(server, wiki, { client_id: 'nobody' })));
  pages.set('a callback out of nowhere', await browser.request(pathTo('/oauth2/callback', { state: 'x' })));
  pages.set('a question that is gone', await browser.request(pathTo('/oauth2/consent', { ticket: 'x' })));
  const asked = await browser.request(applicationUrl(server, wiki, { login_hint: 'ann' }));
  const consent = new URL(String(asked.headers.get('location')));
  const question = await browser.request(consent);
  pages.set('consent', question);
  const ticket = String(/name="ticket" value="([^"]+)"/.exec(await question.clone().text())?.[1]);
  const post = (path: string, fields: Readonly<Record<string, string>>) =>
    browser.request(`${server}${path}`, { method: 'POST', body: new URLSearchParams(fields) });
  pages.set('consent given', await post('/oauth2/consent', { ticket, decision: 'allow' }));
  const ask = async () => {
    const page = await browser.request(`${server}/oauth2/logout`);
    return { page, ticket: String(/name="ticket" value="([^"]+)"/.exec(await page.clone().text())?.[1]) };
  };
  const [stay, leave] = [await ask(), await ask()];
  pages.set('the question whether to sign out', stay.page);
  pages.set('staying', await post('/oauth2/logout/answer', { ticket: stay.ticket, decision: 'stay' }));
  pages.set('signed out', await post('/oauth2/logout/answer', { ticket: leave.ticket, decision: 'sign_out' }));
  const { id_token: hint } = await signInto(server, chat, 'bob', {}, browser);
  pages.set(
    'signed out, with frames',
    await browser.request(pathTo('/oauth2/logout', { id_token_hint: String(hint) })),
  );
  pages.set('a logout that is refused', await browser.request(pathTo('/oauth2/logout', { id_token_hint: 'x' })));
  return pages;
}

describe('RFC 9700 §4.2.4 §4.16 §4.17 every page of ours', () => {
  let pages: Map<string, Response>;
  beforeAll(async () => {
    pages = await everyPage();
  });

  it('was seen', () => {
    const seen = [...pages].map(([name, { status }]) => `${name}: ${status}`);
    expect(seen).toEqual([
      'the choice of providers: 200',
      'an unknown client: 400',
      'a callback out of nowhere: 400',
      'a question that is gone: 400',
      'consent: 200',
      'consent given: 200',
      'the question whether to sign out: 200',
      'staying: 200',
      'signed out: 200',
      'signed out, with frames: 200',
      'a logout that is refused: 400',
    ]);
  });

  it('§4.2.4 names itself to nobody, is kept by nobody, and loads nothing from elsewhere', async () => {
    for (const [name, page] of pages) {
      const { headers } = page;
      expect([name, headers.get('referrer-policy')]).toEqual([name, 'no-referrer']);
      expect([name, headers.get('cache-control')]).toEqual([name, 'no-store']);
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'self'; /);
      const loaded = [
        ...(await page.clone().text()).matchAll(/<(?:link|img|script|iframe)[^>]+(?:href|src)="([^"]+)"/g),
      ];
      const foreign = loaded.map(([, address = '']) => address).filter((address) => !address.startsWith('/'));
      const allowed = name === 'signed out, with frames' ? [expect.stringContaining('https://chat.example/out?')] : [];
      expect([name, foreign]).toEqual([name, allowed]);
    }
  });

  it('§4.16 lets nobody frame it', () => {
    for (const [name, { headers }] of pages)
      expect([name, headers.get('content-security-policy')]).toEqual([
        name,
        expect.stringMatching(/frame-ancestors 'none'$/),
      ]);
  });

  it('§4.17 runs no script, so it sends no message to any window', async () => {
    for (const [name, page] of pages) {
      expect([name, page.headers.get('content-security-policy')]).toEqual([
        name,
        expect.not.stringMatching(/unsafe|script-src (?!'none')/),
      ]);
      expect(await page.clone().text()).not.toMatch(/<script|\son\w+=|<style|\sstyle=|javascript:/i);
    }
  });
});

describe('RFC 9700 §4.5 a stolen code', () => {
  it('§4.5.3.1 is nothing in a session that began with another challenge, and is not used up there', async () => {
    const [victim, attacker] = [pkcePair(), pkcePair()];
    const url = applicationUrl(server, wiki, { login_hint: 'ann', ...challenged(victim.challenge) });
    const code = codeOf((await walk(new Browser(), url, wiki.redirectUri)).answer);
    const injected = await redeem(server, wiki, code, { code_verifier: attacker.verifier });
    expect(injected).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect((await redeem(server, wiki, code, { code_verifier: victim.verifier })).status).toBe(200);
  });

  it('§4.5.3.2 betrays itself by the nonce of whoever asked for it, where a confidential application sends no challenge', async () => {
    const url = applicationUrl(server, wiki, { login_hint: 'ann', nonce: 'of-the-victim' });
    const code = codeOf((await walk(new Browser(), url, wiki.redirectUri)).answer);
    const { body } = await redeem(server, wiki, code);
    expect(claimsOf(String(body['id_token']))['nonce']).toBe('of-the-victim');
  });

  it('is nothing in the hands of another application, with its own good secret or without', async () => {
    const { verifier, challenge } = pkcePair();
    const url = applicationUrl(server, phone, { login_hint: 'ann', ...challenged(challenge) });
    const code = codeOf((await walk(new Browser(), url, phone.redirectUri)).answer);
    for (const thief of [wiki, chat])
      for (const redirectUri of [thief.redirectUri, phone.redirectUri])
        expect(await redeem(server, { ...thief, redirectUri }, code, { code_verifier: verifier })).toMatchObject({
          status: 400,
          body: { error: 'invalid_grant' },
        });
    expect((await redeem(server, phone, code, { code_verifier: verifier })).status).toBe(200);
  });

  it('is good once, also for twenty who come at once', async () => {
    const { verifier, challenge } = pkcePair();
    const url = applicationUrl(server, wiki, { login_hint: 'ann', ...challenged(challenge) });
    const code = codeOf((await walk(new Browser(), url, wiki.redirectUri)).answer);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => redeem(server, wiki, code, { code_verifier: verifier })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});

describe('RFC 9700 §4.4.2.1 mix-up', () => {
  it('every answer names us, as metadata announces: codes, refusals of ours and of the person', async () => {
    const { body } = await send('GET', `${server}/.well-known/oauth-authorization-server`);
    expect(body).toMatchObject({ authorization_response_iss_parameter_supported: true });
    const answers = [
      await walk(new Browser(), applicationUrl(server, wiki, { login_hint: 'mia' }), wiki.redirectUri, 'deny'),
      await walk(new Browser(), applicationUrl(server, wiki, { login_hint: 'mia' }), wiki.redirectUri),
      await walk(new Browser(), applicationUrl(server, wiki, { prompt: 'none' }), wiki.redirectUri),
      await walk(new Browser(), wrongUrl(), wiki.redirectUri),
    ].map(({ answer }) => answer.searchParams);
    expect(answers.map((answer) => answer.get('error'))).toEqual([
      'access_denied',
      null,
      'login_required',
      'unsupported_response_type',
    ]);
    for (const answer of answers) expect(answer.getAll('iss')).toEqual([installation.server.publicUrl]);
  });
});

describe('RFC 9700 §4.8.2 a challenge that was taken away', () => {
  it('on the way of a public application ends at once', async () => {
    const { answer } = await walk(new Browser(), applicationUrl(server, phone), phone.redirectUri);
    expect(answer.searchParams.get('error')).toBe('invalid_request');
  });

  it('on the way of a confidential one makes a code that its verifier does not redeem', async () => {
    const url = applicationUrl(server, wiki, { login_hint: 'ann' });
    const code = codeOf((await walk(new Browser(), url, wiki.redirectUri)).answer);
    const answer = await redeem(server, wiki, code, { code_verifier: pkcePair().verifier });
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it.each([['plain'], ['S512'], ['s256'], ['']])('does not become the method %j', async (method) => {
    const parameters = { code_challenge: pkcePair().challenge, code_challenge_method: method };
    const { answer } = await walk(new Browser(), applicationUrl(server, wiki, parameters), wiki.redirectUri);
    expect(answer.searchParams.get('error')).toBe('invalid_request');
  });
});

describe('RFC 9700 §4.12 307', () => {
  it('is never an answer: a form of the person is not sent on', async () => {
    const seen: { method: string; status: number; path: string }[] = [];
    class Recorder extends Browser {
      override async request(url: string | URL, init: RequestInit = {}): Promise<Response> {
        const response = await super.request(url, init);
        if (new URL(url).origin === new URL(server).origin)
          seen.push({ method: init.method ?? 'GET', status: response.status, path: new URL(url).pathname });
        return response;
      }
    }
    const browser = new Recorder();
    const { searchParams: body } = applicationUrl(server, wiki, { idp: 'dev' });
    const begun = await browser.request(`${server}/oauth2/authorize`, { method: 'POST', body });
    const back = await loginUpstream(browser, String(begun.headers.get('location')), 'alice');
    await walk(browser, back, wiki.redirectUri);
    const again = await browser.request(`${server}/oauth2/authorize`, { method: 'POST', body });
    expect(again.headers.get('location')).toMatch(/^https:\/\/wiki\.example\/callback\?code=/);
    const refused = new URLSearchParams({ ...Object.fromEntries(body), response_type: 'token' });
    await browser.request(`${server}/oauth2/authorize`, { method: 'POST', body: refused });
    const logout = new URLSearchParams({ client_id: 'wiki', post_logout_redirect_uri: BYE });
    const question = await browser.request(`${server}/oauth2/logout`, { method: 'POST', body: logout });
    const ticket = String(/name="ticket" value="([^"]+)"/.exec(await question.text())?.[1]);
    const answer = new URLSearchParams({ ticket, decision: 'sign_out' });
    await browser.request(`${server}/oauth2/logout/answer`, { method: 'POST', body: answer });
    const posts = seen.filter(({ method }) => method === 'POST').map(({ path, status }) => `${path} ${status}`);
    expect(posts).toEqual([
      '/oauth2/authorize 303',
      '/oauth2/consent 200',
      '/oauth2/authorize 303',
      '/oauth2/authorize 303',
      '/oauth2/logout 200',
      '/oauth2/logout/answer 200',
    ]);
    for (const { status } of seen) expect([200, 302, 303]).toContain(status);
  });
});

describe('RFC 9700 §4.14.2 a stolen refresh token', () => {
  const turn = async ({ clientId, clientSecret }: TestApplication, token: unknown) => {
    const fields = { grant_type: 'refresh_token', refresh_token: String(token) };
    const own: Record<string, string> = clientSecret === undefined ? { ...fields, client_id: clientId } : fields;
    const headers = clientSecret === undefined ? {} : basicAuthorization(clientId, clientSecret);
    return (await form(`${server}/oauth2/token`, own, headers)).body;
  };

  it.each([
    ['of a public application', phone],
    ['of a confidential one, stolen with its secret', wiki],
  ])('%s: whoever comes second ends it for both, access tokens too', async (_whose, application) => {
    const owner = await signInto(server, application, 'olga');
    const thief = await turn(application, owner.refresh_token);
    const further = await turn(application, thief['refresh_token']);
    expect(further['refresh_token']).toMatch(/^gth_rt_/);
    expect((await turn(application, owner.refresh_token))['error']).toBe('invalid_grant');
    expect((await turn(application, further['refresh_token']))['error']).toBe('invalid_grant');
    for (const { access_token: token } of [owner, thief, further]) expect(await isActive(String(token))).toBe(false);
  });

  it('is nothing in the hands of another application, and of nobody', async () => {
    const owner = await signInto(server, phone, 'paul');
    for (const thief of [wiki, chat]) expect((await turn(thief, owner.refresh_token))['error']).toBe('invalid_grant');
    const nobody = await form(`${server}/oauth2/token`, {
      grant_type: 'refresh_token',
      refresh_token: owner.refresh_token,
    });
    expect(nobody.body['error']).toBe('invalid_grant');
    expect(await turn(phone, owner.refresh_token)).toHaveProperty('access_token');
  });
});

describe('RFC 9700 §4.7 R20 consent for another', () => {
  it('is asked of one browser: a person whom somebody leads to his own question gives nothing away', async () => {
    const attacker = new Browser();
    const begun = await attacker.request(applicationUrl(server, wiki, { login_hint: 'eve' }));
    const page = new URL(String(begun.headers.get('location')));
    const html = await (await attacker.request(page)).text();
    const victim = await signInto(server, chat, 'ida');
    const shown = await victim.browser.request(page);
    expect([shown.status, shown.headers.get('location')]).toEqual([400, null]);
    await expect(decide(victim.browser, page, html, 'allow')).rejects.toThrow('400');
    expect(codeOf(await decide(attacker, page, html, 'allow'))).toMatch(/^gth_ac_/);
  });
});

describe('RFC 9700 §4.7 R19 a form that another site sends with the person’s cookies', () => {
  it.each<[string, Record<string, string>]>([
    ['a neighbouring host', { 'sec-fetch-site': 'same-site', origin: 'null' }],
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['another origin, in a browser that says no more', { origin: 'http://localhost:1' }],
  ])('from %s allows nothing and ends nothing, and uses nothing up', async (_whose, headers) => {
    const browser = new Browser();
    const begun = await browser.request(applicationUrl(server, wiki, { login_hint: 'sam', prompt: 'consent' }));
    const page = new URL(String(begun.headers.get('location')));
    const html = await (await browser.request(page)).text();
    const send = (path: string, text: string, decision: string, more: Record<string, string>) => {
      const ticket = String(/name="ticket" value="([^"]+)"/.exec(text)?.[1]);
      const body = new URLSearchParams({ ticket, decision });
      return browser.request(`${server}${path}`, { method: 'POST', body, headers: more });
    };
    const own = { 'sec-fetch-site': 'same-origin', origin: 'null' };
    const question = await (await browser.request(`${server}/oauth2/logout`)).text();
    const leave = (more: Record<string, string>) => send('/oauth2/logout/answer', question, 'sign_out', more);
    expect((await leave(headers)).status).toBe(400);
    expect((await send('/oauth2/consent', html, 'allow', headers)).status).toBe(400);
    const allowed = await send('/oauth2/consent', html, 'allow', own);
    expect(allowed.headers.get('refresh')).toContain('code=gth_ac_');
    expect((await leave(own)).status).toBe(200);
  });
});

describe('RFC 9700 §4.3 R31 the log', () => {
  it('has nothing that opens anything, after sign-in, refresh, replay and logout', async () => {
    const browser = new Browser();
    const { verifier, challenge } = pkcePair();
    const url = applicationUrl(server, wiki, { login_hint: 'leo', nonce: 'n-of-leo', ...challenged(challenge) });
    const begun = await browser.request(url);
    const page = new URL(String(begun.headers.get('location')));
    const answer = await decide(browser, page, await (await browser.request(page)).text(), 'allow');
    const code = codeOf(answer);
    const { body: tokens } = await redeem(server, wiki, code, { code_verifier: verifier });
    await redeem(server, wiki, code, { code_verifier: verifier });
    await redeem(server, { ...wiki, clientSecret: 'a-wrong-secret-of-somebody' }, code);
    const refresh = { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) };
    await form(`${server}/oauth2/token`, refresh, basicAuthorization('wiki', SECRET));
    await send('GET', `${server}/oauth2/userinfo`, { headers: bearer(String(tokens['access_token'])) });
    await send('GET', `${server}/oauth2/userinfo?access_token=${String(tokens['access_token'])}`);
    const cookies = [...browser.cookies('localhost').values()];
    await browser.request(pathTo('/oauth2/logout', { id_token_hint: String(tokens['id_token']) }));
    const log = await installation.server.logged();
    expect(log).toContain('/oauth2/token');
    expect(cookies).toHaveLength(2);
    const secrets = [code, verifier, SECRET, 'a-wrong-secret-of-somebody', page.searchParams.get('ticket'), ...cookies];
    for (const secret of [...secrets, tokens['access_token'], tokens['refresh_token'], tokens['id_token']]) {
      expect(typeof secret).toBe('string');
      expect(log).not.toContain(secret);
    }
  });
});
