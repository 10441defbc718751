import { readPageFile } from './page-files.js';
import { loadConfig } from '@app/config';
import { PUBLIC_URL, startServer, type RunningServer } from '../server.spec-support.js';

/** As much of an element as the page's script touches. */
class FakeElement {
  textContent = '';
  className = '';
  id = '';
  hidden = true;
  tabIndex = 0;
  type = '';
  children: FakeElement[] = [];
  private listeners: (() => void)[] = [];

  append(...children: FakeElement[]): void {
    this.children.push(...children);
  }

  replaceChildren(...children: FakeElement[]): void {
    this.children = children;
  }

  addEventListener(_event: string, listener: () => void): void {
    this.listeners.push(listener);
  }

  click(): void {
    for (const listener of this.listeners) listener();
  }

  focus(): void {}

  /** This element and everything in it. */
  all(): FakeElement[] {
    return [this, ...this.children.flatMap((child) => child.all())];
  }

  texts(): string[] {
    return this.all().map(({ textContent }) => textContent);
  }
}

interface Page {
  readonly elements: Record<'status' | 'providers' | 'result', FakeElement>;
  /** Where the script sent the browser. */
  readonly left: Promise<URL>;
  readonly address: () => string;
  until(seen: () => boolean): Promise<void>;
}

const script = readPageFile('home.js');

/** Runs the page's script as a browser would that is at `href`. `revoked`: the answer at /oauth2/revoke, instead of the server's. */
function open(
  server: RunningServer,
  href: string,
  session: Map<string, string>,
  delivery = 'code',
  revoked?: object,
): Page {
  const elements = { status: new FakeElement(), providers: new FakeElement(), result: new FakeElement() };
  const url = new URL(href);
  let address = href;
  let leave: (to: URL) => void = () => undefined;
  const left = new Promise<URL>((resolve) => (leave = resolve));
  const globals = {
    document: {
      body: { dataset: { publicUrl: PUBLIC_URL } },
      getElementById: (id: string) =>
        id === 'result-title' ? new FakeElement() : elements[id as keyof typeof elements],
      createElement: () => new FakeElement(),
      querySelector: () => ({ value: delivery }),
    },
    location: {
      origin: url.origin,
      search: url.search,
      hash: url.hash,
      pathname: url.pathname,
      assign: (to: URL) => leave(new URL(to)),
    },
    history: { replaceState: (_state: null, _title: string, path: string) => (address = path) },
    sessionStorage: {
      getItem: (key: string) => session.get(key) ?? null,
      setItem: (key: string, value: string) => session.set(key, value),
      removeItem: (key: string) => session.delete(key),
    },
    fetch: (path: string, init?: RequestInit) =>
      revoked !== undefined && path.startsWith('oauth2/revoke?')
        ? Promise.resolve(Response.json(revoked))
        : fetch(`http://127.0.0.1:${server.port}/${path}`, init),
    navigator: { clipboard: { writeText: () => Promise.resolve() } },
  };
  new Function(...Object.keys(globals), script)(...Object.values(globals));
  return {
    elements,
    left,
    address: () => address,
    until: async (seen) => {
      while (!seen()) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe('the front page of development', () => {
  let server: RunningServer;
  beforeAll(async () => {
    // The development SAML provider is listed whether its metadata can be had or not.
    const { samlProviders } = loadConfig({ PUBLIC_URL }, () => '');
    server = await startServer({ samlProviders });
  });
  afterAll(() => server.stop());

  /** Clicks the test provider and comes back from it; answers the page that the browser ends at. */
  async function signIn(session: Map<string, string>, delivery: string): Promise<string> {
    const page = open(server, `${PUBLIC_URL}/`, session, delivery);
    await page.until(() => page.elements.providers.children.length > 0);
    page.elements.providers
      .all()
      .find(({ textContent }) => textContent.startsWith('Sign in with'))
      ?.click();
    const target = await page.left;
    const { headers } = await server.ask(`${target.pathname}${target.search}`);
    return String(headers['location']);
  }

  it.each(['code', 'fragment'])(
    'signs in by %s and shows tokens and commands, out of the address bar',
    async (delivery) => {
      const session = new Map<string, string>();
      const back = await signIn(session, delivery);
      const page = open(server, back, session, delivery);
      await page.until(() => page.elements.result.children.length > 0 || page.elements.status.className === 'bad');
      expect(page.elements.status.textContent).toBe('');
      const shown = page.elements.result.texts().join('\n');
      expect(shown).toContain('"access_token"');
      expect(shown).toContain('"idp": "test"');
      for (const path of ['userinfo', 'introspect', 'token', 'revoke'])
        expect(shown).toMatch(new RegExp(`curl .*/oauth2/${path}`));
      expect(page.address()).toBe('/');
      expect(session.size).toBe(0);
    },
  );

  it('refuses an answer to a sign-in that this tab did not begin', async () => {
    const back = await signIn(new Map(), 'code');
    const page = open(server, back, new Map());
    await page.until(() => page.elements.status.className === 'bad');
    expect(page.elements.status.textContent).toContain('not begun in this tab');
    expect(page.elements.result.children).toEqual([]);
  });

  it('lists SAML providers beside the others, and begins with either in one way (D51)', async () => {
    const page = open(server, `${PUBLIC_URL}/`, new Map());
    await page.until(() => page.elements.providers.children.length > 0);
    const buttons = page.elements.providers.all().filter(({ textContent }) => textContent.startsWith('Sign in with'));
    expect(buttons.map(({ textContent }) => textContent)).toEqual(['Sign in with Test', 'Sign in with Test SAML IdP']);
    buttons.at(-1)?.click();
    const { pathname, searchParams } = await page.left;
    expect(pathname).toBe('/oauth2/authorize');
    expect(Object.fromEntries(searchParams)).toMatchObject({ idp: 'dev-saml', response_type: 'code' });
  });

  it('shows the tokens of a sign-in that began at the identity provider, and says that it did (D36)', async () => {
    const back = new URL(await signIn(new Map(), 'fragment'));
    const parameters = new URLSearchParams(back.hash.slice(1));
    parameters.delete('state');
    const page = open(server, `${PUBLIC_URL}/#${parameters}`, new Map());
    await page.until(() => page.elements.result.children.length > 0);
    expect(page.elements.status.textContent).toContain('at the identity provider');
    expect(page.address()).toBe('/');
  });

  it('refuses tokens with a state that is not of this tab', async () => {
    const page = open(server, await signIn(new Map(), 'fragment'), new Map());
    await page.until(() => page.elements.status.className === 'bad');
    expect(page.elements.result.children).toEqual([]);
  });

  describe('D52', () => {
    async function logOut(answer?: Record<string, string>): Promise<{ page: Page; token: string }> {
      const session = new Map<string, string>();
      const page = open(server, await signIn(session, 'fragment'), session, 'fragment', answer);
      await page.until(() => page.elements.result.children.length > 0);
      const shown = page.elements.result.texts().find((text) => text.includes('"access_token"')) ?? '{}';
      page.elements.result
        .all()
        .find(({ textContent }) => textContent.startsWith('Log out'))
        ?.click();
      return { page, token: (JSON.parse(shown) as { access_token: string }).access_token };
    }

    it('logs out here, and says so where the provider has no logout of its own', async () => {
      const { page, token } = await logOut();
      await page.until(() => page.elements.status.textContent.startsWith('Signed out here'));
      expect(page.elements.result).toMatchObject({ hidden: true, children: [] });
      const { status } = await server.ask('/oauth2/userinfo', { authorization: `Bearer ${token}` });
      expect(status).toBe(401);
    });

    it('goes on to the logout at the provider where there is one', async () => {
      const slo_url = `${PUBLIC_URL}/saml/logout?ticket=t`;
      const { page } = await logOut({ message: 'Logged out successfully', slo_url });
      expect((await page.left).href).toBe(slo_url);
    });
  });

  it('refuses a code of another issuer (RFC 9207)', async () => {
    const session = new Map<string, string>();
    const back = new URL(await signIn(session, 'code'));
    back.searchParams.set('iss', 'https://elsewhere.example');
    const page = open(server, back.href, session);
    await page.until(() => page.elements.status.className === 'bad');
    expect(page.elements.status.textContent).toContain('another issuer');
  });

  it('says where it works when it is opened at another name', () => {
    const page = open(server, 'http://127.0.0.1:8080/', new Map());
    expect(page.elements.status.textContent).toContain(PUBLIC_URL);
  });
});
