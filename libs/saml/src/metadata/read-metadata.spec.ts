import { webcrypto } from 'node:crypto';
import fc from 'fast-check';
import { entitiesDescriptorXml, SigningIdp } from '../../../../test/harness/saml-idp.js';
import { startTestVerifier } from '../../../../test/harness/saml-workers.js';
import { X509CertificateGenerator } from '@peculiar/x509';
import { firstFailure } from '../verdict.js';
import type { IdpDescription } from './idp-description.js';

const SSO = { ssoUrl: 'https://idp.test/sso' };
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';

let verifier: Awaited<ReturnType<typeof startTestVerifier>>;
let idp: SigningIdp;
let other: SigningIdp;

beforeAll(async () => {
  verifier = await startTestVerifier();
  idp = await SigningIdp.create();
  other = await SigningIdp.create({ entityId: 'https://other.test/metadata' });
});
afterAll(() => verifier.close());

async function read(xml: string): Promise<readonly IdpDescription[]> {
  const verified = await verifier.readMetadata(xml);
  if (!verified.ok) throw new Error(firstFailure(verified.verdicts)?.found);
  return verified.facts;
}

async function readOne(xml: string): Promise<IdpDescription> {
  const [one, ...rest] = await read(xml);
  if (one === undefined || rest.length > 0) throw new Error(`expected one, found ${rest.length + 1}`);
  return one;
}

function x509Data(...certificates: string[]): string {
  const inner = certificates.map((one) => `<ds:X509Certificate>${one}</ds:X509Certificate>`).join('');
  return `<ds:X509Data>${inner}</ds:X509Data>`;
}

function keyDescriptor(keyInfo: string, use?: string): string {
  const attribute = use === undefined ? '' : ` use="${use}"`;
  return `<md:KeyDescriptor${attribute}><ds:KeyInfo xmlns:ds="${DSIG}">${keyInfo}</ds:KeyInfo></md:KeyDescriptor>`;
}

/** The IdP's document with these KeyDescriptors in place of its own. */
function withKeys(...descriptors: string[]): string {
  const text = idp.metadata({ ...SSO, certificates: [] });
  return text.replace(/(<md:IDPSSODescriptor[^>]*>)/, `$1${descriptors.join('')}`);
}

describe('a metadata document', () => {
  it('says who an IdP is, which keys it has, and where to send people', async () => {
    const text = idp.metadata({
      ...SSO,
      sloUrl: 'https://idp.test/slo',
      sloResponseUrl: 'https://idp.test/slo-answers',
      bindings: ['soap', 'post', 'artifact', 'redirect'],
      wantAuthnRequestsSigned: true,
      nameIdFormats: ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
    });
    expect(await readOne(text)).toEqual({
      entityId: idp.entityId,
      signingCertificates: [idp.certificate],
      encryptionCertificates: [],
      singleSignOn: [
        { binding: 'post', location: SSO.ssoUrl, responseLocation: undefined },
        { binding: 'redirect', location: SSO.ssoUrl, responseLocation: undefined },
      ],
      singleLogout: [
        { binding: 'post', location: 'https://idp.test/slo', responseLocation: 'https://idp.test/slo-answers' },
        { binding: 'redirect', location: 'https://idp.test/slo', responseLocation: 'https://idp.test/slo-answers' },
      ],
      wantAuthnRequestsSigned: true,
      nameIdFormats: ['urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'],
      validUntil: undefined,
      cacheSeconds: undefined,
    });
  });

  it('may describe several entities, in groups inside each other, among others of other kinds', async () => {
    const sp =
      '<md:EntityDescriptor entityID="https://sp.test"><md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/></md:EntityDescriptor>';
    const text = entitiesDescriptorXml([idp.metadata(SSO), sp, entitiesDescriptorXml([other.metadata(SSO)])]);
    expect((await read(text)).map(({ entityId }) => entityId)).toEqual([idp.entityId, other.entityId]);
  });

  it('counts only for SAML 2.0', async () => {
    const text = idp
      .metadata(SSO)
      .replace('"urn:oasis:names:tc:SAML:2.0:protocol"', '"urn:oasis:names:tc:SAML:1.1:protocol"');
    await expect(read(text)).rejects.toThrow('no SAML 2.0 identity provider');
    const both = idp
      .metadata(SSO)
      .replace(
        '"urn:oasis:names:tc:SAML:2.0:protocol"',
        '"urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol"',
      );
    expect(await read(both)).toHaveLength(1);
  });

  it('may be written with a byte order mark, comments and a stylesheet', async () => {
    const text = `\uFEFF<?xml version="1.0" encoding="UTF-8"?>\n<?xml-stylesheet href="x"?><!-- ours -->${idp.metadata(SSO)}`;
    expect((await readOne(text)).entityId).toBe(idp.entityId);
  });

  it.each([
    ['that is none', '<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>', 'its root is "html"'],
    ['with a DOCTYPE', '<!DOCTYPE x [<!ENTITY e "x">]><x>&e;</x>', 'a declaration'],
    ['that is cut off', '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">', 'left open'],
    ['with an undeclared prefix', '<md:EntityDescriptor/>', 'not well-formed'],
    ['that is empty', '', 'none'],
    [
      'with a relative namespace name',
      '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:x="relative"/>',
      'no canonical form',
    ],
    ['in another encoding', '<?xml version="1.0" encoding="UTF-16"?><x/>', 'UTF-16'],
    [
      'of a service provider',
      '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"/>',
      'service provider',
    ],
  ])('%s is refused with a text that says so', async (_name, text, reason) => {
    await expect(read(text)).rejects.toThrow(reason);
  });
});

describe('R8', () => {
  it('takes a key without use for signing and encryption', async () => {
    expect(await readOne(idp.metadata({ ...SSO, use: null }))).toMatchObject({
      signingCertificates: [idp.certificate],
      encryptionCertificates: [idp.certificate],
    });
  });

  it('keeps keys for encryption out of those for signing', async () => {
    const text = withKeys(
      keyDescriptor(x509Data(other.certificate), 'encryption'),
      keyDescriptor(x509Data(idp.certificate), 'signing'),
    );
    expect(await readOne(text)).toMatchObject({
      signingCertificates: [idp.certificate],
      encryptionCertificates: [other.certificate],
    });
  });

  it.each([
    ['without any key', () => withKeys(), 'no signing certificate'],
    [
      'with encryption keys alone',
      () => withKeys(keyDescriptor(x509Data(idp.certificate), 'encryption')),
      'no signing certificate',
    ],
    ['with a key by name alone', () => withKeys(keyDescriptor('<ds:KeyName>k</ds:KeyName>')), 'no signing certificate'],
    ['with an empty certificate', () => withKeys(keyDescriptor(x509Data(''))), 'not base64'],
    ['with base64 that is no certificate', () => withKeys(keyDescriptor(x509Data('AAAA'))), 'cannot be parsed'],
    [
      'with a use that SAML does not know',
      () => withKeys(keyDescriptor(x509Data(idp.certificate), 'Signing')),
      '"Signing"',
    ],
    ['without an entityID', () => idp.metadata(SSO).replace(/ entityID="[^"]*"/, ''), 'no entityID'],
    ['with an endless entityID', () => idp.metadata({ ...SSO, entityId: 'x'.repeat(1025) }), '1024'],
    ['with a validUntil that is no time', () => idp.metadata({ ...SSO, validUntil: 'soon' }), '"soon"'],
    [
      'with two KeyInfo in one KeyDescriptor',
      () => withKeys(keyDescriptor(x509Data(idp.certificate)).replace(/(<ds:KeyInfo.*<\/ds:KeyInfo>)/, '$1$1')),
      'more than one <KeyInfo>',
    ],
  ])('an entity %s is marked, and has no key that anything could be believed by', async (_name, text, reason) => {
    const found = await read(entitiesDescriptorXml([text(), other.metadata(SSO)]));
    expect(found).toHaveLength(2);
    expect(found[0]?.unusable).toContain(reason);
    expect(found[1]?.unusable).toBeUndefined();
  });
});

describe('certificates', () => {
  it('may be several, in one X509Data or more, broken over lines, and each counts once', async () => {
    const lines = idp.certificate.replaceAll(/(.{64})/g, '$1\r\n\t ');
    const text = withKeys(
      keyDescriptor(`${x509Data(lines)}${x509Data(other.certificate)}`, 'signing'),
      keyDescriptor(x509Data(idp.certificate, other.certificate)),
    );
    expect((await readOne(text)).signingCertificates).toEqual([idp.certificate, other.certificate]);
  });

  it('that only issued the one beside them sign for nobody (XMLDSig §4.4.4)', async () => {
    const { subtle } = webcrypto;
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const leafKeys = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const authorityKeys = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const times = { notBefore: new Date('2020-01-01'), notAfter: new Date('2045-01-01') };
    const authority = await X509CertificateGenerator.createSelfSigned({
      name: 'CN=Authority',
      keys: authorityKeys,
      signingAlgorithm: algorithm,
      ...times,
    });
    const leaf = await X509CertificateGenerator.create({
      subject: 'CN=idp',
      issuer: authority.subject,
      publicKey: leafKeys.publicKey,
      signingKey: authorityKeys.privateKey,
      signingAlgorithm: algorithm,
      ...times,
    });
    const [leafText, authorityText] = [leaf, authority].map((one) => Buffer.from(one.rawData).toString('base64'));
    const chain = withKeys(keyDescriptor(x509Data(leafText ?? '', authorityText ?? '')));
    expect((await readOne(chain)).signingCertificates).toEqual([leafText]);
    const alone = withKeys(keyDescriptor(x509Data(authorityText ?? '')));
    expect((await readOne(alone)).signingCertificates).toEqual([authorityText]);
  });

  it('of one name that follow each other both stay', async () => {
    // Both are CN=idp.test and self-signed.
    const text = withKeys(keyDescriptor(x509Data(idp.certificate, other.certificate)));
    expect((await readOne(text)).signingCertificates).toHaveLength(2);
  });
});

describe('metadata §2.3.1', () => {
  it('takes the earliest validUntil and the shortest cacheDuration of an entity and what contains it', async () => {
    const inner = idp.metadata({ ...SSO, validUntil: '2030-01-01T00:00:00Z', cacheDuration: 'PT2H' });
    const text = entitiesDescriptorXml(
      [
        entitiesDescriptorXml([inner], { validUntil: '2029-01-01T00:00:00Z', cacheDuration: 'P1D' }),
        other.metadata(SSO),
      ],
      { validUntil: '2031-01-01T00:00:00Z', cacheDuration: 'PT10H' },
    );
    expect(await read(text)).toMatchObject([
      { validUntil: '2029-01-01T00:00:00.000Z', cacheSeconds: 7200 },
      { validUntil: '2031-01-01T00:00:00.000Z', cacheSeconds: 36_000 },
    ]);
  });

  it('minds those of the IDPSSODescriptor itself, and a cacheDuration that is none shortens nothing', async () => {
    const text = idp
      .metadata({ ...SSO, cacheDuration: 'soon' })
      .replace('<md:IDPSSODescriptor', '<md:IDPSSODescriptor validUntil="2028-01-01T00:00:00Z"');
    expect(await readOne(text)).toMatchObject({ validUntil: '2028-01-01T00:00:00.000Z', cacheSeconds: undefined });
  });
});

describe('a document of a stranger', () => {
  it('is read or refused, whatever its letters, and never breaks the reader', async () => {
    const good = idp.metadata({ ...SSO, sloUrl: 'https://idp.test/slo', validUntil: '2030-01-01T00:00:00Z' });
    const mutant = fc
      .tuple(fc.nat(good.length - 1), fc.nat(40), fc.string({ maxLength: 8, unit: 'binary' }))
      .map(([at, cut, put]) => good.slice(0, at) + put + good.slice(at + cut));
    await fc.assert(
      fc.asyncProperty(mutant, async (text) => {
        const verified = await verifier.readMetadata(text);
        if (!verified.ok) expect(firstFailure(verified.verdicts)?.found).toBeTruthy();
        else for (const one of verified.facts) expect(one.unusable ?? one.signingCertificates[0]).toBeTruthy();
      }),
      { numRuns: 300 },
    );
  });
});
