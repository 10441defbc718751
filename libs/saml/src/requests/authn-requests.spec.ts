import { verify, X509Certificate } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { loadConfig, type SamlProviderConfig } from '@app/config';
import { SignedXml } from 'xml-crypto';
import { makeIdpKey, toPem, type IdpKey } from '../../../../test/harness/saml-idp.js';
import type { IdpDescription, SamlEndpoint } from '../metadata/idp-description.js';
import type { SamlKeys } from '../sp/saml-keys.js';
import {
  NoSingleSignOnEndpoint,
  SamlAuthnRequests,
  singleSignOnEndpoint,
  type AuthnRequestOrder,
} from './authn-requests.js';
import { aSamlProvider } from '../../../../test/harness/saml-provider.js';

const SSO = 'https://idp.example/sso?tenant=a%20b';
const RELAY_STATE = 'x'.repeat(43);
const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';

const at = (binding: SamlEndpoint['binding'], location = SSO): SamlEndpoint => ({
  binding,
  location,
  responseLocation: undefined,
});

const IDP: IdpDescription = {
  entityId: 'https://idp.example/metadata',
  signingCertificates: ['AAAA'],
  encryptionCertificates: [],
  singleSignOn: [at('post'), at('redirect')],
  singleLogout: [],
  wantAuthnRequestsSigned: false,
  nameIdFormats: [],
  validUntil: undefined,
  cacheSeconds: undefined,
};

const PROVIDER = aSamlProvider('acme', { entityId: 'https://gatehouse.example/saml/acme/metadata?a=1&b=2' });

let key: IdpKey;
let requests: SamlAuthnRequests;
beforeAll(async () => {
  key = await makeIdpKey();
  const keys = { signing: () => ({ privateKey: key.privateKey, certificate: key.certificate }) } as SamlKeys;
  const config = { ...loadConfig({}, () => ''), publicUrl: 'https://gatehouse.example' };
  requests = new SamlAuthnRequests(keys, config);
});

interface Changes {
  readonly provider?: Partial<SamlProviderConfig>;
  readonly idp?: Partial<IdpDescription>;
  readonly order?: Partial<AuthnRequestOrder>;
}

function begin({ provider, idp, order }: Changes = {}) {
  return requests.begin({
    provider: { ...PROVIDER, ...provider },
    idp: { ...IDP, ...idp },
    relayState: RELAY_STATE,
    interaction: 'as-needed',
    contextClasses: [],
    ...order,
  });
}

async function byRedirect(changes: Changes = {}) {
  const begun = await begin(changes);
  if (begun.kind !== 'redirect') throw new Error('it is a form');
  const url = new URL(begun.url);
  const message = Buffer.from(url.searchParams.get('SAMLRequest') ?? '', 'base64');
  return { ...begun, address: url, xml: inflateRawSync(message).toString() };
}

async function byPost(changes: Changes = {}) {
  const begun = await begin({ ...changes, provider: { requestBinding: 'post', ...changes.provider } });
  if (begun.kind !== 'post') throw new Error('it is a redirect');
  return { ...begun, xml: Buffer.from(begun.fields.SAMLRequest, 'base64').toString() };
}

/** Opening tag of an element of the request. */
const tag = (xml: string, name: string) => new RegExp(`<(?:\\w+:)?${name}\\b[^>]*>`).exec(xml)?.[0];

describe('SAML core §3.4.1', () => {
  it('asks for an answer to our ACS over POST, in our name, at the address it is sent to', async () => {
    for (const { xml, requestId } of [await byRedirect(), await byPost()]) {
      const request = tag(xml, 'AuthnRequest') ?? '';
      expect(request).toContain(`ID="${requestId}"`);
      expect(request).toContain('Version="2.0"');
      expect(request).toContain('AssertionConsumerServiceURL="https://gatehouse.example/saml/acs"');
      expect(request).toContain('ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"');
      expect(request).toContain('Destination="https://idp.example/sso?tenant=a%20b"');
      expect(xml).toContain('>https://gatehouse.example/saml/acme/metadata?a=1&amp;b=2</');
    }
  });

  it('leaves the interaction to the IdP, unless it is told', async () => {
    const plain = tag((await byRedirect()).xml, 'AuthnRequest');
    expect(plain).not.toMatch(/ForceAuthn|IsPassive/);
    const forced = tag((await byRedirect({ order: { interaction: 'forced' } })).xml, 'AuthnRequest');
    expect(forced).toContain('ForceAuthn="true"');
    expect(forced).not.toContain('IsPassive');
    const silent = tag((await byRedirect({ order: { interaction: 'forbidden' } })).xml, 'AuthnRequest');
    expect(silent).toContain('IsPassive="true"');
    expect(silent).not.toContain('ForceAuthn');
    expect(tag((await byRedirect({ provider: { forceAuthn: true } })).xml, 'AuthnRequest')).toContain(
      'ForceAuthn="true"',
    );
  });

  it('asks for a NameID format only where one is configured', async () => {
    expect(tag((await byRedirect()).xml, 'NameIDPolicy')).not.toContain('Format=');
    const nameIdFormat = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
    expect(tag((await byRedirect({ provider: { nameIdFormat } })).xml, 'NameIDPolicy')).toContain(
      `Format="${nameIdFormat}"`,
    );
  });

  it('§3.3.2.2.1: asks for an authentication context only where one is configured or asked for', async () => {
    expect((await byRedirect()).xml).not.toContain('RequestedAuthnContext');
    const requestedAuthnContext = { classes: ['urn:a', 'urn:b'], comparison: 'minimum', accepted: ['urn:c'] } as const;
    const configured = (await byRedirect({ provider: { requestedAuthnContext } })).xml;
    expect(tag(configured, 'RequestedAuthnContext')).toContain('Comparison="minimum"');
    expect([...configured.matchAll(/AuthnContextClassRef[^>]*>([^<]+)</g)].map(([, name]) => name)).toEqual([
      'urn:a',
      'urn:b',
    ]);
    const asked = (await byRedirect({ order: { contextClasses: ['urn:c"<&'] } })).xml;
    expect(tag(asked, 'RequestedAuthnContext')).toContain('Comparison="exact"');
    expect(asked).toContain('>urn:c"&lt;&amp;</');
  });

  it('D32: asks for exactly what the login narrowed the configured context to', async () => {
    const requestedAuthnContext = { classes: ['urn:a'], comparison: 'minimum', accepted: ['urn:a', 'urn:c'] } as const;
    const { xml } = await byRedirect({ provider: { requestedAuthnContext }, order: { contextClasses: ['urn:c'] } });
    expect(tag(xml, 'RequestedAuthnContext')).toContain('Comparison="exact"');
    expect([...xml.matchAll(/AuthnContextClassRef[^>]*>([^<]+)</g)].map(([, name]) => name)).toEqual(['urn:c']);
  });
});

describe('D10', () => {
  it('gives each request an id of 160 random bits, and carries our RelayState and no other', async () => {
    const begun = await Promise.all(Array.from({ length: 20 }, () => byRedirect()));
    expect(new Set(begun.map(({ requestId }) => requestId)).size).toBe(20);
    for (const { requestId, address } of begun) {
      expect(requestId).toMatch(/^_[0-9a-f]{40}$/);
      expect(address.searchParams.getAll('RelayState')).toEqual([RELAY_STATE]);
    }
    expect((await byPost()).fields.RelayState).toBe(RELAY_STATE);
  });
});

describe('SAML bindings §3.4.4.1 Redirect', () => {
  it('signs the very bytes that are sent, with SHA-256', async () => {
    const { url, address } = await byRedirect();
    const query = url.slice(url.indexOf('SAMLRequest='));
    const signed = query.slice(0, query.indexOf('&Signature='));
    expect(signed).toMatch(/^SAMLRequest=[^&]+&RelayState=x{43}&SigAlg=[^&]+$/);
    expect(address.searchParams.get('SigAlg')).toBe(RSA_SHA256);
    const signature = Buffer.from(address.searchParams.get('Signature') ?? '', 'base64');
    const { publicKey } = new X509Certificate(Buffer.from(key.certificate, 'base64'));
    expect(verify('sha256', Buffer.from(signed), publicKey, signature)).toBe(true);
    expect(verify('sha256', Buffer.from(`${signed}x`), publicKey, signature)).toBe(false);
  });

  it('keeps the query of the IdP’s own address', async () => {
    expect((await byRedirect()).address.searchParams.get('tenant')).toBe('a b');
  });

  it('has no signature in the message, whose place is the query', async () => {
    expect((await byRedirect()).xml).not.toContain('Signature');
  });
});

describe('SAML bindings §3.5.4 POST', () => {
  it('signs inside the message, which is not deflated', async () => {
    const { xml, requestId, destination } = await byPost();
    expect(destination).toBe(SSO);
    const [signature = ''] = /<Signature .*<\/Signature>/s.exec(xml) ?? [];
    expect(signature).toContain(`<SignatureMethod Algorithm="${RSA_SHA256}"/>`);
    expect(signature).toContain('<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>');
    expect(signature).toContain(`<Reference URI="#${requestId}">`);
    const checked = new SignedXml({ publicCert: toPem('CERTIFICATE', key.certificate) });
    checked.loadSignature(signature);
    expect(checked.checkSignature(xml)).toBe(true);
    expect(checked.getSignedReferences()).toHaveLength(1);
  });

  it('names our certificate, so that the IdP knows which one during a rollover', async () => {
    expect((await byPost()).xml).toContain(`<X509Certificate>${key.certificate}</X509Certificate>`);
  });
});

describe('signing', () => {
  it('is left out where nobody wants it', async () => {
    const provider = { signRequests: false };
    expect((await byRedirect({ provider })).address.searchParams.has('Signature')).toBe(false);
    expect((await byPost({ provider })).xml).not.toContain('Signature');
  });

  it('SAML metadata §2.4.3: is done where the IdP wants it, whatever we are set to', async () => {
    const changes = { provider: { signRequests: false }, idp: { wantAuthnRequestsSigned: true } };
    expect((await byRedirect(changes)).address.searchParams.get('Signature')).not.toBeNull();
    expect((await byPost(changes)).xml).toContain('SignatureValue');
  });
});

describe('where a request goes', () => {
  const chosen = (singleSignOn: SamlEndpoint[], requestBinding?: SamlEndpoint['binding']) =>
    singleSignOnEndpoint({ id: 'acme', requestBinding }, { ...IDP, singleSignOn });

  it('is the configured binding, else Redirect before POST', () => {
    const [first, second] = ['https://idp.example/1', 'https://idp.example/2'];
    expect(chosen([at('post', first), at('redirect', second)])).toEqual({ binding: 'redirect', location: second });
    expect(chosen([at('post', first), at('redirect', second)], 'post')).toEqual({ binding: 'post', location: first });
    expect(chosen([at('post', first)])).toEqual({ binding: 'post', location: first });
  });

  it('is nowhere when the metadata has no such binding, and says so', () => {
    expect(() => chosen([at('post')], 'redirect')).toThrow(NoSingleSignOnEndpoint);
    expect(() => chosen([at('post')], 'redirect')).toThrow(/"acme".*https:\/\/idp\.example\/metadata.*request_binding/);
  });

  it('names the entity in its complaint without the control characters of its name', () => {
    const idp = { ...IDP, entityId: 'https://idp.example/\u009b31m', singleSignOn: [] };
    const complaint = 'the metadata of "https://idp.example/ 31m" has no';
    expect(() => singleSignOnEndpoint({ id: 'acme', requestBinding: undefined }, idp)).toThrow(complaint);
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', 'ftp://idp.example/', 'nonsense', ''])(
    'is never %s',
    (location) => {
      expect(() => chosen([at('post', location), at('redirect', location)])).toThrow(NoSingleSignOnEndpoint);
    },
  );

  it('fails for one login alone when the engine cannot use what it was given', async () => {
    await expect(begin({ provider: { entityId: '' } })).rejects.toThrow();
    await expect(begin()).resolves.toMatchObject({ kind: 'redirect' });
  });
});
