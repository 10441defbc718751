import 'reflect-metadata';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { X509CertificateGenerator } from '@peculiar/x509';
import { makeIdpKey } from '../../../../test/harness/saml-idp.js';
import { isKey, keyOfCertificate, privateKeyOf } from './key-cache.js';

async function certificateOf(algorithm: webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams): Promise<string> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: 'CN=test', keys, signingAlgorithm: { name: algorithm.name, hash: 'SHA-256' } },
    webcrypto as unknown as Parameters<typeof X509CertificateGenerator.createSelfSigned>[1],
  );
  return Buffer.from(certificate.rawData).toString('base64');
}

const rsa = (modulusLength: number) =>
  certificateOf({
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
  });

describe('the key of a certificate', () => {
  it('is RSA of at least 2048 bits', async () => {
    expect(keyOfCertificate(await rsa(1024))).toEqual({ unusable: 'RSA with 1024 bits' });
    expect(isKey(keyOfCertificate(await rsa(2048)))).toBe(true);
  });

  it.each(['P-256', 'P-384', 'P-521'])('or on the curve %s', async (namedCurve) => {
    expect(isKey(keyOfCertificate(await certificateOf({ name: 'ECDSA', namedCurve })))).toBe(true);
  });

  it('is named where it is of no use', () => {
    expect(keyOfCertificate('')).toEqual({ unusable: 'not a certificate' });
    expect(keyOfCertificate('AAAA')).toEqual({ unusable: 'not a certificate' });
  });

  it('outlives its certificate: metadata says what may sign', async () => {
    const { certificate } = await makeIdpKey({ notBefore: new Date('2001-01-01'), notAfter: new Date('2002-01-01') });
    expect(isKey(keyOfCertificate(certificate))).toBe(true);
  });

  it('is parsed once', async () => {
    const certificate = await rsa(2048);
    expect(keyOfCertificate(certificate)).toBe(keyOfCertificate(certificate));
  });
});

describe('a private key', () => {
  it('is RSA', async () => {
    const { privateKey } = await makeIdpKey();
    expect(isKey(privateKeyOf(privateKey))).toBe(true);
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    expect(privateKeyOf(ec.toString())).toEqual({ unusable: 'a key of type ec' });
    expect(privateKeyOf('secret')).toEqual({ unusable: 'not a private key' });
  });
});
