import { Browser } from './browser.js';
import { basicAuthorization, postForm } from './sign-in.js';

export const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/** A device's application as a test knows it. */
export interface TestDevice {
  readonly clientId: string;
  /** Undefined for a public one. */
  readonly clientSecret: string | undefined;
}

/** What a device is told (RFC 8628 §3.2). */
export interface DeviceCodes {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
}

type Fields = Readonly<Record<string, string>>;

/** Sends a form as the device itself. */
export function asDevice(address: string, { clientId, clientSecret }: TestDevice, fields: Fields) {
  if (clientSecret !== undefined) return postForm(address, fields, basicAuthorization(clientId, clientSecret));
  return postForm(address, { client_id: clientId, ...fields });
}

export async function beginDevice(server: string, device: TestDevice, fields: Fields = {}): Promise<DeviceCodes> {
  const asked = { scope: 'openid profile email', ...fields };
  const { status, body } = await asDevice(`${server}/oauth2/device_authorization`, device, asked);
  if (status !== 200) throw new Error(`the device was answered ${status}: ${JSON.stringify(body)}`);
  return body as unknown as DeviceCodes;
}

/** One poll (RFC 8628 §3.4). */
export function pollDevice(server: string, device: TestDevice, deviceCode: string, fields: Fields = {}) {
  const grant = { grant_type: DEVICE_CODE_GRANT, device_code: deviceCode, ...fields };
  return asDevice(`${server}/oauth2/token`, device, grant);
}

/** A page that a browser shows. */
export interface Shown {
  readonly url: URL;
  readonly status: number;
  readonly html: string;
  readonly headers: Headers;
}

/** Opens an address and follows redirects until a page is shown. */
export async function open(browser: Browser, address: string | URL, init: RequestInit = {}): Promise<Shown> {
  let url = new URL(address);
  let response = await browser.request(url, init);
  for (let hops = 0; hops < 20; hops++) {
    const html = await response.text();
    const location = response.headers.get('location');
    if (location === null) return { url, status: response.status, html, headers: response.headers };
    url = new URL(location, url);
    response = await browser.request(url);
  }
  throw new Error('too many redirects');
}

/** Sends the form of a page, with its hidden fields. */
export function submit(browser: Browser, { url, html }: Shown, fields: Fields): Promise<Shown> {
  const action = /<form method="post" action="([^"]+)"/.exec(html)?.[1];
  if (action === undefined) throw new Error(`no form in ${url.href}:\n${html}`);
  const body = new URLSearchParams({ ...hiddenFields(html), ...fields });
  return open(browser, new URL(action, url), { method: 'POST', body });
}

export function hiddenFields(html: string): Record<string, string> {
  const inputs = html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g);
  return Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, value]));
}

/** Types the code at `/device`; signs in as somebody at the `test` provider where the browser has no session. */
export async function typeCode(browser: Browser, { verification_uri: uri, user_code: code }: DeviceCodes) {
  const next = await submit(browser, await open(browser, uri), { user_code: code });
  if (next.url.pathname !== '/device' || next.status !== 200) return next;
  const link = [...next.html.matchAll(/<a href="([^"]+)">/g)]
    .map(([, href = '']) => href.replaceAll('&amp;', '&'))
    .find((href) => href.endsWith('idp=test'));
  if (link === undefined) throw new Error(`no provider to choose:\n${next.html}`);
  return open(browser, link);
}

/** The whole of the person's part; answers the last page. */
export async function answerDevice(
  browser: Browser,
  codes: DeviceCodes,
  decision: 'allow' | 'deny' = 'allow',
): Promise<Shown> {
  const page = await typeCode(browser, codes);
  if (page.url.pathname !== '/oauth2/consent')
    throw new Error(`${page.url.href} answered ${page.status}:\n${page.html}`);
  return submit(browser, page, { decision });
}
