import { runGatehouse } from '../harness/gatehouse.js';
import { bearer, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { json, send } from './http.js';

const yaml = `organizations:
  - name: payments
    members: [{ user: "test:olga@test.tmi", role: owner }]`;

let installation: Installation;
let issuer: string;
beforeAll(async () => {
  installation = await startInstallation({ yaml });
  issuer = installation.server.publicUrl;
});
afterAll(() => installation.stop());

const command = (...args: string[]) =>
  runGatehouse(args, {
    databaseUrl: installation.databaseUrl,
    redisUrl: installation.redisUrl,
    publicUrl: issuer,
    yaml,
  });
const asked = ['--organization', 'payments', '--name', 'first', '--access', 'manage_organization,read_connections'];
const tokens = '/api/v1/organizations/payments/service-tokens';

describe('D62 an organization from nothing', () => {
  it('its owner of the file manages it as soon as he signs in', async () => {
    const { access_token } = await signInAsTest(issuer, 'olga');
    const { status, body } = await send('GET', `${issuer}${tokens}`, { headers: bearer(access_token) });
    expect([status, body]).toEqual([200, { service_tokens: [], total: 0 }]);
  });

  it('the operator makes the first service token, which makes the others', async () => {
    const { code, output } = await command('service-token:create', ...asked);
    expect(code).toBe(0);
    const authorization = /^Authorization: (\S+)$/m.exec(output)?.[1] ?? '';
    const wanted = { name: 'reader', accesses: ['read_connections'] };
    const made = await json(`${issuer}${tokens}`, wanted, { authorization });
    expect([made.status, made.headers['content-type']]).toEqual([200, 'application/json']);
    const log = await installation.server.logged();
    expect(log).not.toContain(authorization.split(':')[1]);
    expect(log).not.toContain(String(made.body['token']).split(':')[1]);
  });

  it('the same with API keys', async () => {
    const { code, output } = await command('api-key:create', ...asked);
    expect(code).toBe(0);
    const key = /^X-API-Key: (\S+)$/m.exec(output)?.[1] ?? '';
    expect((await send('GET', `${issuer}/api/v1/api-keys`, { headers: { 'x-api-key': key } })).status).toBe(200);
    expect(await installation.server.logged()).not.toContain(key);
  });

  it('says what is wrong, and how to ask', async () => {
    const wrong = await command(
      'api-key:create',
      '--organization',
      'nowhere',
      '--name',
      'x',
      '--access',
      'read_connections',
    );
    expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining('there is no organization "nowhere"')]);
    const help = await command('service-token:create', '--help');
    expect([help.code, help.output]).toEqual([0, expect.stringContaining('usage: gatehouse service-token:create')]);
    expect((await command('help')).output).toContain('api-key:create');
  });
});
