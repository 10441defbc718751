import type { Browser, BrowserContext, Page } from 'puppeteer-core';
import { applicationUrl, redeem, type TestApplication } from '../harness/application.js';
import { beginDevice, DEVICE_CODE_GRANT, type DeviceCodes } from '../harness/device.js';
import { freePort, runGatehouse } from '../harness/gatehouse.js';
import { bearer, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { json } from '../protocol/http.js';
import { launchChromium } from './chromium.js';
import { WebServer } from './web-server.js';

const SECRET = 'a-secret-of-these-applications-with-enough-characters';

/** A server with two providers in one organization, applications of it at another site, and a browser. */
export class Stage {
  private link: Promise<string> | undefined;

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
organizations: [{ name: default, members: [{ user: 'test:boss@test.tmi', role: owner }] }]
applications:
  - { client_id: wiki, ${common}, name: Knowledge base of the Northern Regional Administration }
  - { client_id: chat, ${common}, name: Chat, consent: skip, post_logout_redirect_uris: ['${elsewhere.url}/bye'],
      frontchannel_logout_uri: '${elsewhere.url}/out' }
  - { client_id: screen, name: Screen in the lobby, grant_types: ['${DEVICE_CODE_GRANT}'] }
`,
    });
    return new Stage(installation, elsewhere, await launchChromium(), wiki, chat);
  }

  get url(): string {
    return this.installation.server.url;
  }

  /** A link by which somebody becomes the administrator (D43); looking does not use it up. */
  setUpLink(): Promise<string> {
    this.link ??= this.printSetUpLink();
    return this.link;
  }

  private async printSetUpLink(): Promise<string> {
    const { databaseUrl, redisUrl, server } = this.installation;
    const { output } = await runGatehouse(['set-up-link'], { databaseUrl, redisUrl, publicUrl: server.publicUrl });
    return String(/http\S+/.exec(output)?.[0]);
  }

  /** The page of ours that asks a person whether his account may be connected to an organization (D47). */
  async connectPage(): Promise<string> {
    const { access_token: token } = await signInAsTest(this.url, 'boss');
    const order = { integration_id: 'dev', scopes: ['openid', 'email', 'offline_access'] };
    const { body, text } = await json(`${this.url}/api/v1/oauth/initiate`, order, bearer(token));
    if (typeof body['auth_url'] !== 'string') throw new Error(`nothing was initiated: ${text}`);
    return body['auth_url'];
  }

  /** What a device without a browser shows. */
  deviceCodes(): Promise<DeviceCodes> {
    return beginDevice(this.url, { clientId: 'screen', clientSecret: undefined });
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
