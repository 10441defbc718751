import { loadConfig } from '@app/config';
import { InProcessTransientStore } from '@app/transient-store';
import type { AuthorizationParameters } from '../authorization-request.js';
import { isPushedRequestUri, PUSHED_LIFETIME_SECONDS, PushedRequests } from './pushed-requests.js';

const LOGIN_MS = 600_000;
const PARAMETERS: AuthorizationParameters = { client_id: 'wiki', scope: 'openid', state: 's' };
const UNUSABLE = { code: 'invalid_request_uri', status: 400 };

describe('RFC 9126', () => {
  let now: number;
  let store: InProcessTransientStore;
  let requests: PushedRequests;

  beforeEach(() => {
    now = 1_000_000;
    store = new InProcessTransientStore({ now: () => now, log: () => undefined });
    const config = loadConfig({}, () => '');
    const lifetimes = { ...config.lifetimes, loginTransactionSeconds: LOGIN_MS / 1000 };
    requests = new PushedRequests(store, { ...config, lifetimes }, () => new Date(now));
  });
  afterEach(() => store.close());

  const come = (
    requestUri: string,
    browser = 'one',
    beside: Partial<AuthorizationParameters> = {},
    clientId = 'wiki',
  ) => requests.resolve({ scope: '', ...beside, request_uri: requestUri }, clientId, () => browser);
  const idOf = (requestUri: string) => requestUri.split(':').at(-1) ?? '';

  describe('§2.2', () => {
    it('names a request by 256 random bits', async () => {
      const uris = await Promise.all(Array.from({ length: 50 }, () => requests.push('wiki', PARAMETERS)));
      expect(new Set(uris).size).toBe(50);
      for (const uri of uris) expect(Buffer.from(idOf(uri), 'base64url')).toHaveLength(32);
    });

    it('waits ninety seconds for the first browser', async () => {
      const [early, late] = [await requests.push('wiki', PARAMETERS), await requests.push('wiki', PARAMETERS)];
      now += PUSHED_LIFETIME_SECONDS * 1000 - 1;
      expect(await come(early)).toMatchObject({ parameters: PARAMETERS });
      now += 1;
      await expect(come(late)).rejects.toMatchObject({ ...UNUSABLE, logDetail: expect.stringContaining('expired') });
      await expect(come(late)).rejects.toMatchObject(UNUSABLE);
    });
  });

  describe('§4', () => {
    it('leaves other requests alone, and binds no browser to them', async () => {
      for (const requestUri of [undefined, 'https://a.example/r', 'urn:ietf:params:oauth:other:x']) {
        expect(isPushedRequestUri(requestUri)).toBe(false);
        const sent = { scope: 'openid', request_uri: requestUri };
        const browser = jest.fn<string, []>();
        expect(await requests.resolve(sent, 'wiki', browser)).toEqual({ pushed: undefined, parameters: sent });
        expect(browser).not.toHaveBeenCalled();
      }
    });

    it('lets the first browser come again while its login may last, and nobody else', async () => {
      const uri = await requests.push('wiki', PARAMETERS);
      await come(uri);
      now += LOGIN_MS;
      expect(await come(uri)).toMatchObject({ pushed: idOf(uri), parameters: PARAMETERS });
      await expect(come(uri, 'two')).rejects.toMatchObject(UNUSABLE);
      now += PUSHED_LIFETIME_SECONDS * 1000;
      await expect(come(uri)).rejects.toMatchObject(UNUSABLE);
    });

    it('has one first browser, of many at once', async () => {
      const uri = await requests.push('wiki', PARAMETERS);
      const outcomes = await Promise.allSettled(Array.from({ length: 9 }, (_, i) => come(uri, `browser-${i}`)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    });

    it('is not used up by another client, or by a name that is none', async () => {
      const uri = await requests.push('wiki', PARAMETERS);
      await expect(come(uri, 'two', {}, 'chat')).rejects.toMatchObject(UNUSABLE);
      await expect(come(`${uri}x`, 'two')).rejects.toMatchObject(UNUSABLE);
      expect(await come(uri)).toMatchObject({ pushed: idOf(uri) });
    });

    it('passes over everything beside, but for a provider where none was pushed', async () => {
      const open = await requests.push('wiki', PARAMETERS);
      const beside = { scope: 'openid groups', state: 'other', redirect_uri: 'https://evil.example/', idp: 'chosen' };
      expect((await come(open, 'one', beside)).parameters).toEqual({ ...PARAMETERS, idp: 'chosen' });
      const fixed = await requests.push('wiki', { ...PARAMETERS, idp: 'pushed' });
      expect((await come(fixed, 'one', beside)).parameters).toEqual({ ...PARAMETERS, idp: 'pushed' });
    });
  });

  describe('R22', () => {
    it('gives one code, of many at once, and is forgotten then', async () => {
      const uri = await requests.push('wiki', PARAMETERS);
      await come(uri);
      const outcomes = await Promise.allSettled(Array.from({ length: 9 }, () => requests.finish(idOf(uri))));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      await expect(come(uri)).rejects.toMatchObject(UNUSABLE);
    });

    it('gives one code also to who began in the last moment and took his time', async () => {
      const uri = await requests.push('wiki', PARAMETERS);
      await come(uri);
      await requests.finish(idOf(uri));
      // Since the other page was loaded: upstream, back from SAML, asked for consent.
      now += PUSHED_LIFETIME_SECONDS * 1000 + 4 * LOGIN_MS;
      await expect(requests.finish(idOf(uri))).rejects.toMatchObject(UNUSABLE);
    });
  });
});
