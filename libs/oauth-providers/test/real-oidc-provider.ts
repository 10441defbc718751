/** npm's oidc-provider on a loopback port, with its own sign-in pages, and a browser scripted to walk through them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { Configuration } from 'oidc-provider';
import { CLIENT_ID, CLIENT_SECRET } from './lying-oidc-server.js';
import { REDIRECT_URI } from './provider-configs.js';

export interface RealProvider {
  readonly issuer: string;
  stop(): Promise<void>;
}

export async function startRealProvider(): Promise<RealProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key: JWK = { ...(await exportJWK(privateKey)), kid: 'real', use: 'sig', alg: 'RS256' };
  // Loaded here, after the tests have silenced the console: it comments on the runtime while it loads.
  const { default: Provider } = await import('oidc-provider');
  const provider = new Provider(issuer, { ...configuration, jwks: { keys: [key] } } as Configuration);
  server.on('request', (request, response) => void provider.callback()(request, response));
  return {
    issuer,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const configuration: Configuration = {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
    },
  ],
  claims: { email: ['email', 'email_verified'], profile: ['name', 'groups'] },
  scopes: ['openid', 'offline_access', 'email', 'profile'],
  pkce: { required: () => true },
  cookies: { keys: ['test only'] },
  // oidc-provider wants prompt=consent for offline_access; here every code comes with a refresh token.
  issueRefreshToken: async () => true,
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({
      sub,
      email: `${sub}@acme.test`,
      email_verified: true,
      name: 'Ada Lovelace',
      groups: ['eng', 'ops'],
    }),
  }),
};

/** Follows the login from the authorization URL, fills in the forms, and returns the query of our callback. */
export async function signInThere(authorizationUrl: string, login: string): Promise<URLSearchParams> {
  const cookies = new Map<string, string>();
  let next: { url: string; form?: URLSearchParams } = { url: authorizationUrl };
  for (let step = 0; step < 20; step += 1) {
    const response = await fetch(next.url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(next.form ? { method: 'POST', body: next.form } : {}),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location) {
      const url = new URL(location, next.url).href;
      if (url.startsWith(`${REDIRECT_URI}?`)) return new URL(url).searchParams;
      next = { url };
      continue;
    }
    const page = await response.text();
    const action = /action="([^"]+)"/.exec(page)?.[1];
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    if (!action || !prompt)
      throw new Error(`no form to fill in at ${next.url}: ${response.status} ${page.slice(0, 300)}`);
    next = { url: new URL(action, next.url).href, form: new URLSearchParams({ prompt, login, password: 'any' }) };
  }
  throw new Error('the login never came back');
}
