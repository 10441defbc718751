import { Browser } from '../harness/browser.js';

const atCallback = (next: URL) => next.pathname.startsWith('/oauth2/callback');

/**
 * Takes a browser from our authorization endpoint through the login page of the test IdP, as this person or with
 * `cancel`, up to the address that the IdP sends it back to, unvisited.
 */
export async function loginUpstream(browser: Browser, authorize: URL | string, login: string): Promise<URL> {
  const page = await browser.follow(authorize, (next) => next.pathname.startsWith('/interaction/') || atCallback(next));
  if (atCallback(page)) return page;
  const fields: Record<string, string> = login === 'cancel' ? { cancel: 'yes' } : { login };
  const answered = await browser.request(page, { method: 'POST', body: new URLSearchParams(fields) });
  await answered.arrayBuffer();
  const location = answered.headers.get('location');
  if (location === null) throw new Error(`the login page answered ${answered.status}`);
  return browser.follow(new URL(location, page), atCallback);
}

/** Where a redirect leads. */
export async function locationOf(response: Response): Promise<URL> {
  const location = response.headers.get('location');
  if (location === null) throw new Error(`no redirect, but ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
  return new URL(location, response.url);
}
