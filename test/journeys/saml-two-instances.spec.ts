import { Browser } from '../harness/browser.js';
import { startGatehouse, type Gatehouse } from '../harness/gatehouse.js';
import { SigningIdp, type ResponseMessage } from '../harness/saml-idp.js';
import { beginSaml, postToAcs, ticketOf, type AskedIdp } from '../harness/saml-login.js';
import { claimsOf } from '../harness/sign-in.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { locationOf } from '../protocol/upstream.js';

const CALLBACK = 'https://app.example/callback';

let installation: Installation;
let second: Gatehouse;
let issuer: string;
let idp: SigningIdp;

beforeAll(async () => {
  idp = await SigningIdp.create();
  const yaml = `
client_callbacks: ["${CALLBACK}"]
saml_providers:
  - id: acme
    name: Acme
    metadata_xml: ${JSON.stringify(idp.metadata({ ssoUrl: 'https://idp.test/sso' }))}
    allow_idp_initiated: true
    idp_initiated_callback: "${CALLBACK}"
`;
  installation = await startInstallation({ yaml });
  const { databaseUrl, redisUrl } = installation;
  issuer = installation.server.publicUrl;
  second = await startGatehouse({ yaml, databaseUrl, redisUrl, publicUrl: issuer });
});
afterAll(async () => {
  await second.stop();
  await installation.stop();
});

const loginUrl = (server: string) => `${server}/saml/acme/login?client_callback=${encodeURIComponent(CALLBACK)}`;

function answerTo(asked: AskedIdp | undefined): ResponseMessage {
  return idp.response({
    now: new Date(),
    acsUrl: `${issuer}/saml/acs`,
    audience: `${issuer}/saml/acme/metadata`,
    ...(asked === undefined ? {} : { inResponseTo: asked.requestId }),
    assertion: { nameId: 'alice', attributes: { mail: 'alice@acme.test' } },
  });
}

/** The same post at both servers at once: how many took it. */
async function takenOf(value: string, relayState: string | undefined): Promise<number> {
  const servers = [issuer, second.url, issuer, second.url, issuer, second.url];
  const answers = await Promise.all(servers.map((server) => postToAcs(server, value, relayState)));
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  return answers.filter(({ status }) => status === 303).length;
}

describe('D10 two instances', () => {
  it('share a login: begun at one, answered at the other, completed at either', async () => {
    for (const [begin, acs, end] of [
      [issuer, second.url, issuer],
      [second.url, issuer, second.url],
      [issuer, second.url, second.url],
    ] as const) {
      const browser = new Browser();
      const asked = await beginSaml(browser, loginUrl(begin));
      const ticket = await ticketOf(await postToAcs(acs, answerTo(asked).value, asked.relayState));
      expect(ticket.href.startsWith(`${issuer}/saml/complete?`)).toBe(true);
      const target = await locationOf(await browser.request(new URL(ticket.pathname + ticket.search, end)));
      const token = new URLSearchParams(target.hash.slice(1)).get('access_token') ?? '';
      expect(claimsOf(token)).toMatchObject({ iss: issuer, idp: 'acme', email: 'alice@acme.test' });
    }
  });

  it('R22: take one answer to a login once, whoever gets it and when', async () => {
    const asked = await beginSaml(new Browser(), loginUrl(issuer));
    const { value } = answerTo(asked);
    expect(await takenOf(value, asked.relayState)).toBe(1);
    expect(await takenOf(value, asked.relayState)).toBe(0);
  });

  it('R10: refuse at one what was used at the other, named as a replay', async () => {
    const { value } = answerTo(undefined);
    await ticketOf(await postToAcs(issuer, value, undefined));
    const again = await postToAcs(second.url, value, undefined);
    expect([again.status, again.headers.get('location')]).toEqual([400, null]);
    await again.arrayBuffer();
    while (!second.log().includes('"check":"replay"')) await new Promise(setImmediate);
  });

  it('R10: let one of six through who come at once with the same assertion', async () => {
    expect(await takenOf(answerTo(undefined).value, undefined)).toBe(1);
  });

  it('R22: take a ticket once', async () => {
    const browser = new Browser();
    const asked = await beginSaml(browser, loginUrl(issuer));
    const ticket = await ticketOf(await postToAcs(second.url, answerTo(asked).value, asked.relayState));
    const at = (server: string) => browser.request(new URL(ticket.pathname + ticket.search, server));
    const answers = await Promise.all([at(issuer), at(second.url), at(issuer), at(second.url)]);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([302, 400, 400, 400]);
  });
});
