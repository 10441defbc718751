import 'reflect-metadata';
import { generateKeyPair, webcrypto, X509Certificate, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { X509CertificateGenerator } from '@peculiar/x509';
import { fingerprintOf } from '../fingerprint.js';

/** A new key pair with its certificate. */
export interface NewSamlKey {
  /** SHA-256 of the certificate's DER, in hex. */
  readonly id: string;
  /** Base64 of DER. */
  readonly certificate: string;
  /** PKCS #8 DER. */
  readonly privateKey: Buffer;
}

/**
 * Every IdP takes RSA, few take more. 2048 bits are good until 2030 (NIST SP 800-131A), a key signs for a year or two,
 * and each request's signature costs a third of what 3072 bits would.
 */
const MODULUS_BITS = 2048;

const ALGORITHM = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;

/** IdPs whose clock is behind ours must not find a certificate from the future. */
const BACKDATED_MS = 60 * 60_000;

const generate = promisify(generateKeyPair);

/**
 * A key pair with a self-signed certificate: SAML metadata vouches for the key, the certificate only carries it, but some
 * IdPs refuse one that has expired, so its validity must cover all use of the key.
 * @param commonName what an IdP's administrator sees; cut to the 64 characters that X.520 allows.
 */
export async function generateSamlKey(commonName: string, now: Date, notAfter: Date): Promise<NewSamlKey> {
  const pair = await generate('rsa', { modulusLength: MODULUS_BITS });
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName.slice(0, 64)] }],
    notBefore: new Date(now.getTime() - BACKDATED_MS),
    notAfter,
    signingAlgorithm: ALGORITHM,
    keys: await webPair(pair),
  });
  const der = Buffer.from(certificate.rawData);
  return {
    id: fingerprintOf(der),
    certificate: der.toString('base64'),
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'der' }),
  };
}

/** @throws Error when the private key is not the one that the certificate is for. */
export function requireMatch(certificate: string, privateKey: KeyObject): void {
  const parsed = new X509Certificate(Buffer.from(certificate, 'base64'));
  if (!parsed.checkPrivateKey(privateKey)) throw new Error('the private half does not belong to its certificate');
}

async function webPair(pair: { publicKey: KeyObject; privateKey: KeyObject }): Promise<webcrypto.CryptoKeyPair> {
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' });
  const pkcs8 = pair.privateKey.export({ type: 'pkcs8', format: 'der' });
  const { subtle } = webcrypto;
  const [publicKey, privateKey] = await Promise.all([
    subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
    subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']),
  ]);
  return { publicKey, privateKey };
}
