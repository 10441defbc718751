import type { Page } from 'puppeteer-core';
import { describeInBrowser } from './chromium.js';
import { arrival, heading, press, Stage } from './stage.js';

let stage: Stage;

/** Goes on by Tab until this is in focus, visibly, and presses Enter. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let stops = 0; stops < 30; stops++) {
    await page.keyboard.press('Tab');
    const [focused, outline] = (await page.evaluate(
      `[document.activeElement?.textContent ?? '', getComputedStyle(document.activeElement ?? document.body).outlineStyle]`,
    )) as [string, string];
    if (!focused.trim().startsWith(text)) continue;
    expect([text, outline]).not.toEqual([text, 'none']);
    await Promise.all([page.waitForNavigation({ waitUntil: 'domcontentloaded' }), page.keyboard.press('Enter')]);
    return;
  }
  throw new Error(`"${text}" is not reached by Tab on ${page.url()}`);
}

describeInBrowser('the way in and out in Chromium', () => {
  beforeAll(async () => {
    stage = await Stage.start();
  });
  afterAll(() => stage.stop());

  it('by keyboard alone, focus always visible', async () => {
    const page = await stage.freshPage();
    await page.goto(stage.beginning(stage.wiki, { idp: undefined }));
    await tabTo(page, 'Test IdP');
    await tabTo(page, 'Alice');
    expect(await heading(page)).toMatch(/^Allow /);
    await tabTo(page, 'Allow');
    await arrival(page, stage);
    expect(page.url()).toMatch(/\?code=gth_ac_/);
    await page.goto(`${stage.url}/oauth2/logout`);
    await tabTo(page, 'Sign out');
    expect(await heading(page)).toBe('You are signed out');
    await page.browserContext().close();
  });

  it('with scripts switched off', async () => {
    const page = await stage.freshPage();
    await page.setJavaScriptEnabled(false);
    await page.goto(stage.beginning(stage.wiki, { idp: undefined }));
    await press(page, 'a[href$="idp=dev"]');
    await press(page, 'button[value^=bob]');
    await press(page, 'button[value=allow]');
    await arrival(page, stage);
    expect(page.url()).toMatch(/\?code=gth_ac_/);
    await page.goto(`${stage.url}/oauth2/logout`);
    await press(page, 'button[value=sign_out]');
    expect(await heading(page)).toBe('You are signed out');
    await page.browserContext().close();
  });

  it('with scripts switched off through a SAML provider, whose forms then have a button', async () => {
    const page = await stage.freshPage();
    await page.setJavaScriptEnabled(false);
    await page.goto(stage.beginning(stage.wiki, { idp: 'dev-saml' }));
    await press(page, 'button');
    if (!(await heading(page)).startsWith('Allow')) await press(page, 'button');
    expect(await heading(page)).toMatch(/^Allow /);
    await press(page, 'button[value=deny]');
    await arrival(page, stage);
    expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');
    await page.browserContext().close();
  });
});
