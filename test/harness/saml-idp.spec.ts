import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { SAML } from '@node-saml/node-saml';
import { SigningIdp, makeIdpKey, toPem, type ResponseOptions } from './saml-idp.js';

const now = new Date();
const base = { now, acsUrl: 'https://sp.test/saml/acs', audience: 'https://sp.test/metadata' };

async function accepted(idp: SigningIdp, options: ResponseOptions, decryptionPvk?: string) {
  const saml = new SAML({
    callbackUrl: base.acsUrl,
    issuer: base.audience,
    audience: base.audience,
    idpCert: idp.certificates.map((certificate) => toPem('CERTIFICATE', certificate)),
    wantAuthnResponseSigned: options.sign === 'response' || options.sign === 'both',
    wantAssertionsSigned: options.sign !== 'response',
    ...(decryptionPvk === undefined ? {} : { decryptionPvk }),
  });
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: idp.response(options).value });
  return profile;
}

describe('SigningIdp', () => {
  it('signs what node-saml accepts: assertion, response, both, encrypted', async () => {
    const idp = await SigningIdp.create();
    const sp = await makeIdpKey();
    const assertion = { nameId: 'alice', attributes: { mail: 'alice@idp.test', groups: ['a', 'b'] } };
    for (const sign of ['assertion', 'response', 'both'] as const) {
      const profile = await accepted(idp, { ...base, sign, assertion });
      expect(profile).toMatchObject({ nameID: 'alice', mail: 'alice@idp.test', groups: ['a', 'b'] });
    }
    const encrypted = { ...base, assertion, encrypt: { certificate: sp.certificate } };
    expect(await accepted(idp, encrypted, sp.privateKey)).toMatchObject({ nameID: 'alice' });
    await expect(accepted(idp, { ...base, sign: 'none', assertion })).rejects.toThrow();
  });

  it('signs logout messages of both bindings', async () => {
    const idp = await SigningIdp.create();
    const { query } = idp.logoutRequestRedirect(
      { now, destination: 'https://sp.test/slo', nameId: 'alice' },
      { relayState: 'r' },
    );
    const [signedText, signature] = query.split('&Signature=') as [string, string];
    const key = createPublicKey(
      new X509Certificate(Buffer.from(idp.certificate, 'base64')).publicKey.export({ type: 'spki', format: 'pem' }),
    );
    expect(verify('sha256', Buffer.from(signedText), key, Buffer.from(decodeURIComponent(signature), 'base64'))).toBe(
      true,
    );
    const xml = inflateRawSync(Buffer.from(new URLSearchParams(query).get('SAMLRequest') ?? '', 'base64')).toString();
    expect(xml).toContain('>alice</saml:NameID>');
    const saml = new SAML({
      callbackUrl: base.acsUrl,
      issuer: base.audience,
      idpCert: toPem('CERTIFICATE', idp.certificate),
    });
    const { value } = idp.logoutRequestPost({
      now,
      destination: 'https://sp.test/slo',
      nameId: 'alice',
      sessionIndexes: ['s'],
    });
    const { profile } = await saml.validatePostRequestAsync({ SAMLRequest: value });
    expect(profile).toMatchObject({ nameID: 'alice', sessionIndex: 's' });
    const answer = idp.logoutResponsePost({ now, destination: 'https://sp.test/slo', inResponseTo: '_1' });
    expect(answer.xml).toContain('InResponseTo="_1"');
  });
});
