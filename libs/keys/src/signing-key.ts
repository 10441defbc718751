import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, importJWK } from 'jose';
import type { AccessTokenAlgorithm } from '@app/config';

/** What a key may sign: access tokens, or ID and logout tokens. A key never serves both (D33). */
export type KeyPurpose = 'access' | 'id';

/** RFC 7518 §3.1 and RFC 8037: asymmetric ones only (R33). */
export type SigningAlgorithm = AccessTokenAlgorithm;

/** A member of our JWKS: public parameters with `kid`, `alg` and `use` (RFC 7517 §4). */
export interface PublicJwk {
  readonly kty: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly use: 'sig';
}

/** When a key is what (D40): in the JWKS until `retiresAt`, signing from `signsFrom` until `signsUntil`. */
export interface KeyTimes {
  readonly signsFrom: Date;
  readonly signsUntil: Date;
  readonly retiresAt: Date;
}

/** A key without its halves: what the schedule decides about. */
export interface KeyRecord extends KeyTimes {
  readonly kid: string;
  readonly purpose: KeyPurpose;
  readonly algorithm: SigningAlgorithm;
  readonly createdAt: Date;
}

/** A key pair, opened and parsed. */
export interface KeyPair {
  /** RFC 7638 thumbprint of the public half. */
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly privateKey: KeyObject;
  /** As jose takes it. */
  readonly verificationKey: VerificationKey;
  readonly publicJwk: PublicJwk;
}

export type VerificationKey = Awaited<ReturnType<typeof importJWK>>;

const RSA_MODULUS_BITS = 2048;

const generate = promisify(generateKeyPair);

/** A new private key as PKCS #8 DER; RSA generation runs off the event loop. */
export async function generatePrivateKey(algorithm: SigningAlgorithm): Promise<Buffer> {
  const privateKey = await generateKeyObject(algorithm);
  return privateKey.export({ type: 'pkcs8', format: 'der' });
}

async function generateKeyObject(algorithm: SigningAlgorithm): Promise<KeyObject> {
  switch (algorithm) {
    case 'ES256':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey;
    case 'EdDSA':
      return (await generate('ed25519')).privateKey;
    case 'RS256':
      return (await generate('rsa', { modulusLength: RSA_MODULUS_BITS })).privateKey;
  }
}

/**
 * Parses a private key and derives everything public from it, so that no public half has to be believed.
 * @param pkcs8 DER; @throws Error when the key is not of the algorithm's kind.
 */
export async function parseKeyPair(pkcs8: Buffer, algorithm: SigningAlgorithm): Promise<KeyPair> {
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const parameters = createPublicKey(privateKey).export({ format: 'jwk' });
  if (parameters.kty === undefined || !isOfKind(parameters.kty, parameters.crv, algorithm)) {
    throw new Error(`a ${parameters.kty ?? 'nameless'} key cannot sign ${algorithm}`);
  }
  const kid = await calculateJwkThumbprint(parameters, 'sha256');
  const publicJwk: PublicJwk = { ...parameters, kty: parameters.kty, kid, alg: algorithm, use: 'sig' };
  return { kid, algorithm, privateKey, publicJwk, verificationKey: await importJWK({ ...publicJwk }, algorithm) };
}

function isOfKind(kty: string, crv: string | undefined, algorithm: SigningAlgorithm): boolean {
  switch (algorithm) {
    case 'ES256':
      return kty === 'EC' && crv === 'P-256';
    case 'EdDSA':
      return kty === 'OKP' && crv === 'Ed25519';
    case 'RS256':
      return kty === 'RSA';
  }
}

/** Narrows what the database holds. @throws Error naming the key when it is of no algorithm that we sign with. */
export function signingAlgorithm(kid: string, value: string): SigningAlgorithm {
  if (value === 'ES256' || value === 'RS256' || value === 'EdDSA') return value;
  throw new Error(`signing key ${kid} has the algorithm "${value}", which is none of ES256, RS256, EdDSA`);
}

/** The additional data that binds a sealed private half to its row. */
export function signingKeyPlace(kid: string): string {
  return `signing_keys.sealed_private_key:${kid}`;
}
