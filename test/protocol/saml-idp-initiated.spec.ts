import { Browser } from '../harness/browser.js';
import { SigningIdp, type ResponseOptions } from '../harness/saml-idp.js';
import { beginSaml, ticketOf } from '../harness/saml-login.js';
import { CALLBACK, PORTAL, referenceIn, refused, SamlSuite } from './saml-suite.js';
import { locationOf } from './upstream.js';

const saml = new SamlSuite();
beforeAll(() => saml.start());
afterAll(() => saml.stop());

const fragmentOf = (target: URL) => new URLSearchParams(target.hash.slice(1));

describe('D36 a login that begins at the IdP', () => {
  /** A portal's answer that nobody asked for. */
  const sent = (changes: Partial<ResponseOptions> = {}) => saml.answer(undefined, 'paula', changes, 'portal');
  const landed = async (relayState?: string) => ticketOf(await saml.post(sent(), relayState));

  it('creates nothing: it begins an ordinary login in that browser, which ends at the configured callback', async () => {
    const count = async () => (await saml.database.query(`SELECT 1 FROM sessions`)).rowCount;
    const before = await count();
    const browser = new Browser();
    const asked = await beginSaml(browser, await landed());
    expect(await count()).toBe(before);
    expect([new URL(asked.destination).host, asked.relayState.length]).toEqual(['portal.test', 43]);
    const { value } = saml.answer(asked, 'paula', {}, 'portal');
    const target = await locationOf(
      await browser.request(await ticketOf(await saml.post({ value }, asked.relayState))),
    );
    expect(target.origin + target.pathname).toBe(PORTAL);
    expect(fragmentOf(target).get('access_token')).toMatch(/^ey/);
    expect(await count()).toBe((before ?? 0) + 1);
  });

  it('ends at the callback that RelayState names, where that is one of ours', async () => {
    for (const [relayState, host] of [
      [CALLBACK, 'app.example'],
      ['https://evil.example/', 'portal.example'],
      ['/relative', 'portal.example'],
    ] as const) {
      const browser = new Browser();
      const asked = await beginSaml(browser, await landed(relayState));
      const { value } = saml.answer(asked, 'paula', {}, 'portal');
      const ticket = await ticketOf(await saml.post({ value }, asked.relayState));
      expect((await locationOf(await browser.request(ticket))).host).toBe(host);
    }
  });

  it('goes round once: the second within a minute in one browser is an error', async () => {
    const browser = new Browser();
    await beginSaml(browser, await landed());
    await refused(await browser.request(await landed()));
    await beginSaml(new Browser(), await landed());
  });

  it('R10: works once for one message', async () => {
    const { value } = sent();
    await ticketOf(await saml.post({ value }, undefined));
    await refused(await saml.post({ value }, undefined), 400);
  });

  it('is refused where the provider does not allow it', async () => {
    const page = await refused(await saml.post(saml.answer(undefined, 'alice'), undefined), 400);
    expect((await saml.auditOf(referenceIn(page)))['check']).toBe('unsolicited');
  });

  it.each([
    ['unsigned', { sign: 'none' as const }],
    ['for somebody else', { audience: 'https://stranger.example' }],
    ['made yesterday', { now: new Date(Date.now() - 86_400_000) }],
  ])('is refused when it is %s', async (_what, changes) => {
    await refused(await saml.post(sent(changes), undefined), 400);
  });

  it('is refused from a stranger', async () => {
    const stranger = await SigningIdp.create({ entityId: 'https://stranger.test/metadata' });
    const message = stranger.response({ now: new Date(), acsUrl: `${saml.issuer}/saml/acs`, audience: 'x' });
    const page = await refused(await saml.post(message, undefined), 400);
    expect((await saml.auditOf(referenceIn(page)))['check']).toBe('provider');
  });
});
