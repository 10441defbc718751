import { decodeJwt } from 'jose';
import type { AccessTokenClaims } from './access-token.js';
import { TestTokens } from './tokens.spec-support.js';

let room: TestTokens;
beforeAll(async () => {
  room = await TestTokens.open();
});
afterAll(() => room.close());

const SCOPES = ['openid', 'email'];

async function exchanged() {
  const { token, facts } = await room.accessToken(SCOPES);
  const subject = decodeJwt<AccessTokenClaims>(token);
  const wanted = { scopes: ['email'], audience: 'https://api.example/', notAfter: subject.exp, boundTo: undefined };
  const issue = () => room.issuer.forExchange(facts, { ...wanted, subjectTokenId: subject.jti });
  return { token, subject, issue };
}

describe('RFC 8693 a token of an exchange', () => {
  it('ends when its subject token ends, however late it is exchanged', async () => {
    const { subject, issue } = await exchanged();
    room.later(600_000);
    const { accessToken, expiresIn } = await issue();
    expect(decodeJwt(accessToken).exp).toBe(subject.exp);
    expect(expiresIn).toBe(subject.exp - Math.floor(room.now.getTime() / 1000));
  });

  it('has the session and the generations of the subject token, and what its own scopes name', async () => {
    const { subject, issue } = await exchanged();
    const { sub, client_id, sid, org, idp, gen, email } = subject;
    const claims = decodeJwt<AccessTokenClaims>((await issue()).accessToken);
    expect(claims).toMatchObject({ sub, client_id, sid, org, idp, gen, email, src: subject.jti, scope: 'email' });
    expect(claims.aud).toBe('https://api.example/');
  });

  it('D20: dies with the subject token at once, and not the other way round', async () => {
    const { token, subject, issue } = await exchanged();
    const [one, two] = [(await issue()).accessToken, (await issue()).accessToken];
    const revoke = (jti: string | undefined) =>
      room.revocations.transaction(async (_manager, kill) => kill({ subject: `token:${jti}`, generation: 1 }));
    await revoke(decodeJwt(one).jti);
    const alive = async () =>
      Promise.all([one, two, token].map(async (each) => (await room.verifier.inspect(each)) !== undefined));
    expect(await alive()).toEqual([false, true, true]);
    await revoke(subject.jti);
    expect(await alive()).toEqual([false, false, false]);
  });
});
