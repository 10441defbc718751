import fc from 'fast-check';
import { SigningIdp, type PostMessage } from '../../../test/harness/saml-idp.js';
import { readForm, readRedirect } from '../../../test/harness/saml-peer.js';
import { startTestVerifier } from '../../../test/harness/saml-workers.js';
import { form, send, type Answer } from '../../../test/protocol/http.js';
import { IDP_SLO, named, providerOf, SLO_URL, TestServer, type SignedIn } from './single-logout.spec-support.js';

const SUCCESS = '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>';
const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const API = { accept: 'application/json' };

let verifier: Awaited<ReturnType<typeof startTestVerifier>>;
let idp: SigningIdp;
let shared: SigningIdp;
let quiet: SigningIdp;
let disabled: SigningIdp;
let stranger: SigningIdp;
let server: TestServer;

beforeAll(async () => {
  verifier = await startTestVerifier();
  const names = ['acme', 'shared', 'quiet', 'disabled', 'stranger'];
  const idps = await Promise.all(names.map((name) => SigningIdp.create({ entityId: `https://${name}.test/metadata` })));
  [idp, shared, quiet, disabled, stranger] = idps as [SigningIdp, SigningIdp, SigningIdp, SigningIdp, SigningIdp];
  server = await TestServer.start(verifier, [
    providerOf(idp),
    providerOf(shared, { sloResponseUrl: 'https://idp.test/answers', bindings: ['post'] }, { id: 'one' }),
    providerOf(shared, {}, { id: 'two' }),
    { ...providerOf(quiet, {}, { id: 'quiet' }), metadata: { kind: 'xml', xml: quiet.metadata({ ssoUrl: IDP_SLO }) } },
    providerOf(disabled, {}, { id: 'disabled', enabled: false }),
  ]);
});
afterAll(async () => {
  await server.close();
  await verifier.close();
});

let people = 0;
const somebody = () => named(`person-${people++}`);

/** What every LogoutRequest of these tests says unless it says otherwise. */
const about = (nameId: ReturnType<typeof named>) => ({
  now: server.now,
  destination: SLO_URL,
  nameId: { value: nameId.value, format: nameId.format ?? null },
});
const byRedirect = (query: string, headers: Record<string, string> = BROWSER) =>
  send('GET', `${server.url}/saml/slo?${query}`, { headers });
const byPost = (
  { value }: Pick<PostMessage, 'value'>,
  headers: Record<string, string> = BROWSER,
  relayState?: string,
) =>
  form(
    `${server.url}/saml/slo`,
    { SAMLRequest: value, ...(relayState === undefined ? {} : { RelayState: relayState }) },
    headers,
  );

describe('D25 a logout at the identity provider', () => {
  it('over Redirect ends session, access token and refresh family, and is answered over Redirect', async () => {
    const nameId = somebody();
    const person = await server.signIn({ idp, nameId });
    const { id, query } = idp.logoutRequestRedirect(about(nameId), { relayState: 'their state & more' });
    const answer = await byRedirect(query);
    expect([answer.status, answer.headers['cache-control']]).toEqual([302, 'no-store']);
    const response = readRedirect(answer.headers.location, server.certificate);
    expect(response).toMatchObject({ destination: IDP_SLO, relayState: 'their state & more' });
    expect(response.xml).toContain(` InResponseTo="${id}"`);
    expect(response.xml).toContain(`<saml:Issuer>https://login.test/saml/acme/metadata</saml:Issuer>`);
    expect(response.xml).toContain(SUCCESS);
    expect(await server.isAlive(person)).toBe(false);
    expect(await server.refresh(person)).toBe(401);
    const [ended] = (await server.audited('saml.logout')).slice(-1);
    expect(ended).toMatchObject({ initiator: 'idp', outcome: 'complete', sessions: [person.sessionId] });
    const reasons = await server.audited('session.ended');
    expect(reasons.at(-1)).toMatchObject({ reason: 'saml_logout' });
  });

  it('over POST is answered over POST, by a form that goes to the identity provider', async () => {
    const nameId = somebody();
    const person = await server.signIn({ idp, nameId });
    const message = idp.logoutRequestPost(about(nameId));
    const answer = await byPost(message, BROWSER, '<"their">');
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(answer.text).toContain('value="&lt;&quot;their&quot;&gt;"');
    const response = await readForm(answer.text, server.certificate);
    expect(response.destination).toBe(IDP_SLO);
    expect(response.xml).toContain(` InResponseTo="${message.id}"`);
    expect(response.xml).toContain(SUCCESS);
    expect(await server.isAlive(person)).toBe(false);
  });

  it('is answered at the ResponseLocation, and by the other binding where that alone is offered', async () => {
    const nameId = somebody();
    const person = await server.signIn({ idp: shared, provider: 'one', nameId });
    const answer = await byRedirect(shared.logoutRequestRedirect(about(nameId)).query);
    expect((await readForm(answer.text, server.certificate)).destination).toBe('https://idp.test/answers');
    expect(await server.isAlive(person)).toBe(false);
  });

  it('where the identity provider has no address for answers, the person reads that it is done', async () => {
    const nameId = somebody();
    const person = await server.signIn({ idp: quiet, provider: 'quiet', nameId });
    const answer = await byRedirect(quiet.logoutRequestRedirect(about(nameId)).query);
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('You are signed out')]);
    expect(await server.isAlive(person)).toBe(false);
  });

  it('answers the seed’s client with JSON in place of a redirect', async () => {
    const [nameId, other] = [somebody(), somebody()];
    const [person, second] = [await server.signIn({ idp, nameId }), await server.signIn({ idp, nameId: other })];
    for (const answer of [
      await byRedirect(idp.logoutRequestRedirect(about(nameId)).query, API),
      await byPost(idp.logoutRequestPost(about(other)), API),
    ])
      expect([answer.status, answer.headers['content-type'], answer.body]).toEqual([
        200,
        'application/json',
        { message: 'Logged out successfully' },
      ]);
    expect([await server.isAlive(person), await server.isAlive(second)]).toEqual([false, false]);
  });

  it('with indexes ends exactly the sessions whose index it names; without, all of the person', async () => {
    const index = fc.constantFrom('_1', '_2', '_3');
    const indexes = fc.uniqueArray(index, { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.array(indexes, { minLength: 1, maxLength: 4 }), indexes, async (all, sessionIndexes) => {
        const nameId = somebody();
        const begun: SignedIn[] = [];
        for (const one of all) begun.push(await server.signIn({ idp, nameId, sessionIndexes: one }));
        const bystander = await server.signIn({ idp, nameId: somebody(), sessionIndexes: ['_1', '_2', '_3'] });
        await byRedirect(idp.logoutRequestRedirect({ ...about(nameId), sessionIndexes }).query);
        const alive = await Promise.all(begun.map((one) => server.isAlive(one)));
        expect(alive).toEqual(
          all.map((own) => sessionIndexes.length > 0 && !own.some((one) => sessionIndexes.includes(one))),
        );
        expect(await server.isAlive(bystander)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it('ends assertions that arrive after it, too, and not those of a new sign-in', async () => {
    const nameId = somebody();
    const before = server.now;
    server.later(1000);
    const until = new Date(server.now.getTime() + 300_000);
    await byRedirect(idp.logoutRequestRedirect({ ...about(nameId), notOnOrAfter: until }).query);
    await expect(server.signIn({ idp, nameId, authnInstant: before })).rejects.toThrow('logged out');
    server.later(1000);
    const again = await server.signIn({ idp, nameId });
    expect(await server.isAlive(again)).toBe(true);
    server.later(298_000 + 119_000);
    await expect(server.signIn({ idp, nameId, authnInstant: before })).rejects.toThrow('logged out');
    server.later(2000);
    expect(await server.isAlive(await server.signIn({ idp, nameId, authnInstant: before }))).toBe(true);
  });

  it('that is accepted only by the skew of clocks still reaches an identity that waits for its browser', async () => {
    const nameId = somebody();
    const before = server.now;
    server.later(1000);
    const lateBy119s = new Date(server.now.getTime() - 119_000);
    const { query } = idp.logoutRequestRedirect({ ...about(nameId), notOnOrAfter: lateBy119s });
    expect((await byRedirect(query)).status).toBe(302);
    // As long as a ticket of /saml/complete lives, and the skew.
    for (const ms of [60_000, 59_999, 119_999]) {
      server.later(ms);
      await expect(server.signIn({ idp, nameId, authnInstant: before })).rejects.toThrow('logged out');
    }
    server.later(2);
    expect(await server.isAlive(await server.signIn({ idp, nameId, authnInstant: before }))).toBe(true);
  });

  it('that fails here is told as it is, ends nothing by halves, and may be sent again', async () => {
    const nameId = somebody();
    const [first, second] = [await server.signIn({ idp, nameId }), await server.signIn({ idp, nameId })];
    await server.database.query(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$`,
    );
    await server.database.query(
      `CREATE TRIGGER broken BEFORE UPDATE ON sessions FOR EACH ROW WHEN (OLD.id = '${second.sessionId}') EXECUTE FUNCTION refuse()`,
    );
    const { query } = idp.logoutRequestRedirect(about(nameId));
    const { xml } = readRedirect((await byRedirect(query)).headers.location, server.certificate);
    expect(xml).toMatch(/Value="[^"]+:status:Responder"><samlp:StatusCode Value="[^"]+:status:PartialLogout"/);
    expect((await byRedirect(query, API)).status).toBe(500);
    expect([await server.isAlive(first), await server.isAlive(second)]).toEqual([true, true]);
    const failed = { initiator: 'idp', outcome: 'failed', sessions: [] };
    expect((await server.audited('saml.logout')).slice(-2)).toMatchObject([failed, failed]);
    await server.database.query(`DROP TRIGGER broken ON sessions`);
    expect((await byRedirect(query)).status).toBe(302);
    expect([await server.isAlive(first), await server.isAlive(second)]).toEqual([false, false]);
  });
});

describe('D23 of several providers with one issuer', () => {
  it('each is asked, and only the person’s own sessions end', async () => {
    const nameId = somebody();
    const one = await server.signIn({ idp: shared, provider: 'one', nameId });
    const two = await server.signIn({ idp: shared, provider: 'two', nameId });
    const elsewhere = await server.signIn({ idp, provider: 'acme', nameId });
    await byRedirect(shared.logoutRequestRedirect(about(nameId)).query);
    const alive = await Promise.all([one, two, elsewhere].map((person) => server.isAlive(person)));
    expect(alive).toEqual([false, false, true]);
  });
});

describe('D24 of several entities of ours', () => {
  it('that one answers which knew the person', async () => {
    for (const provider of ['one', 'two']) {
      const nameId = somebody();
      await server.signIn({ idp: shared, provider, nameId });
      const answer = await byPost(shared.logoutRequestPost(about(nameId)));
      const { xml } = await readForm(answer.text, server.certificate);
      expect(xml).toContain(`<saml:Issuer>https://login.test/saml/${provider}/metadata</saml:Issuer>`);
    }
  });
});

describe('R11', () => {
  it('a disabled identity provider ends nothing and is answered like a stranger', async () => {
    const nameId = somebody();
    const answer = await byRedirect(disabled.logoutRequestRedirect(about(nameId)).query);
    expect(answer.status).toBe(400);
  });
});

describe('R14', () => {
  it('a LogoutRequest works once, over whichever binding it comes again', async () => {
    const nameId = somebody();
    const { query, id } = idp.logoutRequestRedirect(about(nameId));
    expect((await byRedirect(query)).status).toBe(302);
    server.later(1000);
    const person = await server.signIn({ idp, nameId });
    expect((await byRedirect(query)).status).toBe(400);
    expect((await byPost(idp.logoutRequestPost({ ...about(nameId), id }))).status).toBe(400);
    expect(await server.isAlive(person)).toBe(true);
  });

  it('one that has expired, or is too old without saying when it expires, works not at all', async () => {
    const nameId = somebody();
    const person = await server.signIn({ idp, nameId });
    const ago = (seconds: number) => new Date(server.now.getTime() - seconds * 1000);
    const expired = idp.logoutRequestRedirect({ ...about(nameId), notOnOrAfter: ago(121) });
    const old = idp.logoutRequestRedirect({ ...about(nameId), issueInstant: ago(3600), notOnOrAfter: null });
    expect([(await byRedirect(expired.query)).status, (await byRedirect(old.query)).status]).toEqual([400, 400]);
    expect(await server.isAlive(person)).toBe(true);
  });
});

describe('R15', () => {
  const nameId = named('victim');
  let victim: SignedIn;
  beforeAll(async () => {
    victim = await server.signIn({ idp, nameId });
  });

  const swapped = (query: string) => query.replace(/Signature=[^&]*/, `Signature=${encodeURIComponent('AAAA')}`);
  const forgeries: Record<string, () => Promise<Answer>> = {
    'unsigned over Redirect': () => byRedirect(idp.logoutRequestRedirect(about(nameId), { sign: 'none' }).query),
    'unsigned over POST': () => byPost(idp.logoutRequestPost(about(nameId), { sign: 'none' })),
    'with an empty signature': () =>
      byRedirect(idp.logoutRequestRedirect(about(nameId)).query.replace(/Signature=[^&]*/, 'Signature=')),
    'with another signature': () => byRedirect(swapped(idp.logoutRequestRedirect(about(nameId)).query)),
    'signed by a stranger in the name of the identity provider, over Redirect': () =>
      byRedirect(stranger.logoutRequestRedirect({ ...about(nameId), issuer: idp.entityId }).query),
    'signed by a stranger in the name of the identity provider, over POST': () =>
      byPost(stranger.logoutRequestPost({ ...about(nameId), issuer: idp.entityId })),
    'of another identity provider of ours in the name of this one': () =>
      byRedirect(shared.logoutRequestRedirect({ ...about(nameId), issuer: idp.entityId }).query),
    'of a stranger': () => byRedirect(stranger.logoutRequestRedirect(about(nameId)).query),
    'without an Issuer': () => byRedirect(idp.logoutRequestRedirect({ ...about(nameId), issuer: null }).query),
    'for another service': () =>
      byRedirect(idp.logoutRequestRedirect({ ...about(nameId), destination: 'https://other.test/saml/slo' }).query),
    'without a Destination': () => byPost(idp.logoutRequestPost({ ...about(nameId), destination: null })),
    'changed after it was signed': () =>
      byPost(
        idp.logoutRequestPost(about(named('nobody')), {
          edit: { afterSigning: (xml) => xml.replace('nobody', 'victim') },
        }),
      ),
    'twice in one query': () => {
      const forged = stranger.logoutRequestRedirect({ ...about(nameId), issuer: idp.entityId }).query;
      return byRedirect(`${idp.logoutRequestRedirect(about(named('nobody'))).query}&${forged.split('&')[0]}`);
    },
    'after a RelayState that only some readers would see': () =>
      byRedirect(`?RelayState=https%3A%2F%2Fevil.example%2F&${idp.logoutRequestRedirect(about(nameId)).query}`),
    'with the name of a parameter behind an encoded question mark': () =>
      byRedirect(`${idp.logoutRequestRedirect(about(nameId)).query}&%3FRelayState=x`),
    'without a person': () => byRedirect(idp.logoutRequestRedirect({ ...about(nameId), nameId: null }).query),
    'that is no XML': () => byPost({ value: Buffer.from('hello').toString('base64') }),
    'that is an answer in the field of a request': () =>
      byPost(idp.logoutResponsePost({ now: server.now, destination: SLO_URL, inResponseTo: '_x' })),
  };

  it.each(Object.keys(forgeries))('a message %s is 400 and ends nothing', async (name) => {
    const answer = await forgeries[name]?.();
    expect([answer?.status, answer?.headers['content-type']]).toEqual([400, 'text/html; charset=utf-8']);
    expect(answer?.text).toContain('The logout message was not accepted');
    expect(await server.isAlive(victim)).toBe(true);
  });

  it('nothing at all, or a request and an answer at once, is 400', async () => {
    const { value } = idp.logoutRequestPost(about(nameId));
    const { query } = idp.logoutRequestRedirect(about(nameId));
    for (const answer of [
      await byRedirect(''),
      await byRedirect(`${query}&SAMLResponse=x`),
      await form(`${server.url}/saml/slo`, {}),
      await form(`${server.url}/saml/slo`, { SAMLRequest: value, SAMLResponse: value }),
    ])
      expect([answer.status, answer.body['error'] ?? 'invalid_request']).toEqual([400, 'invalid_request']);
    expect(await server.isAlive(victim)).toBe(true);
  });

  it('a RelayState beyond measure is 400', async () => {
    const relayState = 'x'.repeat(4097);
    const { query } = idp.logoutRequestRedirect(about(nameId), { relayState });
    expect((await byRedirect(query)).status).toBe(400);
    expect((await byPost(idp.logoutRequestPost(about(nameId)), BROWSER, relayState)).status).toBe(400);
    expect(await server.isAlive(victim)).toBe(true);
  });

  it('known and unknown people are answered alike, when it is signed and when it is not', async () => {
    const shape = ({ status, text, headers }: Answer) => ({
      status,
      text: text.replaceAll(/<code>[^<]*<\/code>/g, '').replaceAll(/value="[^"]*"/g, ''),
      headers: Object.keys(headers).toSorted(),
      csp: headers['content-security-policy'],
    });
    const known = somebody();
    await server.signIn({ idp, nameId: known });
    for (const ask of [
      (who: typeof known) => byRedirect(idp.logoutRequestRedirect(about(who)).query),
      (who: typeof known) => byPost(idp.logoutRequestPost(about(who))),
      (who: typeof known) => byRedirect(idp.logoutRequestRedirect(about(who)).query, API),
      (who: typeof known) => byRedirect(idp.logoutRequestRedirect(about(who), { sign: 'none' }).query),
    ])
      expect(shape(await ask(known))).toEqual(shape(await ask(named('unknown'))));
  });

  it('an API caller is refused in JSON, the operator learns which check failed, and nobody fills the audit', async () => {
    const before = (await server.audited('saml.refused')).length;
    const ask = () => byPost(stranger.logoutRequestPost(about(nameId), { sign: 'none' }), API);
    const answer = await ask();
    expect([answer.status, answer.body['error'], answer.text]).toEqual([
      400,
      'invalid_request',
      expect.not.stringContaining('stranger'),
    ]);
    server.later(61_000);
    await ask();
    await ask();
    const rows = (await server.audited('saml.refused')).slice(before);
    expect(rows.length).toBeLessThanOrEqual(2);
    expect(rows.at(-1)).toMatchObject({ message: 'logout_request', check: 'provider' });
  });
});

describe('D38', () => {
  it('an answer may be framed by that identity provider, and runs one known script', async () => {
    const answer = await byPost(idp.logoutRequestPost(about(somebody())));
    expect(answer.headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'self'; script-src 'sha256-[^']+'; base-uri 'none'; frame-ancestors https:\/\/idp\.test$/,
    );
    const redirect = await byRedirect(idp.logoutRequestRedirect(about(somebody())).query);
    expect(redirect.headers['content-security-policy']).toBe("default-src 'none'; frame-ancestors https://idp.test");
  });

  it('a refusal may not be framed', async () => {
    const answer = await byRedirect(idp.logoutRequestRedirect(about(somebody()), { sign: 'none' }).query);
    expect(answer.headers['content-security-policy']).toContain("frame-ancestors 'none'");
  });
});
