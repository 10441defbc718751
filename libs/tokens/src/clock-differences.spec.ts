import { TestTokens } from './tokens.spec-support.js';

let room: TestTokens;
beforeAll(async () => {
  room = await TestTokens.open();
});
afterAll(() => room.close());

describe('D40 instances whose clocks differ', () => {
  it.each([
    [1, 'good'],
    [59, 'good'],
    [61, 'refused'],
  ])('finds a token of an instance %i s ahead of us %s (RFC 9068 §4, nbf)', async (seconds, verdict) => {
    room.later(seconds * 1000);
    const { token } = await room.accessToken();
    room.later(-seconds * 1000);
    expect((await room.verifier.verify(token)) === undefined ? 'refused' : 'good').toBe(verdict);
  });

  it('forgives nothing at the end: a token is refused in the second of its exp (RFC 7519 §4.1.4)', async () => {
    const { token } = await room.accessToken();
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number };
    room.later(exp * 1000 - 1 - room.now.getTime());
    expect(await room.verifier.verify(token)).toBeDefined();
    room.later(1);
    expect(await room.verifier.verify(token)).toBeUndefined();
    const unseen = (await room.accessToken()).token;
    const end = JSON.parse(Buffer.from(unseen.split('.')[1] ?? '', 'base64url').toString()) as { exp: number };
    room.later(end.exp * 1000 - room.now.getTime());
    expect(await room.verifier.verify(unseen)).toBeUndefined();
  });
});
