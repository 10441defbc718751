import { ADDRESS, presenting, TestClients } from '../clients.spec-support.js';
import { ApplicationCommand } from './application-command.js';
import { anotherKeeper, applicationsOf, DEFAULT_ORGANIZATION, registryOf } from './applications.spec-support.js';

const WANTED = ['--organization', 'blue', '--name', 'Grafana', '--redirect-uri', 'https://grafana.example/cb'];
const without = (flag: string) => WANTED.toSpliced(WANTED.indexOf(flag), 2);

describe('D62 application:create', () => {
  let t: TestClients;
  let command: ApplicationCommand;
  beforeAll(async () => {
    t = await TestClients.open();
    await anotherKeeper(t, 'blue');
    command = new ApplicationCommand(t.database, registryOf(t));
  });
  afterAll(() => t.close());

  const clientIdIn = (printed: string) => /^client_id: (app_\S+)$/m.exec(printed)?.[1] ?? '';

  it('prints the id and the secret that prove the application, of the organization asked for', async () => {
    const printed = await command.create(WANTED);
    expect(printed).toMatch(/^Grafana is registered for blue\. Its secret is shown this once:\n/);
    const clientId = clientIdIn(printed);
    const secret = /^client_secret: (gth_as_\S+)$/m.exec(printed)?.[1] ?? '';
    const client = await t.authenticator.identify(presenting(clientId, secret), ADDRESS);
    expect(client).toMatchObject({ authenticated: true, application: { organizationName: 'blue' } });
    expect(await applicationsOf(t).find(clientId)).toMatchObject({
      redirectUris: ['https://grafana.example/cb'],
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      grantTypes: ['authorization_code', 'refresh_token'],
      tokenEndpointAuthMethod: 'client_secret_basic',
      consent: 'ask',
    });
    expect(await t.audited('application.created')).toMatchObject([{ subject: clientId, actor: 'command' }]);
  });

  it('takes several of what may be several, and an organization by its id', async () => {
    const args =
      `--organization ${DEFAULT_ORGANIZATION} --name Grafana --consent=skip --scope groups --resource https://api.example/ ` +
      '--redirect-uri https://a.example/cb --redirect-uri http://127.0.0.1/cb --post-logout-redirect-uri https://a.example/';
    const printed = await command.create([...args.split(' '), '--scope', 'openid email']);
    expect(await applicationsOf(t).find(clientIdIn(printed))).toMatchObject({
      organizationName: 'default',
      redirectUris: ['https://a.example/cb', 'http://127.0.0.1/cb'],
      postLogoutRedirectUris: ['https://a.example/'],
      resources: ['https://api.example/'],
      scopes: ['groups', 'openid', 'email'],
      consent: 'skip',
    });
  });

  it('makes public ones, which have no secret', async () => {
    const printed = await command.create([...WANTED, '--public']);
    expect(printed).not.toContain('client_secret');
    expect(await applicationsOf(t).find(clientIdIn(printed))).toMatchObject({ tokenEndpointAuthMethod: 'none' });
  });

  it('RFC 9449 §5.2: makes ones that get no token without a proof, where it is told so', async () => {
    for (const [flags, bound] of [[['--dpop'], true] as const, [[], false] as const]) {
      const printed = await command.create([...WANTED, ...flags]);
      expect(await applicationsOf(t).find(clientIdIn(printed))).toMatchObject({ dpopBoundAccessTokens: bound });
    }
  });

  it('makes those of devices, with a target or without (RFC 8628)', async () => {
    const device = 'urn:ietf:params:oauth:grant-type:device_code';
    const only = await command.create([...without('--redirect-uri'), '--device', '--public']);
    expect(await applicationsOf(t).find(clientIdIn(only))).toMatchObject({
      redirectUris: [],
      grantTypes: ['refresh_token', device],
      tokenEndpointAuthMethod: 'none',
    });
    const both = await command.create([...WANTED, '--device']);
    expect(await applicationsOf(t).find(clientIdIn(both))).toMatchObject({
      redirectUris: ['https://grafana.example/cb'],
      grantTypes: ['authorization_code', 'refresh_token', device],
    });
  });

  it('says how it is used when asked', async () => {
    expect(await command.create(['--help'])).toMatch(/^usage: gatehouse application:create --organization/);
  });

  it.each([
    [[], /^usage: gatehouse application:create/],
    [without('--organization'), /^usage:/],
    [without('--name'), /^usage:/],
    [without('--redirect-uri'), /^usage:/],
    [[...WANTED, '--wrong'], /\nusage:/],
    [[...WANTED, '--name', ' '], /^--name must have/],
    [[...WANTED, '--consent=never'], /^--consent must be ask or skip/],
    [[...WANTED, '--consent=skip', '--public'], /^--consent cannot be skipped/],
    [[...WANTED, '--organization', 'nowhere'], /^there is no organization "nowhere"/],
    [
      [...WANTED, '--redirect-uri', 'http://a.example/', '--scope', 'admin'],
      /^--redirect-uri must use https.*\n--scope may/,
    ],
  ])('refuses %j and makes nothing', async (args, message) => {
    const count = () => t.database.query(`SELECT count(*)::int AS n FROM applications`);
    const before = await count();
    await expect(command.create(args)).rejects.toThrow(message);
    expect(await count()).toEqual(before);
  });
});
