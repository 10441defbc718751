import { inflateRawSync } from 'node:zlib';
import type { Browser } from './browser.js';

/** What an identity provider got of us, and what its answer must repeat. */
export interface AskedIdp {
  readonly binding: 'redirect' | 'post';
  readonly destination: string;
  readonly xml: string;
  readonly requestId: string;
  readonly relayState: string;
  /** Everything that came, by name. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** The opening tag of the AuthnRequest. */
export function requestTag({ xml }: Pick<AskedIdp, 'xml'>): string {
  return /<(?:\w+:)?AuthnRequest\b[^>]*>/.exec(xml)?.[0] ?? '';
}

function asked(binding: AskedIdp['binding'], destination: string, parameters: Record<string, string>): AskedIdp {
  const message = Buffer.from(parameters['SAMLRequest'] ?? '', 'base64');
  const xml = (binding === 'redirect' ? inflateRawSync(message) : message).toString();
  const requestId = /\bID="([^"]+)"/.exec(requestTag({ xml }))?.[1] ?? '';
  return { binding, destination, xml, requestId, relayState: parameters['RelayState'] ?? '', parameters };
}

const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };
const unescape = (text: string) => text.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? '');

/** The form of an auto-post page: where it goes and what it takes along. */
export function formOf(html: string): { readonly action: string; readonly fields: Record<string, string> } {
  const action = /<form method="post" action="([^"]*)">/.exec(html)?.[1];
  if (action === undefined) throw new Error(`there is no form:\n${html}`);
  const inputs = html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g);
  const fields = [...inputs].map(([, name = '', value = '']) => [unescape(name), unescape(value)] as const);
  return { action: unescape(action), fields: Object.fromEntries(fields) };
}

/** Begins a login in this browser, up to the identity provider's door. */
export async function beginSaml(browser: Browser, url: string | URL): Promise<AskedIdp> {
  const answer = await browser.request(url);
  const text = await answer.text();
  const location = answer.headers.get('location');
  if (location !== null && new URL(location).searchParams.has('SAMLRequest'))
    return asked('redirect', location, Object.fromEntries(new URL(location).searchParams));
  if (answer.status !== 200) throw new Error(`${String(url)} answered ${answer.status} ${location ?? ''}:\n${text}`);
  const { action, fields } = formOf(text);
  return asked('post', action, fields);
}

/**
 * Posts to the assertion consumer service as a page of another site makes a browser do it: without our cookies, which
 * are SameSite=Lax. Answers unread.
 */
export function postToAcs(server: string, samlResponse: string, relayState: string | undefined): Promise<Response> {
  const form = new URLSearchParams({ SAMLResponse: samlResponse });
  if (relayState !== undefined) form.set('RelayState', relayState);
  return fetch(`${server}/saml/acs`, {
    method: 'POST',
    body: form,
    redirect: 'manual',
    headers: { accept: 'text/html', origin: 'https://idp.test', 'sec-fetch-site': 'cross-site' },
  });
}

/** The address with the ticket that the assertion consumer service sends the browser to. */
export async function ticketOf(response: Response): Promise<URL> {
  const text = await response.text();
  const location = response.headers.get('location');
  if (response.status !== 303 || location === null) throw new Error(`the ACS answered ${response.status}:\n${text}`);
  return new URL(location);
}
