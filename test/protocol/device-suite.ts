import { Redis } from 'ioredis';
import { Client } from 'pg';
import { newApplicationKey } from '../harness/application-key.js';
import { applicationUrl, walk, type TestApplication } from '../harness/application.js';
import { Browser } from '../harness/browser.js';
import { DEVICE_CODE_GRANT, type TestDevice } from '../harness/device.js';
import { startGatehouse, type Gatehouse } from '../harness/gatehouse.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { form } from './http.js';

export const SECRET = 'a-secret-of-these-applications-with-enough-characters';
export const API = 'https://api.example/';
export const SPA = 'http://localhost:4999/callback';
export const robotKey = newApplicationKey('one');
export const wiki: TestApplication = {
  clientId: 'wiki',
  clientSecret: SECRET,
  redirectUri: 'https://wiki.example/callback',
};
/** It asks for a code although it is registered for devices alone. */
export const kiosk: TestApplication = { ...wiki, clientId: 'kiosk', redirectUri: 'https://kiosk.example/' };
export const screen: TestDevice = { clientId: 'screen', clientSecret: undefined };
/** Its organization has consented for everybody, and it may not refresh. */
export const printer: TestDevice = { clientId: 'printer', clientSecret: SECRET };
/** It gets no token without a DPoP proof. */
export const locked: TestDevice = { clientId: 'locked', clientSecret: undefined };
/** Of another organization. */
export const blue: TestDevice = { clientId: 'blue-screen', clientSecret: undefined };

const GRANTS = `grant_types: [refresh_token, '${DEVICE_CODE_GRANT}']`;
export const YAML = `
organizations: [{ name: blue }]
oauth_providers:
  - { id: acme, type: oidc, issuer: 'http://localhost:9/', name: Acme, client_id: x, client_secret: not-used-here,
      organization: blue }
client_callbacks: [{ client_id: spa, url: '${SPA}' }]
applications:
  - { client_id: screen, name: "Lobby <b>screen</b>", ${GRANTS}, resources: ['${API}'] }
  - { client_id: printer, client_secret: ${SECRET}, name: Printer, grant_types: ['${DEVICE_CODE_GRANT}'], consent: skip }
  - { client_id: locked, name: Locked, ${GRANTS}, dpop_bound_access_tokens: true }
  - { client_id: robot, name: Robot, ${GRANTS}, jwks: ${robotKey.jwks} }
  - { client_id: blue-screen, name: Blue, ${GRANTS}, organization: blue }
  - { client_id: wiki, client_secret: ${SECRET}, name: Wiki, redirect_uris: [${wiki.redirectUri}], consent: skip }
  - { client_id: kiosk, client_secret: ${SECRET}, name: Kiosk, redirect_uris: ['${kiosk.redirectUri}'], ${GRANTS} }
`;

/** Two instances behind one address, over one database and one Redis. */
export class DeviceSuite {
  private constructor(
    readonly installation: Installation,
    readonly other: Gatehouse,
  ) {}

  static async start(): Promise<DeviceSuite> {
    const installation = await startInstallation({ yaml: YAML });
    const { databaseUrl, redisUrl, server } = installation;
    return new DeviceSuite(
      installation,
      await startGatehouse({ databaseUrl, redisUrl, yaml: YAML, publicUrl: server.url }),
    );
  }

  get server(): string {
    return this.installation.server.url;
  }

  async stop(): Promise<void> {
    await this.other.stop();
    await this.installation.stop();
  }

  /** A browser in which somebody is signed in already, by an application that asks nothing. */
  async browserOf(person: string): Promise<Browser> {
    const browser = new Browser();
    await walk(browser, applicationUrl(this.server, wiki, { login_hint: person }), wiki.redirectUri);
    return browser;
  }

  async redis<T>(step: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(this.installation.redisUrl.replace('unix://', ''));
    return step(client).finally(() => client.disconnect());
  }

  async rows(sql: string): Promise<unknown[]> {
    const client = new Client({ connectionString: this.installation.databaseUrl });
    await client.connect();
    return client
      .query(sql)
      .then(({ rows }) => rows as unknown[])
      .finally(() => client.end());
  }

  async isActive(token: unknown): Promise<unknown> {
    return (await form(`${this.server}/oauth2/introspect`, { token: String(token) })).body['active'];
  }
}

/** Status and code of a refusal. */
export async function refusal(answer: Promise<{ status: number; body: Record<string, unknown> }>): Promise<unknown[]> {
  const { status, body } = await answer;
  return [status, body['error']];
}
