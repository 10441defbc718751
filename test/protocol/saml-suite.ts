import pg from 'pg';
import { Browser } from '../harness/browser.js';
import { freePort } from '../harness/gatehouse.js';
import { SigningIdp, type ResponseMessage, type ResponseOptions } from '../harness/saml-idp.js';
import { beginSaml, postToAcs, ticketOf, type AskedIdp } from '../harness/saml-login.js';
import { startInstallation, type Installation } from '../harness/suite.js';
import { locationOf } from './upstream.js';

export const CALLBACK = 'https://app.example/callback?tenant=1';
export const PORTAL = 'https://portal.example/landing';
export const SSO = 'https://idp.test/sso';
/** A login of the client `web` for tokens in the fragment. */
export const CLIENT = { client_callback: CALLBACK, state: 'client-state' };
export const API = { accept: 'application/json' };

export interface Login {
  readonly id?: string;
  readonly browser?: Browser;
  readonly parameters?: Record<string, string>;
  readonly login?: string;
  readonly answer?: Partial<ResponseOptions>;
}

/** What the specs about SAML share: one server, its identity providers, and logins at them. */
export class SamlSuite {
  installation: Installation;
  database: pg.Client;
  issuer: string;
  /** Serves acme, posted, retired and strong. */
  idp: SigningIdp;
  /** Serves portal and off, and may begin logins itself. */
  portal: SigningIdp;

  async start(): Promise<void> {
    this.idp = await SigningIdp.create({ entityId: 'https://idp.test/metadata' });
    this.portal = await SigningIdp.create({ entityId: 'https://portal.test/metadata' });
    const metadata = JSON.stringify(this.idp.metadata({ ssoUrl: SSO }));
    const portalMetadata = JSON.stringify(this.portal.metadata({ ssoUrl: 'https://portal.test/sso' }));
    const fromPortal = `metadata_xml: ${portalMetadata}, allow_idp_initiated: true, idp_initiated_callback: "${PORTAL}"`;
    this.installation = await startInstallation({
      yaml: `
test_provider: false
client_callbacks: [{ client_id: web, url: "${CALLBACK}" }, "${PORTAL}", "http://127.0.0.1:9000/native"]
saml_providers:
  - { id: acme, name: "Acme & <co>", metadata_xml: ${metadata}, verified_email_domains: [acme.test] }
  - { id: posted, name: Posted, metadata_xml: ${metadata}, request_binding: post }
  - { id: retired, name: Retired, metadata_xml: ${metadata} }
  - id: strong
    metadata_xml: ${metadata}
    requested_authn_context: { classes: ["urn:mfa"], comparison: minimum, accepted: ["urn:mfa", "urn:passkey"] }
  - { id: down, name: Down, metadata_url: "http://localhost:${await freePort()}/metadata" }
  - { id: portal, name: Portal, ${fromPortal} }
  - { id: off, name: Off, enabled: false, ${fromPortal} }
`,
    });
    this.issuer = this.installation.server.publicUrl;
    this.database = new pg.Client({ connectionString: this.installation.databaseUrl });
    // Postgres may be stopped before the suite's own end.
    this.database.on('error', () => undefined);
    await this.database.connect();
  }

  async stop(): Promise<void> {
    await this.database.end().catch(() => undefined);
    await this.installation.stop();
  }

  loginUrl(id: string, parameters: Record<string, string> = {}): URL {
    const url = new URL(`${this.issuer}/saml/${id}/login`);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return url;
  }

  /** A good answer to a request, or to none; any part may be made wrong. */
  answer(
    asked: AskedIdp | undefined,
    login: string,
    changes: Partial<ResponseOptions> = {},
    id = 'acme',
  ): ResponseMessage {
    const { assertion, ...rest } = changes;
    const attributes = { mail: `${login}@acme.test`, displayName: `Person ${login}`, groups: ['staff', 'ops'] };
    return (id === 'portal' || id === 'off' ? this.portal : this.idp).response({
      now: new Date(),
      acsUrl: `${this.issuer}/saml/acs`,
      audience: `${this.issuer}/saml/${id}/metadata`,
      ...(asked === undefined ? {} : { inResponseTo: asked.requestId }),
      ...rest,
      assertion: assertion === null ? null : { nameId: login, attributes, ...assertion },
    });
  }

  /** Posts a message as the IdP's page would make a browser do it. */
  post({ value }: Pick<ResponseMessage, 'value'>, relayState: string | undefined): Promise<Response> {
    return postToAcs(this.issuer, value, relayState);
  }

  /** A login up to the ticket; `complete` is where the browser would go next. */
  async arrived({ id = 'acme', parameters = {}, login = 'alice', answer = {}, ...rest }: Login = {}) {
    const browser = rest.browser ?? new Browser();
    const asked = await beginSaml(browser, this.loginUrl(id, parameters));
    const message = this.answer(asked, login, answer, id);
    const complete = await ticketOf(await this.post(message, asked.relayState));
    return { browser, asked, message, complete };
  }

  /** A whole login in one browser, up to the client. */
  async targetOf(login: Login = {}): Promise<URL> {
    const { browser, complete } = await this.arrived({ parameters: CLIENT, ...login });
    return locationOf(await browser.request(complete));
  }

  /** What the client of a whole login reads in its fragment. */
  async fragmentOf(login: Login = {}): Promise<URLSearchParams> {
    return new URLSearchParams((await this.targetOf(login)).hash.slice(1));
  }

  /** Waits until the audit has the refusal of this reference: it is written apart from the answer. */
  async auditOf(reference: string): Promise<Record<string, unknown>> {
    for (;;) {
      const { rows } = await this.database.query<{ details: Record<string, unknown> }>(
        `SELECT details FROM audit_events WHERE kind = 'saml.refused' AND details->>'reference' = $1`,
        [reference],
      );
      if (rows[0] !== undefined) return rows[0].details;
    }
  }

  /** Waits until the log says why the response of this reference was refused, and answers that line. */
  async logOf(reference: string): Promise<string> {
    for (;;) {
      const lines = this.installation.server.log().split('\n');
      const line = lines.find((text) => text.includes(`"${reference}"`) && text.includes('was refused'));
      if (line !== undefined) return line;
      await new Promise(setImmediate);
    }
  }
}

/** The reference that a page or a client was given. */
export function referenceIn(text: string | null): string {
  return /reference (?:<code>)?([\w-]+)/.exec(text ?? '')?.[1] ?? '';
}

/** Asserts that a browser was told no and given nothing; answers what it reads. */
export async function refused(response: Response, status = 400): Promise<string> {
  const text = await response.text();
  expect([response.status, response.headers.get('location'), text.includes('gth_')]).toEqual([status, null, false]);
  expect(response.headers.get('cache-control')).toBe('no-store');
  return text;
}
