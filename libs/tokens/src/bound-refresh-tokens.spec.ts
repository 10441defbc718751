import type { ProvenKey } from './refresh-tokens.js';
import { TestTokens } from './tokens.spec-support.js';

let room: TestTokens;
beforeAll(async () => {
  room = await TestTokens.open();
});
afterAll(() => room.close());

const [KEY, OTHER] = ['k'.repeat(43), 'o'.repeat(43)];
const proving = (jkt: string, client: ProvenKey['client'] = 'public'): ProvenKey => ({ jkt, client });

/** A family of a new session, bound to this key. */
async function family(boundTo?: string): Promise<string> {
  const { sessionId } = await room.session();
  const begun = await room.refreshTokens.begin(sessionId, ['openid', 'email'], undefined, boundTo);
  if (begun === undefined) throw new Error('the session is not alive');
  return begun.refreshToken;
}

/** The successor, or why there is none. */
async function outcome(token: string, key?: ProvenKey, scopes: readonly string[] = []): Promise<string> {
  const rotated = await room.refreshTokens.rotate(token, 'web', scopes, key);
  return 'kind' in rotated ? rotated.kind : rotated.refreshToken;
}
const REFRESHED = expect.stringMatching(/^gth_rt_/) as string;

describe('RFC 9449 §5 a refresh token that is bound to a key', () => {
  it('is used by who proves the key, and by nobody else; trying changes nothing', async () => {
    let token = await family(KEY);
    for (let turn = 0; turn < 3; turn++) {
      expect(await outcome(token)).toBe('key');
      expect(await outcome(token, proving(OTHER))).toBe('key');
      token = await outcome(token, proving(KEY));
      expect(token).toEqual(REFRESHED);
    }
  });

  it('stays bound where a client became confidential meanwhile', async () => {
    const token = await family(KEY);
    expect(await outcome(token, proving(OTHER, 'confidential'))).toBe('key');
    expect(await outcome(token, proving(KEY, 'confidential'))).toEqual(REFRESHED);
  });

  it('a public client binds its family by the first proof, and a later key does not take its place', async () => {
    const bound = await outcome(await family(), proving(KEY));
    expect(await outcome(bound)).toBe('key');
    expect(await outcome(bound, proving(OTHER))).toBe('key');
    expect(await outcome(bound, proving(KEY))).toEqual(REFRESHED);
  });

  it('a confidential client does not: its secret binds its family', async () => {
    const free = await outcome(await family(), proving(KEY, 'confidential'));
    expect(await outcome(await outcome(free, proving(OTHER, 'confidential')))).toEqual(REFRESHED);
  });

  it('D13: the predecessor gets the same successor within ten seconds, by the same key alone', async () => {
    const token = await family();
    const successor = await outcome(token, proving(KEY));
    expect(await outcome(token)).toBe('key');
    expect(await outcome(token, proving(OTHER))).toBe('key');
    expect(await outcome(token, proving(KEY))).toBe(successor);
  });

  it('D13: a used one without the key is no reuse, with the key it is', async () => {
    const token = await family(KEY);
    await outcome(await outcome(token, proving(KEY)), proving(KEY));
    expect(await outcome(token)).toBe('key');
    expect(await outcome(token, proving(KEY))).toBe('reused');
  });

  it('says so of the scope where the key is right', async () => {
    expect(await outcome(await family(KEY), proving(KEY), ['groups'])).toBe('scope');
  });

  it('is told with its key', async () => {
    expect(await room.refreshTokens.find(await family(KEY))).toMatchObject({ active: true, boundTo: KEY });
    expect(await room.refreshTokens.find(await family())).toMatchObject({ active: true, boundTo: undefined });
  });
});
