import type { Browser } from '../harness/browser.js';
import { itWorksFor } from './client-flows.js';
import { npmClient } from './npm-client.js';
import { redirectOf, type ClientKind, type HeldTokens, type Person } from './relying-party.js';

const npm = npmClient('auth-core', { callback: '/auth/callback/gatehouse' });

interface Session {
  readonly user?: { readonly name?: string; readonly email?: string };
  readonly profile: Person;
  readonly tokens: HeldTokens;
}

/** Its pages are its own. */
const authCore: ClientKind = {
  ...npm,
  start: async (place, registration) => {
    const party = await npm.start(place, registration);
    const session = async (browser: Browser) =>
      (await (await browser.request(`${place.url}/auth/session`)).json()) as Session | null;
    const existing = async (browser: Browser) => {
      const found = await session(browser);
      if (found === null) throw new Error(`nobody is signed in:\n${party.log()}`);
      return found;
    };
    return {
      ...party,
      begin: async (browser) => {
        const answered = await browser.request(`${place.url}/auth/csrf`);
        const { csrfToken } = (await answered.json()) as { csrfToken: string };
        const body = new URLSearchParams({ csrfToken });
        return redirectOf(await browser.request(`${place.url}/auth/signin/gatehouse`, { method: 'POST', body }));
      },
      person: async (browser) => {
        const found = await session(browser);
        return found === null ? undefined : { ...found.user, sub: found.profile.sub };
      },
      tokens: async (browser) => (await existing(browser)).tokens,
      userinfo: async (browser) => (await existing(browser)).profile,
    };
  },
};

describe('@auth/core', () => itWorksFor('@auth/core', authCore));
