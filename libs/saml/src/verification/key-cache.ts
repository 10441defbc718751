import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';

const MOST = 500;
const SHORTEST_RSA = 2048;
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

/** A key, or why it is of no use. */
export type UsableKey = KeyObject | { readonly unusable: string };

/** Parsed once in a worker's life, by its text; the least recently used go first. */
class KeyCache {
  private readonly keys = new Map<string, UsableKey>();

  constructor(private readonly parse: (text: string) => UsableKey) {}

  get(text: string): UsableKey {
    const key = this.keys.get(text) ?? this.parse(text);
    this.keys.delete(text);
    this.keys.set(text, key);
    const [oldest] = this.keys.keys();
    if (this.keys.size > MOST && oldest !== undefined) this.keys.delete(oldest);
    return key;
  }
}

const certificates = new KeyCache((certificate) => {
  let key: KeyObject;
  try {
    key = new X509Certificate(Buffer.from(certificate, 'base64')).publicKey;
  } catch {
    return { unusable: 'not a certificate' };
  }
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return (modulusLength ?? 0) >= SHORTEST_RSA ? key : { unusable: `RSA with ${modulusLength} bits` };
    case 'ec':
      return CURVES.has(namedCurve ?? '') ? key : { unusable: `an EC key on ${namedCurve}` };
    default:
      return { unusable: `a key of type ${key.asymmetricKeyType}` };
  }
});

const privateKeys = new KeyCache((pem) => {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'rsa' ? key : { unusable: `a key of type ${key.asymmetricKeyType}` };
  } catch {
    return { unusable: 'not a private key' };
  }
});

/**
 * The public key of a certificate (base64 of DER). Metadata's certificates are containers of keys: their dates and issuers
 * say nothing about trust (metadata interoperability profile §2.6.1), so an expired one still verifies.
 */
export function keyOfCertificate(certificate: string): UsableKey {
  return certificates.get(certificate);
}

/** An RSA private key of PKCS #8 PEM. */
export function privateKeyOf(pem: string): UsableKey {
  return privateKeys.get(pem);
}

export function isKey(key: UsableKey): key is KeyObject {
  return !('unusable' in key);
}
