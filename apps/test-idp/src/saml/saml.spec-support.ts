import { SAML, ValidateInResponseTo, type Profile, type SamlConfig } from '@node-saml/node-saml';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeIdpKey, type IdpKey } from '../../../../test/harness/saml-idp-keys.js';
import { createTestIdp, gatehouseMetadataUrl } from '../test-idp.js';
import { SIGNING_CERTIFICATE } from './development-key.js';

/**
 * For the specs of the SAML identity provider: it and a service provider's metadata over real HTTP, a browser, and node-saml
 * as the service provider, because what one library signs another one must accept.
 */

const SP = 'http://localhost:8080';
export const ENTITY_ID = `${SP}/saml/dev-saml/metadata`;
export const ACS = `${SP}/saml/acs`;
export const SLO = `${SP}/saml/slo`;

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function spMetadata(published: readonly IdpKey[]): string {
  const certificates = published.map(
    ({ certificate }) =>
      `<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
  );
  const [encryption] = certificates.map((descriptor) => descriptor.replace('signing', 'encryption'));
  return `<?xml version="1.0"?><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="${ENTITY_ID}">
<md:SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="false" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
${certificates.join('')}${encryption ?? ''}
<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${SLO}"/>
<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${SLO}"/>
<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="${ACS}" index="0" isDefault="true"/>
</md:SPSSODescriptor></md:EntityDescriptor>`;
}

/** Both sides, running. */
export interface SamlEnvironment {
  readonly issuer: string;
  readonly keys: readonly IdpKey[];
  /** What the service provider publishes now; undefined: it does not answer. */
  published: readonly IdpKey[] | undefined;
  readonly faults: readonly Error[];
  browser(): Browser;
  /** node-saml with our settings, signing with the first key unless told otherwise. */
  serviceProvider(options?: Partial<SamlConfig>, key?: IdpKey): SAML;
  begin(sp: SAML, browser: Browser): Promise<void>;
  signIn(login: string, browser?: Browser, sp?: SAML): Promise<Profile>;
  stop(): Promise<void>;
}

export async function startSamlEnvironment(): Promise<SamlEnvironment> {
  const keys = [await makeIdpKey({ commonName: 'first' }), await makeIdpKey({ commonName: 'second' })];
  const faults: Error[] = [];
  const spServer = createServer((_request, response) => {
    if (environment.published === undefined) response.writeHead(503).end();
    else response.end(spMetadata(environment.published));
  });
  const spBase = await listen(spServer);
  const idpServer = createServer();
  const issuer = await listen(idpServer);
  const idp = createTestIdp({
    issuer,
    clients: [],
    serviceProviderMetadataUrl: gatehouseMetadataUrl(spBase),
    onServerError: (error) => faults.push(error),
  });
  idpServer.on('request', idp.callback());

  const environment: SamlEnvironment = {
    issuer,
    keys,
    published: keys.slice(0, 1),
    faults,
    browser: () => new Browser(issuer),
    serviceProvider: (options = {}, key = keys[0]) =>
      new SAML({
        idpCert: SIGNING_CERTIFICATE,
        issuer: ENTITY_ID,
        callbackUrl: ACS,
        entryPoint: `${issuer}/saml/sso`,
        logoutUrl: `${issuer}/saml/slo`,
        audience: ENTITY_ID,
        idpIssuer: `${issuer}/saml/metadata`,
        privateKey: key?.privateKey,
        signatureAlgorithm: 'sha256',
        digestAlgorithm: 'sha256',
        identifierFormat: null,
        disableRequestedAuthnContext: true,
        wantAssertionsSigned: true,
        wantAuthnResponseSigned: true,
        validateInResponseTo: ValidateInResponseTo.always,
        ...options,
      }),
    // Without a space: node-saml signs one as %20 and sends a plus sign.
    begin: async (sp, browser) => browser.get(await sp.getAuthorizeUrlAsync('relay&state', undefined, {})),
    signIn: async (login, browser = environment.browser(), sp = environment.serviceProvider()) => {
      await environment.begin(sp, browser);
      if (browser.html.includes('asks who you are')) await browser.post(browser.at, { login });
      const { action, fields } = browser.form();
      expect(action).toBe(ACS);
      expect(fields['RelayState']).toBe('relay&state');
      const { profile } = await sp.validatePostResponseAsync({ SAMLResponse: fields['SAMLResponse'] ?? '' });
      if (profile === null) throw new Error('no profile');
      return profile;
    },
    stop: async () => {
      for (const server of [idpServer, spServer]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
  return environment;
}

/** A browser without JavaScript that presses the button of a posting form itself; it stops at any other origin. */
export class Browser {
  private cookie = '';
  at = '';
  status = 0;
  html = '';

  constructor(private readonly issuer: string) {}

  async get(url: string): Promise<void> {
    await this.follow(new URL(url, this.at || this.issuer).href, {});
  }

  async post(url: string, fields: Record<string, string>): Promise<void> {
    await this.follow(new URL(url, this.at || this.issuer).href, { method: 'POST', body: new URLSearchParams(fields) });
  }

  /** The form on the page: where it goes, and what it carries. */
  form(): { readonly action: string; readonly fields: Record<string, string> } {
    const decode = (text: string): string =>
      text.replace(
        /&(amp|lt|gt|quot|#39);/g,
        (_whole, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name] ?? '',
      );
    const action = /<form method="post" action="([^"]+)"/.exec(this.html)?.[1] ?? '';
    const inputs = [...this.html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
    return {
      action: decode(action),
      fields: Object.fromEntries(inputs.map(([, name = '', value = '']) => [name, decode(value)])),
    };
  }

  private async follow(url: string, init: RequestInit): Promise<void> {
    this.at = url;
    if (!url.startsWith(this.issuer)) return;
    const response = await fetch(url, { ...init, headers: { cookie: this.cookie }, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) this.cookie = line.split(';')[0] ?? '';
    this.status = response.status;
    this.html = await response.text();
    const location = response.headers.get('location');
    if (location !== null) await this.follow(new URL(location, url).href, {});
  }
}

export const xmlOf = (encoded = ''): string => Buffer.from(encoded, 'base64').toString('utf8');
