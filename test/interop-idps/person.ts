import { createHash } from 'node:crypto';

/** What a browser shows after everything that it does by itself. */
export interface Page {
  readonly url: URL;
  /** 0: the address belongs to the application, which has no server here. */
  readonly status: number;
  readonly text: string;
}

/** A SAML message that passed through the browser in a form. */
export interface PostedMessage {
  readonly destination: string;
  readonly parameter: 'SAMLRequest' | 'SAMLResponse';
  readonly xml: string;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

interface Cookie {
  readonly value: string;
  readonly sameSite: string;
}

interface Loaded extends Page {
  readonly policy: string;
}

interface Form {
  readonly action: URL;
  readonly method: string;
  readonly fields: URLSearchParams;
  readonly asksPassword: boolean;
}

/**
 * A person at a browser: cookies by host name with SameSite as browsers read it, redirects, login forms that are filled
 * in, and forms that a script of the page submits, if the page's Content-Security-Policy lets that script run.
 */
export class Person {
  /** How often this person had to type a password. */
  typed = 0;
  readonly posted: PostedMessage[] = [];
  readonly visited: URL[] = [];
  private readonly jar = new Map<string, Map<string, Cookie>>();

  /** `application`: where the journey ends; requests there are not made. */
  constructor(
    private readonly application: string,
    private readonly credentials: Credentials,
  ) {}

  /** Opens an address and goes on until nothing happens by itself any more. */
  async open(address: string | URL): Promise<Page> {
    return this.settle(await this.load(new URL(address), { method: 'GET' }));
  }

  private async settle(first: Loaded): Promise<Page> {
    let page = first;
    for (let steps = 0; steps < 12; steps++) {
      const form = formOf(page);
      if (page.status !== 200 || form === undefined) return page;
      if (form.asksPassword) {
        this.typed += 1;
        form.fields.set('username', this.credentials.username);
        form.fields.set('password', this.credentials.password);
      } else if (!submitsItself(page)) return page;
      this.note(form);
      page = await this.submit(form, page);
    }
    throw new Error(`still forms after twelve steps, at ${page.url.href}`);
  }

  private submit(form: Form, page: Loaded): Promise<Loaded> {
    if (form.method === 'POST') return this.load(form.action, { method: 'POST', body: form.fields }, page);
    const target = new URL(form.action);
    target.search = form.fields.toString();
    return this.load(target, { method: 'GET' }, page);
  }

  private async load(address: URL, first: RequestInit, page?: Loaded): Promise<Loaded> {
    let next = address;
    let init = first;
    for (let hops = 0; hops < 20; hops++) {
      this.visited.push(next);
      // Chromium holds the page's form-action against every redirect after its form, too; paths do not count there.
      if (page !== undefined && !mayPostTo(page, next))
        throw new Error(`a browser would not follow to ${next.href} from a form under "${page.policy}"`);
      if (next.href.startsWith(this.application)) return { url: next, status: 0, text: '', policy: '' };
      const response = await this.request(next, init, page?.url);
      const text = await response.text();
      const location = response.headers.get('location');
      if (location === null || response.status < 300 || response.status >= 400)
        return {
          url: next,
          status: response.status,
          text,
          policy: response.headers.get('content-security-policy') ?? '',
        };
      if (response.status !== 307 && response.status !== 308) init = { method: 'GET' };
      next = new URL(location, next);
    }
    throw new Error(`too many redirects, the last to ${next.href}`);
  }

  private async request(address: URL, init: RequestInit, from: URL | undefined): Promise<Response> {
    const jar = this.jar.get(address.hostname) ?? new Map<string, Cookie>();
    this.jar.set(address.hostname, jar);
    // Host names stand for sites here. Lax is also what a browser assumes where a cookie says nothing.
    const foreignPost = init.method === 'POST' && from !== undefined && from.hostname !== address.hostname;
    const cookies = [...jar].filter(([, { sameSite }]) => !foreignPost || sameSite === 'none');
    const headers = new Headers({ accept: 'text/html' });
    if (cookies.length > 0) headers.set('cookie', cookies.map(([name, { value }]) => `${name}=${value}`).join('; '));
    const response = await fetch(address, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) keep(jar, line);
    return response;
  }

  private note(form: Form): void {
    for (const parameter of ['SAMLRequest', 'SAMLResponse'] as const) {
      const value = form.fields.get(parameter);
      if (value !== null && form.method === 'POST')
        this.posted.push({ destination: form.action.href, parameter, xml: Buffer.from(value, 'base64').toString() });
    }
  }
}

function keep(jar: Map<string, Cookie>, line: string): void {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
  const at = pair.indexOf('=');
  const sameSite =
    attributes
      .find((attribute) => /^samesite=/i.test(attribute))
      ?.slice(9)
      .toLowerCase() ?? 'lax';
  if (at === pair.length - 1 || /max-age=0|expires=Thu, 01.Jan.1970|=deleted/i.test(line))
    jar.delete(pair.slice(0, at));
  else jar.set(pair.slice(0, at), { value: pair.slice(at + 1), sameSite });
}

/** The page's only form, or its first one that matters to a sign-in. */
function formOf({ text, url }: Page): Form | undefined {
  for (const [, open = '', inside = ''] of text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)) {
    const fields = new URLSearchParams();
    let asksPassword = false;
    for (const [tag] of inside.matchAll(/<(?:input|button)\b[^>]*>/gi)) {
      const name = attribute(tag, 'name');
      if (/type=["']?password/i.test(tag)) asksPassword = true;
      if (name !== undefined && !/type=["']?(submit|checkbox)/i.test(tag))
        fields.append(name, attribute(tag, 'value') ?? '');
    }
    if (!asksPassword && !fields.has('SAMLRequest') && !fields.has('SAMLResponse')) continue;
    const action = new URL(attribute(open, 'action') ?? '', url);
    return { action, method: (attribute(open, 'method') ?? 'get').toUpperCase(), fields, asksPassword };
  }
  return undefined;
}

/** A page whose script may not run stands still. */
function submitsItself({ text, policy }: Loaded): boolean {
  const directives = directivesOf(policy);
  const scripts = directives.get('script-src') ?? directives.get('default-src');
  const inline = [...text.matchAll(/<script>([\s\S]*?)<\/script>/gi)].map(([, code = '']) => code);
  const hashes = inline.map((code) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`);
  if (scripts === undefined || hashes.some((hash) => scripts.includes(hash))) return true;
  throw new Error(`a browser would run no script of the page under "${policy}"`);
}

/** By origin or by scheme (CSP3 §6.7.2.8), which is all that policies of ours need. */
function mayPostTo({ policy, url }: Loaded, target: URL): boolean {
  const sources = directivesOf(policy).get('form-action');
  return (
    sources === undefined ||
    sources.some((source) => {
      if (source === "'self'") return target.origin === url.origin;
      return source.endsWith(':')
        ? target.protocol === source
        : URL.canParse(source) && new URL(source).origin === target.origin;
    })
  );
}

function directivesOf(policy: string): ReadonlyMap<string, readonly string[]> {
  return new Map(
    policy.split(';').map((part) => {
      const [name = '', ...sources] = part.trim().split(/\s+/);
      return [name, sources];
    }),
  );
}

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, 'i').exec(tag);
  const raw = found?.[1] ?? found?.[2];
  return raw?.replace(/&(amp|lt|gt|quot|#x?[0-9a-f]+);/gi, (_, entity: string) => {
    const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' };
    const code = /^#x/i.test(entity) ? parseInt(entity.slice(2), 16) : Number(entity.slice(1));
    return named[entity.toLowerCase()] ?? String.fromCodePoint(code);
  });
}
