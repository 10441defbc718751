import { makeIdpKey } from '../../../../test/harness/saml-idp.js';
import { startTestVerifier } from '../../../../test/harness/saml-workers.js';
import { samlProvider } from '../saml.spec-support.js';
import type { PublishedCertificate } from './saml-keys.js';
import { entityTag, serviceProviderMetadata } from './sp-metadata.js';

const provider = samlProvider({ metadata: { kind: 'xml', xml: '' } });
let certificates: PublishedCertificate[];

beforeAll(async () => {
  const roles = ['current', 'next', 'previous'] as const;
  certificates = await Promise.all(
    roles.map(async (role) => ({ role, fingerprint: role, certificate: (await makeIdpKey()).certificate })),
  );
});

function metadata(changes: Partial<typeof provider> = {}): string {
  return serviceProviderMetadata(
    { ...provider, ...changes },
    { publicUrl: 'https://login.test', certificates, cacheSeconds: 86_400 },
  );
}

/** The certificates of the KeyDescriptors with this use, by role, in order. */
function listed(document: string, use: string): (string | undefined)[] {
  const pattern = new RegExp(`<md:KeyDescriptor use="${use}">.*?<ds:X509Certificate>(.*?)</ds:X509Certificate>`, 'gs');
  return [...document.matchAll(pattern)].map(
    ([, certificate]) => certificates.find((one) => one.certificate === certificate)?.role,
  );
}

describe('D24', () => {
  it('names us, the one ACS and both SLO bindings', () => {
    const text = metadata();
    expect(text).toContain('entityID="https://login.test/saml/acme/metadata"');
    expect(text).toContain('cacheDuration="PT86400S"');
    expect(text).not.toContain('validUntil');
    expect(text.match(/<md:AssertionConsumerService[^>]*>/g)).toEqual([
      '<md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" ' +
        'Location="https://login.test/saml/acs" index="0" isDefault="true"/>',
    ]);
    expect(text.match(/<md:SingleLogoutService[^>]*>/g)).toEqual([
      '<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://login.test/saml/slo"/>',
      '<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://login.test/saml/slo"/>',
    ]);
  });

  it('lists both certificates during a rollover, the one that signs first, and lets nobody encrypt to one that has ended', () => {
    expect(listed(metadata(), 'signing')).toEqual(['current', 'next', 'previous']);
    expect(listed(metadata(), 'encryption')).toEqual(['current', 'next']);
  });

  it('says what requests and assertions are like at this provider', () => {
    expect(metadata()).toContain('AuthnRequestsSigned="true" WantAssertionsSigned="false"');
    expect(metadata({ signRequests: false, wantAssertionsSigned: true })).toContain(
      'AuthnRequestsSigned="false" WantAssertionsSigned="true"',
    );
    expect(metadata()).not.toContain('NameIDFormat');
    expect(metadata({ nameIdFormat: 'urn:x' })).toContain('<md:NameIDFormat>urn:x</md:NameIDFormat>');
  });

  it('keeps the order of the schema', () => {
    const elements = [...metadata({ nameIdFormat: 'urn:x' }).matchAll(/<(?:md|ds):(\w+)/g)].map(([, name]) => name);
    const children = elements.filter((name) => !['KeyInfo', 'X509Data', 'X509Certificate'].includes(name ?? ''));
    expect(children.filter((name, index) => name !== children[index - 1])).toEqual([
      'EntityDescriptor',
      'SPSSODescriptor',
      'KeyDescriptor',
      'EncryptionMethod',
      'KeyDescriptor',
      'EncryptionMethod',
      'SingleLogoutService',
      'NameIDFormat',
      'AssertionConsumerService',
    ]);
  });

  it('is well formed, whatever an entity_id holds', async () => {
    const verifier = await startTestVerifier();
    const text = metadata({ entityId: `urn:"<a>&'`, nameIdFormat: '<&>' });
    const verified = await verifier.readMetadata(text);
    await verifier.close();
    // It is read to its end: the complaint is that a service provider is none of ours.
    expect(verified.verdicts.at(-1)?.found).toContain('service provider');
    expect(text).toContain('entityID="urn:&quot;&lt;a&gt;&amp;&apos;"');
  });
});

describe('D53', () => {
  it('offers AES-GCM and OAEP, and AES-CBC only for providers that are marked', () => {
    const methods = (text: string) => [
      ...new Set([...text.matchAll(/EncryptionMethod Algorithm="([^"]*)"/g)].map(([, a]) => a)),
    ];
    expect(methods(metadata())).toEqual([
      'http://www.w3.org/2009/xmlenc11#aes256-gcm',
      'http://www.w3.org/2009/xmlenc11#aes128-gcm',
      'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
    ]);
    expect(methods(metadata({ legacyEncryption: true }))).toContain('http://www.w3.org/2001/04/xmlenc#aes128-cbc');
    expect(metadata({ legacyEncryption: true })).not.toContain('rsa-1_5');
  });
});

describe('the entity tag', () => {
  it('changes with the document', () => {
    expect(entityTag(metadata())).toBe(entityTag(metadata()));
    expect(entityTag(metadata())).not.toBe(entityTag(metadata({ signRequests: false })));
    expect(entityTag(metadata())).toMatch(/^"[\w-]{22}"$/);
  });
});
