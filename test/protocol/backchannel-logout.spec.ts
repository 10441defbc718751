import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import pg from 'pg';
import { signInto, type TestApplication } from '../harness/application.js';
import { startGatehouse, type Gatehouse } from '../harness/gatehouse.js';
import { LogoutReceiver } from '../harness/logout-receiver.js';
import { claimsOf } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form } from './http.js';

const SECRET = 'a-secret-of-these-applications-with-enough-characters';
const wiki: TestApplication = {
  clientId: 'wiki',
  clientSecret: SECRET,
  redirectUri: 'https://wiki.example/callback',
};
const chat: TestApplication = { ...wiki, clientId: 'chat', redirectUri: 'https://chat.example/callback' };
const deaf: TestApplication = { ...wiki, clientId: 'deaf', redirectUri: 'https://deaf.example/callback' };

let receiver: LogoutReceiver;
let installation: Installation;
let second: Gatehouse;
let server: string;
let database: pg.Client;

beforeAll(async () => {
  receiver = await LogoutReceiver.start();
  const common = `client_secret: ${SECRET}, consent: skip`;
  const yaml = `
applications:
  - { client_id: wiki, ${common}, name: Wiki, redirect_uris: [${wiki.redirectUri}],
      backchannel_logout_uri: '${receiver.url}/wiki' }
  - { client_id: chat, ${common}, name: Chat, redirect_uris: [${chat.redirectUri}],
      backchannel_logout_uri: '${receiver.url}/chat' }
  - { client_id: deaf, ${common}, name: Deaf, redirect_uris: [${deaf.redirectUri}] }
`;
  installation = await startInstallation({ yaml });
  server = installation.server.url;
  const { databaseUrl, redisUrl } = installation;
  second = await startGatehouse({ databaseUrl, redisUrl, yaml, publicUrl: installation.server.publicUrl });
  database = new pg.Client({ connectionString: databaseUrl });
  // The suite's Postgres may stop before this is closed.
  database.on('error', () => undefined);
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await second.stop();
  await installation.stop();
  await receiver.stop();
});
beforeEach(() => {
  receiver.received.length = 0;
  receiver.answers(200);
});

/** What an application does with a logout token: §2.6, steps 1 to 7. */
async function verified(token: string, audience: string): Promise<Record<string, unknown>> {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', server));
  const issuer = installation.server.publicUrl;
  return (await jwtVerify(token, keys, { issuer, audience, typ: 'logout+jwt' })).payload;
}

/** Resolves once the table says so: both servers look at it every two seconds. */
async function until(condition: string): Promise<void> {
  for (;;) {
    const { rows } = await database.query<{ met: boolean }>(`SELECT ${condition} AS met FROM logout_notices`);
    if (rows[0]?.met === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** D59: lets all times pass that notices wait for. */
async function passTime(seconds: number): Promise<void> {
  await database.query(
    `CREATE OR REPLACE FUNCTION app_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
     AS $$SELECT now() + interval '${seconds} s'$$`,
  );
}

describe('OpenID Connect Back-Channel Logout', () => {
  it('§2.1 is announced with sid', async () => {
    const metadata = await fetch(`${server}/.well-known/openid-configuration`);
    expect(await metadata.json()).toMatchObject({
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    });
  });

  it('§2.4 §2.5 both applications of one browser are told when another person signs in there, once, two servers running', async () => {
    const inWiki = await signInto(server, wiki, 'ann');
    const { browser } = inWiki;
    const inChat = await signInto(server, chat, 'ann', {}, browser);
    await signInto(server, deaf, 'ann', {}, browser);
    await signInto(server, deaf, 'bob', { prompt: 'login' }, browser);
    for (const [application, tokens] of [
      [wiki, inWiki],
      [chat, inChat],
    ] as const) {
      const [one] = await receiver.until(`/${application.clientId}`, 1);
      const claims = await verified(one?.token ?? '', application.clientId);
      const { sub, sid } = claimsOf(String(tokens.id_token));
      expect(claims).toMatchObject({
        sub,
        sid,
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      });
      expect(claims).not.toHaveProperty('nonce');
    }
    await until('bool_and(delivered_at IS NOT NULL)');
    expect(receiver.received).toHaveLength(2);
  });

  it('§2.4 a person who signs in anew and then out is told of by the sid that each application knows', async () => {
    const early = await signInto(server, wiki, 'carl');
    const late = await signInto(server, chat, 'carl', { prompt: 'login' }, early.browser);
    const url = new URL('/oauth2/logout', server);
    url.searchParams.set('id_token_hint', String(late.id_token));
    const response = await early.browser.request(url);
    expect(response.status).toBe(200);
    for (const [path, tokens] of [
      ['/wiki', early],
      ['/chat', late],
    ] as const) {
      const [one] = await receiver.until(path, 1);
      expect(decodeJwt(one?.token ?? '').sid).toBe(claimsOf(String(tokens.id_token))['sid']);
    }
    await until('bool_and(delivered_at IS NOT NULL)');
  });

  it('§2.8 an application that answers 503 is asked again, with a token of its own', async () => {
    receiver.answers(503);
    const { browser, id_token: idToken } = await signInto(server, wiki, 'dora');
    await signInto(server, deaf, 'emil', { prompt: 'login' }, browser);
    await receiver.until('/wiki', 1);
    await until('bool_or(attempts = 1 AND leased_until IS NULL AND delivered_at IS NULL)');
    receiver.answers(204);
    await passTime(3600);
    const [first, again] = await receiver.until('/wiki', 2);
    expect((await verified(again?.token ?? '', 'wiki'))['sid']).toBe(claimsOf(String(idToken))['sid']);
    expect(decodeJwt(again?.token ?? '').jti).not.toBe(decodeJwt(first?.token ?? '').jti);
    await until('bool_and(delivered_at IS NOT NULL)');
  });

  it('RFC 7009 an application that revokes its own token is not told', async () => {
    const tokens = await signInto(server, wiki, 'finn');
    const answer = await form(`${server}/oauth2/revoke`, { token: tokens.refresh_token }, basic('wiki', SECRET));
    expect(answer.status).toBe(200);
    const { rows } = await database.query(`SELECT n.id FROM logout_notices n WHERE n.sid = $1`, [
      claimsOf(String(tokens.id_token))['sid'],
    ]);
    expect(rows).toEqual([]);
  });
});
