import pg from 'pg';
import { runGatehouse } from '../harness/gatehouse.js';
import { bearer, signInAsTest } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { send } from './http.js';

let installation: Installation;
let issuer: string;

beforeAll(async () => {
  installation = await startInstallation();
  issuer = installation.server.publicUrl;
});
afterAll(() => installation.stop());

const page = (url: string) => send('GET', url, { headers: { accept: 'text/html' } });
const command = () =>
  runGatehouse(['set-up-link'], {
    databaseUrl: installation.databaseUrl,
    redisUrl: installation.redisUrl,
    publicUrl: issuer,
  });
async function newLink(): Promise<string> {
  const { code, output } = await command();
  expect(code).toBe(0);
  const [link = ''] = /http\S+/.exec(output) ?? [];
  expect(link.startsWith(`${issuer}/setup?token=gth_su_`)).toBe(true);
  return link;
}
/** The link as the page offers it for the `test` provider, as this user. */
const asTest = (link: string) => `${link}&idp=test`;
const isAdministrator = async (user: string) => {
  const { access_token } = await signInAsTest(issuer, user);
  const { body } = await send('GET', `${issuer}/users/me`, { headers: bearer(access_token) });
  return body['is_admin'];
};

describe('D43 the set-up link', () => {
  it('is in no log', async () => {
    await newLink();
    expect(await installation.server.logged()).not.toContain('gth_su_');
  });

  it('is replaced by the next, and a guess is refused with a page that says what to do', async () => {
    const first = await newLink();
    const second = await newLink();
    expect((await page(first)).status).toBe(400);
    expect((await page(second)).status).toBe(200);
    const guess = await page(`${issuer}/setup?token=gth_su_${'A'.repeat(49)}`);
    expect(guess.status).toBe(400);
    expect(guess.text).toContain('set-up-link');
  });

  it('is not used up by being looked at, nor by naming no provider of ours', async () => {
    const link = await newLink();
    for (let n = 0; n < 3; n++) expect((await page(link)).text).toContain('idp=test');
    expect((await page(`${link}&idp=nowhere`)).status).toBe(400);
    expect((await page(link)).status).toBe(200);
  });

  it('makes one of a hundred who come at once the administrator, and nobody after that', async () => {
    const link = await newLink();
    const answers = await Promise.all(Array.from({ length: 100 }, () => page(asTest(link))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(99);
    expect(answers.find(({ status }) => status === 200)?.text).toContain('You are the administrator');
    expect((await page(link)).status).toBe(400);
    const { code, output } = await command();
    expect(code).toBe(1);
    expect(output).toContain('there is an administrator');
  });

  it('gives its rights to that person alone', async () => {
    const database = new pg.Client({ connectionString: installation.databaseUrl });
    await database.connect();
    const { rows } = await database.query<{ email: string }>(
      `SELECT i.email FROM administrator_pins a JOIN external_identities i ON i.id = a.identity_id`,
    );
    await database.end();
    expect(rows).toHaveLength(1);
    // The `test` provider made somebody up, who may come again by name.
    const [name = ''] = (rows[0]?.email ?? '').split('@');
    expect(await isAdministrator(name)).toBe(true);
    expect(await isAdministrator('somebody-else')).toBe(false);
  });
});
