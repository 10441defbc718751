const text = (html) => html.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'");

/**
 * A person at a browser without a screen: cookies by host name, redirects, and `Refresh: 0`. Chooses the provider **Test
 * IdP**, says there who he is, and allows what an application asks for.
 */
export class Person {
  visited = [];
  #cookies = new Map();

  constructor(login) {
    this.login = login;
  }

  /** Opens an address and answers every question on the way, up to a page that asks none, or an address of `isEnd`. */
  async visit(address, isEnd = () => false) {
    let page = await this.open(address, isEnd);
    for (let steps = 0; steps < 10; steps++) {
      const next = this.#answer(page);
      if (next === undefined) return page;
      page = await this.open(next.url, isEnd, next.init);
    }
    throw new Error(`still questions at ${page.url.href}`);
  }

  /** Opens an address, and goes on only where the browser does so by itself. */
  async open(address, isEnd = () => false, init = {}) {
    let next = new URL(address);
    for (let hops = 0; hops < 20; hops++) {
      this.visited.push(next);
      if (isEnd(next)) return { url: next, status: 0, text: '' };
      const response = await this.#request(next, init);
      const body = await response.text();
      const refresh = /^0; url=(.+)$/.exec(response.headers.get('refresh') ?? '')?.[1];
      const location = response.headers.get('location') ?? refresh;
      if (location === undefined) return { url: next, status: response.status, text: body };
      next = new URL(location, next);
      init = {};
    }
    throw new Error(`too many redirects, the last to ${next.href}`);
  }

  #answer({ url, text: html }) {
    const link = /<a href="([^"]+)">Test IdP<\/a>/.exec(html)?.[1];
    if (link !== undefined) return { url: new URL(text(link), url) };
    const fields = new URLSearchParams();
    if (html.includes('name="login"')) fields.set('login', this.login);
    else if (url.pathname === '/oauth2/consent') {
      fields.set('ticket', /name="ticket" value="([^"]+)"/.exec(html)?.[1] ?? '');
      fields.set('decision', 'allow');
    } else return undefined;
    const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1] ?? '';
    return { url: new URL(text(action), url), init: { method: 'POST', body: fields } };
  }

  async #request(url, init) {
    const jar = this.#cookies.get(url.hostname) ?? new Map();
    this.#cookies.set(url.hostname, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { accept: 'text/html', ...(cookie === '' ? {} : { cookie }) };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value === '' || /max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }
}
