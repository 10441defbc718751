import type { Page } from 'puppeteer-core';
import { describeInBrowser } from './chromium.js';
import { arrival, heading, press, Stage } from './stage.js';

let stage: Stage;

/** Whose page it is, as an address of {@link Stage.elsewhere}. */
const SITES: [string, (address: string) => string][] = [
  ['of another site', (address) => address],
  [
    'of another origin of our own site, where cookies are sent along',
    (address) => address.replace('127.0.0.1', 'localhost'),
  ],
];

/** What a page of another site shows in a frame: the address that was loaded there. */
async function framed(page: Page, site: string, address: string): Promise<string | undefined> {
  stage.elsewhere.serve('/frame', `<h1>Frame</h1><iframe src="${address.replaceAll('&', '&amp;')}"></iframe>`);
  await page.goto(`${site}/frame`);
  const [frame] = page.mainFrame().childFrames();
  return frame?.url();
}

/** Has a page of another site send a form of ours at once, in the same browser. */
async function sendForm(
  beside: Page,
  action: string,
  fields: Readonly<Record<string, string>>,
  at = (site: string) => site,
): Promise<Page> {
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
  const url = stage.elsewhere.serve(
    '/attack',
    `<form method="post" action="${stage.url}${action}">${inputs.join('')}<button>Win a prize</button></form>`,
  );
  const page = await beside.browserContext().newPage();
  await page.goto(at(url));
  await press(page, 'button');
  return page;
}

const ticketOf = async (page: Page) => String(await page.evaluate(`document.forms[0].elements.ticket.value`));

describeInBrowser('RFC 9700 §4.16 in Chromium: no page of ours in a frame', () => {
  beforeAll(async () => {
    stage = await Stage.start();
  });
  afterAll(() => stage.stop());

  it.each(SITES)('%s', async (_whose, at) => {
    const page = await stage.freshPage();
    await stage.signIn(page);
    await page.goto(stage.beginning(stage.wiki, { prompt: 'consent' }));
    const consent = page.url();
    expect(await heading(page)).toMatch(/^Allow /);
    const site = at(stage.elsewhere.url);
    const harmless = stage.elsewhere.serve('/harmless', '<h1>Harmless</h1>');
    expect(await framed(page, site, harmless)).toBe(harmless);
    for (const ours of [
      consent,
      stage.beginning(stage.wiki, { idp: undefined, prompt: 'login' }),
      stage.beginning({ ...stage.wiki, clientId: 'nobody' }),
      `${stage.url}/oauth2/logout`,
      `${stage.url}/`,
    ])
      expect([ours, await framed(page, site, ours)]).toEqual([ours, 'chrome-error://chromewebdata/']);
    await page.browserContext().close();
  });
});

describeInBrowser('R19 in Chromium: no other site answers for the person', () => {
  beforeAll(async () => {
    stage = await Stage.start();
  });
  afterAll(() => stage.stop());

  it.each(SITES)('consent, though it knew the ticket: not %s, and the question stays open', async (_whose, at) => {
    const page = await stage.freshPage();
    await page.goto(stage.beginning(stage.wiki, { login_hint: 'ann', prompt: 'consent' }));
    const fields = { ticket: await ticketOf(page), decision: 'allow' };
    const attack = await sendForm(page, '/oauth2/consent', fields, at);
    expect(await heading(attack)).toBe('Sign-in did not work');
    await attack.close();
    await page.bringToFront();
    await press(page, 'button[value=allow]');
    await arrival(page, stage);
    expect(page.url()).toMatch(/\?code=gth_ac_/);
    await page.browserContext().close();
  });

  it.each(SITES)('logout, though it knew the ticket: not %s, and the person stays signed in', async (_whose, at) => {
    const page = await stage.freshPage();
    await stage.signIn(page);
    await page.goto(`${stage.url}/oauth2/logout`);
    const fields = { ticket: await ticketOf(page), decision: 'sign_out' };
    const attack = await sendForm(page, '/oauth2/logout/answer', fields, at);
    expect(await heading(attack)).toBe('Signing out did not work');
    await attack.close();
    await page.goto(stage.beginning(stage.chat, { prompt: 'none' }));
    expect(page.url()).toMatch(/\?code=gth_ac_/);
    await page.browserContext().close();
  });

  it('logout by an image or a form of another site ends nothing; a link asks', async () => {
    const page = await stage.freshPage();
    await stage.signIn(page);
    const address = `${stage.url}/oauth2/logout`;
    await page.goto(
      stage.elsewhere.serve('/lure', `<img src="${address}" alt=""><a href="${address}">Win a prize</a>`),
    );
    await press(page, 'a');
    expect(await heading(page)).toBe('Sign out?');
    const posted = await sendForm(page, '/oauth2/logout', {});
    expect(await heading(posted)).toBe('You are signed out');
    await posted.close();
    await page.goto(stage.beginning(stage.chat, { prompt: 'none' }));
    expect(page.url()).toMatch(/\?code=gth_ac_/);
    await page.browserContext().close();
  });
});
