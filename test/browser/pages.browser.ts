import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Page } from 'puppeteer-core';
import { describeInBrowser } from './chromium.js';
import { OUR_PAGES, type OurPage } from './pages.js';
import { heading, Stage } from './stage.js';

const SCREENS = [
  { name: 'desktop', width: 1280, height: 800 },
  { name: 'phone', width: 360, height: 740 },
];
/** For the page's own world: the module itself wants a window where it is loaded. */
const AXE = readFileSync(resolve('node_modules/axe-core/axe.min.js'), 'utf8');
const SCHEMES = ['light', 'dark'];
/** Where pictures go; none are taken unless it is set. */
const SCREENSHOTS = process.env['GATEHOUSE_SCREENSHOTS'];

let stage: Stage;

/** What a browser says when a page breaks its own policy. */
function policyBreaches(page: Page): string[] {
  const breaches: string[] = [];
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) breaches.push(message.text());
  });
  return breaches;
}

async function picture(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS === undefined) return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}

/** What axe finds, a line each: its weight, its rule, the element. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const results = (await page.evaluate('axe.run(document)')) as AxeResults;
  return results.violations.flatMap(({ id, impact, nodes }) =>
    nodes.map((node) => `${impact}: ${id}: ${node.target.join(' ')}`),
  );
}

describeInBrowser('D38 every page of ours in Chromium', () => {
  beforeAll(async () => {
    stage = await Stage.start();
  });
  afterAll(() => stage.stop());
  afterEach(() => stage.elsewhere.welcome());

  const cases = OUR_PAGES.flatMap((ours) =>
    SCREENS.flatMap((screen) =>
      SCHEMES.map((scheme) => [`${ours.name} ${screen.name} ${scheme}`, { ours, screen, scheme }] as const),
    ),
  );

  it.each(cases)('%s: can be read by everybody and keeps to its own policy', async (name, { ours, screen, scheme }) => {
    const page = await stage.freshPage();
    await page.setViewport(screen);
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    const breaches = policyBreaches(page);
    await openIt(ours, page);
    await picture(page, name.replaceAll(' ', '-'));
    expect(await page.evaluate('document.styleSheets.length')).toBe(1);
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBe(0);
    expect(breaches).toEqual([]);
    expect(await findings(page)).toEqual([]);
    await page.browserContext().close();
  });

  it.each(OUR_PAGES.map((ours) => [ours.name, ours] as const))(
    '%s: runs no script that got into it',
    async (_name, ours) => {
      const page = await stage.freshPage();
      await openIt(ours, page);
      const breaches = policyBreaches(page);
      await page.evaluate(`
      document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.hit = 1"><a href="javascript:window.hit = 1">x</a>');
      const script = document.createElement('script');
      script.textContent = 'window.hit = 1';
      document.body.append(script);
      document.querySelector('a[href^=javascript]').click();
    `);
      expect(await page.evaluate('window.hit')).toBeUndefined();
      expect(breaches.length).toBeGreaterThan(0);
      await page.browserContext().close();
    },
  );
});

async function openIt(ours: OurPage, page: Page): Promise<void> {
  await ours.open(stage, page);
  const title = await heading(page);
  if (typeof ours.heading === 'string') expect(title).toBe(ours.heading);
  else expect(title).toMatch(ours.heading);
}
