import { Browser } from '../harness/browser.js';
import { bearer } from '../harness/sign-in.js';
import { CLIENTS, FLOWS } from './flows.mjs';
import { signIn, type ClientKind, type RelyingParty } from './relying-party.js';
import { isActive, startWorld, type World } from './world.js';

const EMAIL = 'interop@test.tmi';
const NAME = 'Interop (Test User)';

/** Every flow with one client, as tests whose names are the rows of the table. */
export function itWorksFor(client: keyof typeof CLIENTS, kind: ClientKind): void {
  let world: World;
  let party: RelyingParty;

  beforeAll(async () => {
    world = await startWorld(kind);
    ({ party } = await world.application());
  });
  afterAll(() => world?.stop());

  /** A person who is signed in to it, with a browser of his own. */
  const newcomer = async (to = party) => {
    const browser = new Browser();
    const { begin, asked } = await signIn(to, browser);
    const person = await to.person(browser);
    if (person === undefined) throw new Error(`nobody is signed in:\n${to.log()}`);
    return { browser, begin, asked, person };
  };

  const flows: Record<string, () => Promise<void>> = {
    'sign-in by code, ID token checked': async () => {
      const { browser, person, asked } = await newcomer();
      expect(asked).toBe(true);
      expect(person).toMatchObject({ sub: expect.stringMatching(/^[0-9a-f-]{36}$/), name: NAME, email: EMAIL });
      const { access_token: token } = await party.tokens(browser);
      expect(await isActive(world.server, token)).toBe(true);
      // Consent is remembered, and the session here signs him in again without a word.
      expect((await signIn(party, browser)).asked).toBe(false);
      expect((await newcomer()).person.sub).toBe(person.sub);
    },

    PKCE: async () => {
      const { searchParams } = (await newcomer()).begin;
      expect(searchParams.get('code_challenge_method')).toBe('S256');
      expect(searchParams.get('code_challenge')).toMatch(/^[\w-]{43}$/);
    },

    nonce: async () => {
      const [first, second] = [await newcomer(), await newcomer()].map(({ begin }) => begin.searchParams.get('nonce'));
      expect(first).toMatch(/^.{16,}$/);
      expect(second).not.toBe(first);
    },

    UserInfo: async () => {
      const { browser, person } = await newcomer();
      expect(await party.userinfo(browser)).toMatchObject({ sub: person.sub, name: NAME, email: EMAIL });
    },

    refresh: async () => {
      const { browser, person } = await newcomer();
      const before = await party.tokens(browser);
      expect(await party.refresh(browser)).toBe(true);
      // Two pages of one browser find at once that the token is old (D13): both get on, and so does the next.
      expect(await Promise.all([party.refresh(browser), party.refresh(browser)])).toEqual([true, true]);
      expect(await party.refresh(browser)).toBe(true);
      const after = await party.tokens(browser);
      expect(after.access_token).not.toBe(before.access_token);
      expect(await isActive(world.server, after.access_token)).toBe(true);
      expect((await party.person(browser))?.sub).toBe(person.sub);
    },

    'logout that it begins': async () => {
      const { browser } = await newcomer();
      const { access_token: token } = await party.tokens(browser);
      const end = await browser.follow(
        await party.logout(browser),
        (next) => next.href === new URL(party.afterLogout).href,
      );
      expect(end.searchParams.has('error')).toBe(false);
      expect(await party.person(browser)).toBeUndefined();
      expect(await isActive(world.server, token)).toBe(false);
      expect(await isSignedInHere(browser)).toBe(false);
    },

    'logout that it is told of': async () => {
      const { browser } = await newcomer();
      const bystander = await newcomer();
      await signOutHere(browser);
      while ((await party.person(browser)) !== undefined) await new Promise((again) => setTimeout(again, 50));
      expect(await isSignedInHere(bystander.browser)).toBe(true);
      await signIn(party, browser);
      expect((await party.person(browser))?.email).toBe(EMAIL);
    },

    private_key_jwt: async () => {
      const keyed = (await world.application({ proof: 'key' })).party;
      const { browser, person } = await newcomer(keyed);
      expect(person.email).toBe(EMAIL);
      if (CLIENTS[client].refresh === undefined) expect(await keyed.refresh(browser)).toBe(true);
    },

    'pushed request': async () => {
      for (const proof of ['secret', 'key'] as const) {
        const pushing = (await world.application({ proof, pushes: true })).party;
        const { begin, person } = await newcomer(pushing);
        expect([...begin.searchParams.keys()].toSorted()).toEqual(['client_id', 'request_uri']);
        expect(person.email).toBe(EMAIL);
      }
    },

    DPoP: async () => {
      const binding = (await world.application({ binds: true })).party;
      const { browser, person } = await newcomer(binding);
      expect(await binding.refresh(browser)).toBe(true);
      expect(await binding.userinfo(browser)).toMatchObject({ sub: person.sub });
      const { access_token: token } = await binding.tokens(browser);
      const stolen = await fetch(`${world.server}/oauth2/userinfo`, { headers: bearer(token) });
      expect(stolen.status).toBe(401);
    },

    'consent refused': async () => {
      const refusing = (await world.application()).party;
      const browser = new Browser();
      const { answer, asked } = await signIn(refusing, browser, { decision: 'deny' });
      expect([asked, answer.searchParams.get('error')]).toEqual([true, 'access_denied']);
      expect(await refusing.person(browser)).toBeUndefined();
      await signIn(refusing, browser);
      expect((await refusing.person(browser))?.email).toBe(EMAIL);
    },

    'wrong secret': async () => {
      const ignorant = (await world.application({ proof: 'wrong secret' })).party;
      const browser = new Browser();
      const { answer } = await signIn(ignorant, browser);
      expect(answer.searchParams.has('code')).toBe(true);
      expect(await ignorant.person(browser)).toBeUndefined();
      expect(ignorant.log()).toMatch(/invalid_client|WWW-Authenticate/);
    },

    'state tampered with': async () => {
      const browser = new Browser();
      const tamper = (answer: URL) => {
        const state = answer.searchParams.get('state') ?? '';
        answer.searchParams.set('state', `${state.startsWith('x') ? 'y' : 'x'}${state.slice(1)}`);
        return answer;
      };
      await signIn(party, browser, { tamper });
      expect(await party.person(browser)).toBeUndefined();
    },

    'application disabled': async () => {
      const { party: doomed, id } = await world.application();
      const { browser } = await newcomer(doomed);
      const { access_token: token } = await doomed.tokens(browser);
      await world.disable(id);
      expect(await isActive(world.server, token)).toBe(false);
      if (CLIENTS[client].refresh === undefined) expect(await doomed.refresh(browser)).toBe(false);
      // A page for the person: nobody may be sent to an application that is none (RFC 6749 §4.1.2.1).
      const refusal = await browser.request(await doomed.begin(browser));
      expect([refusal.status, refusal.headers.get('location')]).toEqual([400, null]);
    },
  };

  for (const flow of FLOWS) {
    const isAbsent = CLIENTS[client][flow] !== undefined;
    const tried = flows[flow];
    if (tried === undefined) throw new Error(`nobody knows how to try "${flow}"`);
    if (!isAbsent) it(flow, tried);
  }

  /** Whether the browser has a session at Gatehouse, as an application sees it that may ask nobody anything. */
  async function isSignedInHere(browser: Browser): Promise<boolean> {
    const url = await party.begin(browser);
    url.searchParams.set('prompt', 'none');
    const answer = await browser.follow(url, (next) => next.href.startsWith(party.callback));
    return answer.searchParams.has('code');
  }

  /** The person signs out at Gatehouse itself. */
  async function signOutHere(browser: Browser): Promise<void> {
    const page = await browser.request(`${world.server}/oauth2/logout`);
    const ticket = String(/name="ticket" value="([^"]+)"/.exec(await page.text())?.[1]);
    const body = new URLSearchParams({ ticket, decision: 'sign_out' });
    const done = await browser.request(`${world.server}/oauth2/logout/answer`, { method: 'POST', body });
    expect(done.status).toBe(200);
  }
}
