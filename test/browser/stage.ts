import type { Browser, BrowserContext, Page } from 'puppeteer-core';
import { applicationUrl, redeem, type TestApplication } from '../harness/application.js';
import { freePort } from '../harness/gatehouse.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { launchChromium } from './chromium.js';
import { WebServer } from './web-server.js';

const SECRET = 'a-secret-of-these-applications-with-enough-characters';

/** A server with two providers in one organization, applications of it at another site, and a browser. */
export class Stage {
  private constructor(
    private readonly installation: Installation,
    readonly elsewhere: WebServer,
    readonly browser: Browser,
    /** Asks for consent. */
    readonly wiki: TestApplication,
    /** Asks nobody, and is told of logouts in a frame. */
    readonly chat: TestApplication,
  ) {}

  static async start(): Promise<Stage> {
    const elsewhere = await WebServer.start();
    const wiki = { clientId: 'wiki', clientSecret: SECRET, redirectUri: `${elsewhere.url}/callback` };
    const chat = { ...wiki, clientId: 'chat' };
    const common = `client_secret: ${SECRET}, redirect_uris: ['${wiki.redirectUri}']`;
    const installation = await startInstallation({
      env: { TEST_IDP_PORT: String(await freePort()) },
      yaml: `
applications:
  - { client_id: wiki, ${common}, name: Knowledge base of the Northern Regional Administration }
  - { client_id: chat, ${common}, name: Chat, consent: skip, post_logout_redirect_uris: ['${elsewhere.url}/bye'],
      frontchannel_logout_uri: '${elsewhere.url}/out' }
`,
    });
    return new Stage(installation, elsewhere, await launchChromium(), wiki, chat);
  }

  get url(): string {
    return this.installation.server.url;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.installation.stop();
    await this.elsewhere.stop();
  }

  /** A page in a browser that was never here. */
  async freshPage(): Promise<Page> {
    const context: BrowserContext = await this.browser.createBrowserContext();
    return context.newPage();
  }

  /** The address at which an application's sign-in begins. */
  beginning(application: TestApplication, parameters: Readonly<Record<string, string | undefined>> = {}): string {
    return applicationUrl(this.url, application, parameters).href;
  }

  /** Signs this browser in, to the application that asks nothing; answers its ID token. */
  async signIn(page: Page, person = 'ann'): Promise<string> {
    await page.goto(this.beginning(this.chat, { login_hint: person }));
    const code = new URL(page.url()).searchParams.get('code');
    const { body } = await redeem(this.url, this.chat, String(code));
    return String(body['id_token']);
  }
}

/** Presses a button of a page, and waits for what comes. */
export async function press(page: Page, selector: string): Promise<void> {
  await Promise.all([page.waitForNavigation({ waitUntil: 'domcontentloaded' }), page.click(selector)]);
}

/** The page's heading. */
export async function heading(page: Page): Promise<string> {
  return String(await page.evaluate(`document.querySelector('h1')?.textContent ?? ''`));
}

/** Waits until the browser is at the application. */
export async function arrival(page: Page, { elsewhere }: Stage): Promise<void> {
  while (!page.url().startsWith(elsewhere.url)) await new Promise((resolve) => setTimeout(resolve, 20));
}
