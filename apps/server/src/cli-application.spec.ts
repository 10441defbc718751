import * as oidc from 'openid-client';
import { Browser } from '../../../test/harness/browser.js';
import { runGatehouse } from '../../../test/harness/gatehouse.js';
import { startInstallation, type Installation } from '../../../test/harness/suite.js';

const CALLBACK = 'http://localhost:3000/callback';
const SECRET = 'a-secret-of-the-file-for-express-app';
const yaml = `
organizations: [{ name: payments }]
applications:
  - client_id: express
    client_secret: \${EXPRESS_CLIENT_SECRET}
    name: Express
    redirect_uris: [${CALLBACK}]
    consent: skip
  - client_id: ledger
    client_secret: \${EXPRESS_CLIENT_SECRET}
    organization: payments
    name: Ledger
    redirect_uris: [${CALLBACK}]
`;
const env = { EXPRESS_CLIENT_SECRET: SECRET };

describe('D62 registering applications', () => {
  let installation: Installation;
  let issuer: string;
  beforeAll(async () => {
    installation = await startInstallation({ yaml, env });
    issuer = installation.server.publicUrl;
  });
  afterAll(() => installation.stop());

  const create = (...args: string[]) =>
    runGatehouse(['application:create', ...args], {
      databaseUrl: installation.databaseUrl,
      redisUrl: installation.redisUrl,
      publicUrl: issuer,
      yaml,
      env,
    });
  const discovered = (clientId: string, secret: string) =>
    oidc.discovery(new URL(issuer), clientId, secret, undefined, {
      execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
    });
  const signIn = async (config: oidc.Configuration) => {
    const [pkceCodeVerifier, state] = [oidc.randomPKCECodeVerifier(), oidc.randomState()];
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: 'openid profile email',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state,
      idp: 'test',
      login_hint: 'ada',
    });
    const answer = await new Browser().follow(url, (next) => next.href.startsWith(CALLBACK));
    const tokens = await oidc.authorizationCodeGrant(config, answer, { pkceCodeVerifier, expectedState: state });
    return tokens.claims();
  };
  /** A code that nobody was given: what is refused is the code, once the client is believed. */
  const refusalOf = async (clientId: string, secret: string): Promise<unknown> => {
    const form = { grant_type: 'authorization_code', code: 'none', redirect_uri: CALLBACK };
    const response = await fetch(`${issuer}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ ...form, client_id: clientId, client_secret: secret }),
    });
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  };

  it('the file’s are there when the server is, also those of an organization that it makes itself', async () => {
    expect(await refusalOf('express', SECRET)).toBe('invalid_grant');
    expect(await refusalOf('ledger', SECRET)).toBe('invalid_grant');
    expect(await refusalOf('express', `${SECRET}x`)).toBe('invalid_client');
    expect(await refusalOf('unheard-of', SECRET)).toBe('invalid_client');
  });

  it('people sign in to one of the file with openid-client', async () => {
    const claims = await signIn(await discovered('express', SECRET));
    expect(claims).toMatchObject({ iss: issuer, aud: 'express', email: 'ada@test.tmi' });
  });

  it('the operator registers another at the terminal, to which people sign in at once', async () => {
    const { code, output } = await create(
      '--organization',
      'default',
      '--name',
      'Wiki',
      '--redirect-uri',
      CALLBACK,
      '--consent=skip',
    );
    expect([code, output]).toEqual([0, expect.stringContaining('Wiki is registered for default')]);
    const clientId = /^client_id: (\S+)$/m.exec(output)?.[1] ?? '';
    const secret = /^client_secret: (\S+)$/m.exec(output)?.[1] ?? '';
    expect(await signIn(await discovered(clientId, secret))).toMatchObject({ aud: clientId, email: 'ada@test.tmi' });
    expect(installation.server.log()).not.toContain(secret);
  });

  it('says what is wrong, and how to ask', async () => {
    const wrong = await create('--organization', 'default', '--name', 'Wiki', '--redirect-uri', 'http://wiki.example/');
    expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining('--redirect-uri must use https')]);
    const help = await create('--help');
    expect([help.code, help.output]).toEqual([0, expect.stringContaining('usage: gatehouse application:create')]);
  });

  it('R31 the log of the start tells no secret', () => expect(installation.server.log()).not.toContain(SECRET));
});
