import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { LogoutReceiver } from '../../../test/harness/logout-receiver.js';
import { Deployment, ISSUER, USER_ID, type Instance } from './logout-notices.spec-support.js';

let deployment: Deployment;
let receiver: LogoutReceiver;
let instance: Instance;

beforeAll(async () => {
  deployment = await Deployment.open();
});
afterAll(() => deployment.close());
beforeEach(async () => {
  receiver = await LogoutReceiver.start();
  instance = await deployment.start();
});
afterEach(async () => {
  await deployment.reset();
  await receiver.stop();
});

async function told(): Promise<{ token: string; applicationId: string; sid: string }> {
  const applicationId = await deployment.application(`${receiver.url}/wiki`);
  const sid = await deployment.logout(applicationId);
  await instance.delivery.tick();
  const [one] = receiver.received;
  if (one === undefined) throw new Error('nobody was told');
  return { token: one.token, applicationId, sid };
}

describe('OpenID Connect Back-Channel Logout §2.4', () => {
  it('is a signed JWT of type logout+jwt that our keys verify, as ID tokens are (RS256)', async () => {
    const { token, applicationId } = await told();
    expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'logout+jwt', alg: 'RS256' });
    const keys = createLocalJWKSet(instance.keys.jwks() as never);
    const verified = await jwtVerify(token, keys, { issuer: ISSUER, audience: applicationId, typ: 'logout+jwt' });
    expect(verified.payload.iss).toBe(ISSUER);
  });

  it('says iss, sub, aud, iat, exp, jti, sid and the one event, whose value is {}', async () => {
    const { token, applicationId, sid } = await told();
    const claims = decodeJwt(token);
    expect(claims).toEqual({
      iss: ISSUER,
      sub: USER_ID,
      aud: applicationId,
      iat: expect.any(Number) as number,
      exp: Number(claims.iat) + 120,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      sid,
    });
  });

  it('never has a nonce', async () => {
    expect(decodeJwt((await told()).token)).not.toHaveProperty('nonce');
  });

  it('D33: is nothing that this server takes for an ID token or an access token', async () => {
    const { token, applicationId } = await told();
    for (const typ of ['JWT', 'at+jwt'] as const)
      await expect(
        instance.keys.verify(token, {
          typ,
          issuer: ISSUER,
          audience: applicationId,
          now: new Date(),
          clockToleranceSeconds: 0,
        }),
      ).rejects.toMatchObject({ name: 'InvalidToken' });
  });
});

describe('OpenID Connect Back-Channel Logout §2.6', () => {
  it('gives each attempt a token of its own: one that was remembered must not make the next a replay', async () => {
    receiver.answers(503);
    const { token } = await told();
    await deployment.later(10);
    await instance.delivery.tick();
    const [, again] = receiver.received;
    expect(decodeJwt(again?.token ?? '').jti).not.toBe(decodeJwt(token).jti);
  });
});
