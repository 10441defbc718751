import type { JWTPayload } from 'jose';
import { asserting, JWT_BEARER, newApplicationKey } from '../harness/application-key.js';
import { applicationUrl, walk, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { claimsOf } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { basic, form, json, send, NO_STORE, type Answer } from './http.js';

const key = newApplicationKey('one');
const robot: TestApplication = {
  clientId: 'robot',
  clientSecret: undefined,
  redirectUri: 'https://robot.example/callback',
};
const SECRET = 'a-secret-of-the-wiki-with-enough-characters';
const YAML = `
applications:
  - { client_id: robot, name: Robot, redirect_uris: [${robot.redirectUri}], jwks: ${key.jwks}, consent: skip }
  - { client_id: wiki, client_secret: ${SECRET}, name: Wiki, redirect_uris: ['https://wiki.example/cb'] }
`;

let installation: Installation;
let server: string;
let issuer: string;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML, env: { LOG_LEVEL: 'debug' } });
  server = installation.server.url;
  issuer = installation.server.publicUrl;
});
afterAll(() => installation.stop());

const proof = (claims: JWTPayload = {}) => asserting('robot', key, { aud: issuer, ...claims });

async function codeOf(person: string): Promise<Record<string, string>> {
  const { answer } = await walk(
    new Browser(),
    applicationUrl(server, robot, { login_hint: person }),
    robot.redirectUri,
  );
  const code = String(answer.searchParams.get('code'));
  return { grant_type: 'authorization_code', code, redirect_uri: robot.redirectUri };
}

async function tokensOf(person: string): Promise<Record<string, string>> {
  const answer = await form(`${server}/oauth2/token`, { ...(await codeOf(person)), ...(await proof()) });
  expect(answer.status).toBe(200);
  return answer.body as Record<string, string>;
}

function expectRefused(answer: Answer, status: number, error: string): void {
  expect(answer).toMatchObject({ status, body: { error, error_description: expect.any(String) } });
}

describe('RFC 7523 §2.2 at the token endpoint', () => {
  it('exchanges a code, by form and by JSON, with client_id or without', async () => {
    const answer = await form(`${server}/oauth2/token`, { ...(await codeOf('ann')), ...(await proof()) });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject(NO_STORE);
    expect(claimsOf(String(answer.body['id_token']))['aud']).toBe('robot');
    const body = { ...(await codeOf('ann')), ...(await proof()), client_id: 'robot' };
    expect((await json(`${server}/oauth2/token`, body)).status).toBe(200);
  });

  it.each(['/oauth2/token', '/oauth2/par'])('takes %s for its audience as well (RFC 9126 §2)', async (path) => {
    const body = { ...(await codeOf('ann')), ...(await proof({ aud: [`${issuer}${path}`] })) };
    expect((await form(`${server}/oauth2/token`, body)).status).toBe(200);
  });

  it('refreshes', async () => {
    const { refresh_token: token = '' } = await tokensOf('ben');
    const fields = { grant_type: 'refresh_token', refresh_token: token };
    expectRefused(await form(`${server}/oauth2/token`, { ...fields, client_id: 'robot' }), 401, 'invalid_client');
    expect((await form(`${server}/oauth2/token`, { ...fields, ...(await proof()) })).status).toBe(200);
  });

  it('spends no code on an assertion that is refused, and says nothing of why', async () => {
    const fields = await codeOf('cleo');
    const stranger = newApplicationKey('one');
    const spent = await proof();
    await tokensOf('cleo');
    expect((await form(`${server}/oauth2/introspect`, { token: 'x', ...spent })).status).toBe(200);
    const wrong = [
      await asserting('robot', stranger, { aud: issuer }),
      await proof({ aud: 'https://other.example' }),
      await proof({ exp: Math.floor(Date.now() / 1000) - 3600 }),
      spent,
      await asserting('wiki', key, { aud: issuer }),
      await asserting('nobody', key, { aud: issuer }),
    ];
    const texts = new Set<unknown>();
    for (const assertion of wrong) {
      const answer = await form(`${server}/oauth2/token`, { ...fields, ...assertion });
      expectRefused(answer, 401, 'invalid_client');
      texts.add(answer.body['error_description']);
    }
    expect([...texts]).toEqual(['Client authentication failed']);
    // Whoever runs the server may know.
    const log = await installation.server.logged();
    for (const reason of ['signature verification failed', 'its aud is', '\\"exp\\" claim', 'its jti was used before'])
      expect(log).toContain(reason);
    expect((await form(`${server}/oauth2/token`, { ...fields, ...(await proof()) })).status).toBe(200);
  });

  it('R22 takes each assertion once, at whatever endpoint', async () => {
    const assertion = await proof();
    const at = (path: string) => form(`${server}${path}`, { token: 'x', ...assertion });
    expect((await at('/oauth2/introspect')).status).toBe(200);
    for (const path of ['/oauth2/introspect', '/oauth2/revoke']) expectRefused(await at(path), 401, 'invalid_client');
  });

  it('RFC 6749 §2.3 refuses two ways at once', async () => {
    const fields = await codeOf('dan');
    const both = { ...fields, ...(await proof()), client_id: 'robot', client_secret: SECRET };
    expectRefused(await form(`${server}/oauth2/token`, both), 400, 'invalid_request');
    const basicToo = await form(`${server}/oauth2/token`, { ...fields, ...(await proof()) }, basic('wiki', SECRET));
    expectRefused(basicToo, 400, 'invalid_request');
  });

  it('RFC 7521 §4.2 refuses a client_id that is another’s, another type, and half of it', async () => {
    const assertion = await proof();
    const { client_assertion: _none, ...type } = assertion;
    const { client_assertion_type: _type, ...bare } = assertion;
    for (const fields of [
      { ...assertion, client_id: 'wiki' },
      { ...assertion, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
      type,
      bare,
    ])
      expectRefused(
        await form(`${server}/oauth2/token`, { grant_type: 'refresh_token', refresh_token: 'x', ...fields }),
        400,
        'invalid_request',
      );
  });

  it('says so where the assertion is no JWT, and logs nothing of it', async () => {
    const text = 'not-a-jwt-but-perhaps-a-secret';
    const fields = { client_assertion_type: JWT_BEARER, client_assertion: text };
    const answer = await form(`${server}/oauth2/token`, { grant_type: 'refresh_token', refresh_token: 'x', ...fields });
    expectRefused(answer, 401, 'invalid_client');
    expect(answer.body['error_description']).toContain('client_assertion');
    const good = await proof();
    await form(`${server}/oauth2/introspect`, { token: 'x', ...good });
    const log = await installation.server.logged();
    for (const secret of [text, good['client_assertion']]) expect(log).not.toContain(secret);
  });
});

describe('RFC 7523 §2.2 at introspection and revocation', () => {
  it('shows the application its refresh token, and takes it back', async () => {
    const { refresh_token: token = '' } = await tokensOf('eve');
    const introspect = async (fields: Record<string, string>) =>
      (await form(`${server}/oauth2/introspect`, { token, ...fields })).body['active'];
    expect(await introspect({})).toBe(false);
    expect(await introspect(await proof())).toBe(true);
    expect((await form(`${server}/oauth2/revoke`, { token, ...(await proof()) })).status).toBe(200);
    expect(await introspect(await proof())).toBe(false);
  });
});

describe('RFC 8414 §2', () => {
  it('says so for the three endpoints, with the algorithms', async () => {
    const { body } = await send('GET', `${server}/.well-known/oauth-authorization-server`);
    const algorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
    for (const endpoint of ['token', 'introspection', 'revocation']) {
      expect(body[`${endpoint}_endpoint_auth_methods_supported`]).toContain('private_key_jwt');
      expect(body[`${endpoint}_endpoint_auth_signing_alg_values_supported`]).toEqual(algorithms);
    }
  });
});
