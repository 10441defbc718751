/** A browser without a screen: keeps cookies by host name, follows nothing unless asked. */
export class Browser {
  private readonly jar = new Map<string, Map<string, string>>();

  /** One request; cookies are sent and kept, redirects are the caller's to follow. */
  async request(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const target = new URL(url);
    const cookies = this.jar.get(target.hostname);
    const headers = new Headers(init.headers);
    if (!headers.has('accept')) headers.set('accept', 'text/html');
    if (cookies !== undefined && cookies.size > 0)
      headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '));
    const response = await fetch(target, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.keep(target.hostname, line);
    return response;
  }

  /** Follows redirects until one leads to where `stop` says, and answers that address unvisited. */
  async follow(url: string | URL, stop: (next: URL) => boolean): Promise<URL> {
    let next = new URL(url);
    for (let hops = 0; hops < 20; hops++) {
      if (stop(next)) return next;
      const response = await this.request(next);
      const body = await response.text();
      const location = response.headers.get('location');
      if (location === null) throw new Error(`${next.href} answered ${response.status} and no redirect:\n${body}`);
      next = new URL(location, next);
    }
    throw new Error('too many redirects');
  }

  cookies(hostname: string): ReadonlyMap<string, string> {
    return this.jar.get(hostname) ?? new Map();
  }

  private keep(hostname: string, line: string): void {
    const [pair = ''] = line.split(';');
    const at = pair.indexOf('=');
    const cookies = this.jar.get(hostname) ?? new Map<string, string>();
    const value = pair.slice(at + 1);
    if (value === '' || /max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(pair.slice(0, at));
    else cookies.set(pair.slice(0, at), value);
    this.jar.set(hostname, cookies);
  }
}
