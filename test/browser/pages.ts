import type { Page } from 'puppeteer-core';
import { press, type Stage } from './stage.js';

/** A page of ours that people see, and the way there in a browser that was never here. */
export interface OurPage {
  readonly name: string;
  readonly heading: string | RegExp;
  open(stage: Stage, page: Page): Promise<void>;
}

async function openConsent(stage: Stage, page: Page): Promise<void> {
  await page.goto(stage.beginning(stage.wiki, { login_hint: 'annabelle-northwood', prompt: 'consent' }));
}

async function openQuestion(stage: Stage, page: Page): Promise<void> {
  await stage.signIn(page);
  await page.goto(`${stage.url}/oauth2/logout`);
}

/** The code of a device is in the field, and the person sends it. */
async function sendCode(stage: Stage, page: Page): Promise<void> {
  await page.goto((await stage.deviceCodes()).verification_uri_complete);
  await press(page, 'form button');
}

async function openDeviceConsent(stage: Stage, page: Page): Promise<void> {
  await stage.signIn(page);
  await sendCode(stage, page);
}

export const OUR_PAGES: readonly OurPage[] = [
  {
    name: 'choice-of-providers',
    heading: 'Sign in with',
    open: async (stage, page) => void (await page.goto(stage.beginning(stage.wiki, { idp: undefined }))),
  },
  { name: 'consent', heading: /^Allow Knowledge base/, open: openConsent },
  {
    name: 'going-on-after-consent',
    heading: 'One moment',
    open: async (stage, page) => {
      await openConsent(stage, page);
      stage.elsewhere.turnAway('/callback');
      await press(page, 'button[value=allow]');
    },
  },
  {
    name: 'sign-in-error',
    heading: 'Sign-in did not work',
    open: async (stage, page) => void (await page.goto(stage.beginning({ ...stage.wiki, clientId: 'nobody' }))),
  },
  { name: 'question-of-logout', heading: 'Sign out?', open: openQuestion },
  {
    name: 'staying',
    heading: 'You stay signed in',
    open: async (stage, page) => {
      await openQuestion(stage, page);
      await press(page, 'button[value=stay]');
    },
  },
  {
    name: 'signed-out',
    heading: 'You are signed out',
    open: async (stage, page) => {
      await openQuestion(stage, page);
      await press(page, 'button[value=sign_out]');
    },
  },
  {
    name: 'going-on-after-logout',
    heading: 'You are signed out',
    open: async (stage, page) => {
      const hint = await stage.signIn(page);
      const url = new URL('/oauth2/logout', stage.url);
      url.searchParams.set('id_token_hint', hint);
      url.searchParams.set('post_logout_redirect_uri', `${stage.elsewhere.url}/bye`);
      stage.elsewhere.turnAway('/bye');
      await page.goto(url.href, { waitUntil: 'domcontentloaded' });
    },
  },
  {
    name: 'set-up',
    heading: 'Become the administrator',
    open: async (stage, page) => void (await page.goto(await stage.setUpLink())),
  },
  {
    name: 'connecting-an-account',
    heading: 'Connect your account at Test IdP',
    open: async (stage, page) => void (await page.goto(await stage.connectPage())),
  },
  {
    name: 'code-of-a-device',
    heading: 'Connect a device',
    open: async (stage, page) => void (await page.goto((await stage.deviceCodes()).verification_uri_complete)),
  },
  {
    name: 'wrong-code-of-a-device',
    heading: 'Connect a device',
    open: async (stage, page) => {
      await page.goto(`${stage.url}/device?user_code=BBBB-BBBB`);
      await press(page, 'form button');
    },
  },
  { name: 'sign-in-for-a-device', heading: 'Sign in for your device', open: sendCode },
  { name: 'consent-for-a-device', heading: 'Allow Screen in the lobby?', open: openDeviceConsent },
  {
    name: 'back-to-the-device',
    heading: 'You can go back to your device',
    open: async (stage, page) => {
      await openDeviceConsent(stage, page);
      await press(page, 'button[value=allow]');
    },
  },
  {
    name: 'device-refused',
    heading: 'Your device was not signed in',
    open: async (stage, page) => {
      await openDeviceConsent(stage, page);
      await press(page, 'button[value=deny]');
    },
  },
  { name: 'home', heading: 'Gatehouse', open: async (stage, page) => void (await page.goto(stage.url)) },
  {
    name: 'logout-refused',
    heading: 'Signing out did not work',
    open: async (stage, page) => void (await page.goto(`${stage.url}/oauth2/logout?id_token_hint=x`)),
  },
];
