import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { X509CertificateGenerator } from '@peculiar/x509';

export type IdpKeyType = 'rsa' | 'ec';

/** A signing (or encryption) key with its self-signed certificate. */
export interface IdpKey {
  readonly type: IdpKeyType;
  /** PKCS #8 PEM. */
  readonly privateKey: string;
  /** Base64 of DER, one line, without PEM lines. */
  readonly certificate: string;
}

export interface IdpKeyOptions {
  readonly type?: IdpKeyType;
  readonly commonName?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** RSA 2048 or P-256. The certificate is valid from 2020 to 2045 unless told otherwise: no clock is read here. */
export async function makeIdpKey(options: IdpKeyOptions = {}): Promise<IdpKey> {
  const type = options.type ?? 'rsa';
  const algorithm =
    type === 'rsa'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
      : { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: `01${randomBytes(8).toString('hex')}`,
      name: `CN=${options.commonName ?? 'idp.test'}`,
      notBefore: options.notBefore ?? new Date('2020-01-01T00:00:00Z'),
      notAfter: options.notAfter ?? new Date('2045-01-01T00:00:00Z'),
      keys,
      signingAlgorithm: { name: algorithm.name, hash: 'SHA-256' },
    },
    webcrypto as unknown as Parameters<typeof X509CertificateGenerator.createSelfSigned>[1],
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    type,
    privateKey: toPem('PRIVATE KEY', pkcs8.toString('base64')),
    certificate: Buffer.from(certificate.rawData).toString('base64'),
  };
}

/** @param base64 of DER, one line */
export function toPem(label: 'PRIVATE KEY' | 'CERTIFICATE', base64: string): string {
  return `-----BEGIN ${label}-----\n${base64.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END ${label}-----\n`;
}
