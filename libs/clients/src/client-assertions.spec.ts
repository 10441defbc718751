import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  SignJWT,
  UnsecuredJWT,
  type CryptoKey,
  type JWK,
  type JWTPayload,
} from 'jose';
import { Lockout } from '@app/edge';
import { TRANSIENT_STORE, type TransientStore } from '@app/transient-store';
import { applicationsOf, KEEPER, registryOf, settings } from './applications/applications.spec-support.js';
import { ASSERTION_ALGORITHMS } from './client-assertions.js';
import { ADDRESS, TestClients } from './clients.spec-support.js';
import { presentedClient } from './presented-client.js';

const ISSUER = 'https://gatehouse.example';
const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const INVALID = { code: 'invalid_client', status: 401, description: 'Client authentication failed' };

interface Key {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

async function newKey(alg = 'ES256', members: object = {}): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), ...members } };
}

describe('private_key_jwt', () => {
  let t: TestClients;
  let key: Key;
  let clientId: string;
  let jtis = 0;

  beforeAll(async () => {
    t = await TestClients.open({ publicUrl: ISSUER });
    key = await newKey();
    clientId = await registered([key.jwk]);
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => t.close());

  async function registered(keys: readonly JWK[]): Promise<string> {
    const jwks = { keys: [...keys] };
    const wanted = settings({ tokenEndpointAuthMethod: 'private_key_jwt', jwks });
    return (await registryOf(t).create(KEEPER, wanted, {})).application.clientId;
  }

  const now = () => Math.floor(t.now.getTime() / 1000);
  const claims = (changes: JWTPayload = {}): JWTPayload => ({
    iss: clientId,
    sub: clientId,
    aud: ISSUER,
    exp: now() + 60,
    iat: now(),
    jti: `jti-${jtis++}`,
    ...changes,
  });
  const signed = (payload = claims(), header: object = {}, privateKey: CryptoKey | Uint8Array = key.privateKey) =>
    new SignJWT(payload).setProtectedHeader({ alg: 'ES256', ...header }).sign(privateKey);
  const identify = (assertion: string, address = ADDRESS) =>
    t.authenticator.identify(
      presentedClient(undefined, { client_assertion: assertion, client_assertion_type: TYPE }),
      address,
    );
  const refused = async (assertion: string, reason: string) =>
    expect(identify(assertion)).rejects.toMatchObject({ ...INVALID, logDetail: expect.stringContaining(reason) });

  describe('RFC 7523 §3', () => {
    it('proves the application', async () => {
      const client = await identify(await signed());
      expect(client).toMatchObject({ clientId, authenticated: true, application: { clientId } });
    });

    it.each<[string, JWTPayload, string]>([
      ['iss of somebody else (1)', { iss: 'other' }, 'iss'],
      ['no iss (1)', { iss: undefined }, 'iss'],
      ['no aud (3)', { aud: undefined }, 'aud'],
      ['aud of another server (3)', { aud: 'https://other.example' }, 'aud'],
      ['aud of an address that is none of ours to authenticate at', { aud: `${ISSUER}/oauth2/userinfo` }, 'aud'],
      ['aud with other servers beside', { aud: [ISSUER, 'https://other.example'] }, 'aud'],
      ['aud that is us and no text', { aud: [ISSUER, 5 as never] }, 'aud'],
      ['an empty aud', { aud: [] }, 'aud'],
      ['no exp (4)', { exp: undefined }, 'exp'],
      ['exp that is no number (4)', { exp: 'soon' as never }, 'exp'],
      ['nbf that is no number (5)', { nbf: 'soon' as never }, 'nbf'],
      ['no jti (7)', { jti: undefined }, 'jti'],
      ['an empty jti', { jti: '' }, 'jti'],
      ['jti that is no text', { jti: 5 as never }, 'jti'],
    ])('refuses %s, with one text for all', async (_what, changes, reason) => {
      await refused(await signed(claims(changes)), reason);
    });

    it.each([
      ['the issuer (RFC 9700 §4)', ISSUER],
      ['the issuer as a list of one', [ISSUER]],
      ['the token endpoint (OIDC Core §9)', `${ISSUER}/oauth2/token`],
      ['the endpoint for pushed requests (RFC 9126 §2)', `${ISSUER}/oauth2/par`],
      ['both, as Auth.js sends them,', [ISSUER, `${ISSUER}/oauth2/token`]],
    ])('takes %s for its aud', async (_what, aud) => {
      expect(await identify(await signed(claims({ aud })))).toMatchObject({ clientId });
    });

    it.each<[string, (seconds: number) => JWTPayload, 'good' | 'refused']>([
      ['D40 exp a minute ago but one second', (s) => ({ exp: s - 59 }), 'good'],
      ['exp a minute ago', (s) => ({ exp: s - 60 }), 'refused'],
      ['exp five minutes ahead, and the skew', (s) => ({ exp: s + 360 }), 'good'],
      ['exp later than that', (s) => ({ exp: s + 362 }), 'refused'],
      ['exp of no end', () => ({ exp: 1e300 }), 'refused'],
      ['D40 iat a minute ahead', (s) => ({ iat: s + 60 }), 'good'],
      ['iat later than that', (s) => ({ iat: s + 62 }), 'refused'],
      ['no iat', () => ({ iat: undefined }), 'good'],
      ['D40 nbf a minute ahead', (s) => ({ nbf: s + 60 }), 'good'],
      ['nbf later than that', (s) => ({ nbf: s + 62 }), 'refused'],
    ])('judges %s by our clock', async (_what, changes, outcome) => {
      const answer = identify(await signed(claims(changes(now()))));
      if (outcome === 'good') expect(await answer).toMatchObject({ clientId });
      else await expect(answer).rejects.toMatchObject(INVALID);
    });
  });

  describe('R22', () => {
    it('takes a jti once, of many at once, until it has expired', async () => {
      const assertion = await signed(claims({ exp: now() + 10 }));
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => identify(assertion)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      t.later(69_000);
      await refused(assertion, 'jti was used');
      t.later(1000);
      await refused(assertion, 'exp');
    });

    it('keeps the jti of one application apart from another’s', async () => {
      const other = await registered([key.jwk]);
      await identify(await signed(claims({ jti: 'same' })));
      const theirs = claims({ jti: 'same', iss: other, sub: other });
      expect(await identify(await signed(theirs))).toMatchObject({ clientId: other });
    });

    it('is not used up by who has no key', async () => {
      const payload = claims();
      await refused(await signed(payload, {}, (await newKey()).privateKey), 'signature');
      expect(await identify(await signed(payload))).toMatchObject({ clientId });
    });

    it('fails closed while the store cannot say whether it was used', async () => {
      const store = t.app.get<TransientStore>(TRANSIENT_STORE, { strict: false });
      jest.spyOn(store, 'setIfAbsent').mockRejectedValue(new Error('gone'));
      await expect(identify(await signed())).rejects.toThrow('gone');
    });
  });

  describe('R33', () => {
    it.each([...ASSERTION_ALGORITHMS])('takes %s', async (alg) => {
      const pair = await newKey(alg);
      const id = await registered([pair.jwk]);
      const assertion = await signed(claims({ iss: id, sub: id }), { alg }, pair.privateKey);
      expect(await identify(assertion)).toMatchObject({ clientId: id });
    });

    it('takes no unsigned one, no symmetric one, and no algorithm that is not listed', async () => {
      await refused(new UnsecuredJWT(claims()).encode(), '');
      const secret = new TextEncoder().encode(await exportSPKI(key.publicKey));
      await refused(await signed(claims(), { alg: 'HS256' }, secret), 'alg');
      const rsa = await newKey('RS512');
      const id = await registered([rsa.jwk]);
      await refused(await signed(claims({ iss: id, sub: id }), { alg: 'RS512' }, rsa.privateKey), 'alg');
    });

    it('believes no key that the assertion brings or points at', async () => {
      const thief = await newKey();
      const { x5c: _none, ...jwk } = thief.jwk;
      for (const header of [{ jwk }, { jku: 'https://thief.example/jwks' }, { jwk, kid: 'mine' }])
        await expect(identify(await signed(claims(), header, thief.privateKey))).rejects.toMatchObject(INVALID);
    });

    it('finds the key by its kid, which must be there where several fit (OIDC Core §10.1)', async () => {
      const [one, two] = [await newKey('ES256', { kid: 'one' }), await newKey('ES256', { kid: 'two' })];
      const id = await registered([one.jwk, two.jwk]);
      const own = () => claims({ iss: id, sub: id });
      expect(await identify(await signed(own(), { kid: 'two' }, two.privateKey))).toMatchObject({ clientId: id });
      await refused(await signed(own(), { kid: 'one' }, two.privateKey), 'signature');
      await refused(await signed(own(), { kid: 'three' }, two.privateKey), 'no applicable key');
      await refused(await signed(own(), {}, two.privateKey), 'multiple');
    });

    it('takes no extension that it does not know (RFC 7515 §4.1.11)', async () => {
      const [, payload, signature] = (await signed()).split('.');
      const header = Buffer.from(JSON.stringify({ alg: 'ES256', crit: ['x'], x: 1 })).toString('base64url');
      await refused([header, payload, signature].join('.'), '"x" is not recognized');
    });
  });

  describe('RFC 8725 §3.12', () => {
    it.each(['JWT', 'jwt', 'application/jwt', 'client-authentication+jwt'])('takes typ %s', async (typ) => {
      expect(await identify(await signed(claims(), { typ }))).toMatchObject({ clientId });
    });

    it.each(['oauth-authz-req+jwt', 'dpop+jwt', 'at+jwt', 'logout+jwt', ''])(
      'takes no JWT of another kind that the same key signed: typ %s',
      async (typ) => refused(await signed(claims(), { typ }), 'typ'),
    );
  });

  describe('OIDC Core §9', () => {
    it('is the only way in for an application with a key, and none for others', async () => {
      const bare = presentedClient(undefined, { client_id: clientId });
      const guess = presentedClient(undefined, { client_id: clientId, client_secret: 'guess' });
      for (const presented of [bare, guess])
        await expect(t.authenticator.identify(presented, '192.0.2.20')).rejects.toMatchObject(INVALID);
      const { application } = await registryOf(t).create(KEEPER, settings(), {});
      const theirs = claims({ iss: application.clientId, sub: application.clientId });
      await refused(await signed(theirs), 'not registered');
      await refused(await signed(claims({ iss: 'nobody', sub: 'nobody' })), 'unknown');
    });

    it('takes the new keys at once, and the old ones no longer (D20)', async () => {
      const { application } = await registryOf(t).create(
        KEEPER,
        settings({ tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [key.jwk] } }),
        {},
      );
      const own = () => claims({ iss: application.clientId, sub: application.clientId });
      await identify(await signed(own()));
      const next = await newKey();
      await registryOf(t).change(KEEPER, application.id, (current) => ({ ...current, jwks: { keys: [next.jwk] } }), {});
      await refused(await signed(own()), 'signature');
      const client = await identify(await signed(own(), {}, next.privateKey));
      expect(client).toMatchObject({ clientId: application.clientId });
      await registryOf(t).disable(KEEPER, application.id, {});
      await refused(await signed(own(), {}, next.privateKey), 'unknown or disabled');
      expect(await applicationsOf(t).find(application.clientId)).toBeUndefined();
    });

    it('proves no machine: there are none with a key', async () => {
      const presented = presentedClient(undefined, { client_assertion: await signed(), client_assertion_type: TYPE });
      await expect(t.authenticator.authenticateMachine(presented, ADDRESS)).rejects.toMatchObject(INVALID);
    });
  });

  describe('R29', () => {
    const HERE = '192.0.2.99';

    it('locks client and address after ten that its key did not make, for good ones too', async () => {
      const thief = await newKey();
      for (let i = 0; i < 10; i++)
        await expect(identify(await signed(claims(), {}, thief.privateKey), HERE)).rejects.toMatchObject(INVALID);
      await expect(identify(await signed(), HERE)).rejects.toMatchObject({ status: 429 });
      expect(await identify(await signed(), '198.51.100.77')).toMatchObject({ clientId });
      t.later(15 * 60_000 + 1);
    });

    it('counts none that its key did make: whoever keeps one for too long is not guessing', async () => {
      const failed = jest.spyOn(t.app.get(Lockout, { strict: false }), 'failed');
      await refused(await signed(claims({ exp: now() - 1000 })), 'exp');
      await refused(await signed(claims({ aud: 'https://other.example' })), 'aud');
      const again = await signed();
      await identify(again);
      await refused(again, 'jti');
      expect(failed).not.toHaveBeenCalled();
    });
  });
});
