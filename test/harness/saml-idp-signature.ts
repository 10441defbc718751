import { constants, createHash, sign as cryptoSign } from 'node:crypto';
import {
  ExclusiveCanonicalization,
  SignedXml,
  type CanonicalizationOrTransformationAlgorithmProcessOptions,
} from 'xml-crypto';
import type { IdpKey } from './saml-idp-keys.js';

const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';

export const EXC_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
export const ENVELOPED = `${DSIG}enveloped-signature`;

interface Algorithm {
  readonly uri: string;
  readonly hash: string;
  readonly encoding: 'pkcs1' | 'ieee-p1363' | 'pss';
}

/** Short names for the algorithm identifiers of RFC 9231. */
const SIGNATURES: Record<string, Algorithm> = {
  'rsa-sha1': { uri: `${DSIG}rsa-sha1`, hash: 'sha1', encoding: 'pkcs1' },
  'rsa-sha256': { uri: `${MORE}rsa-sha256`, hash: 'sha256', encoding: 'pkcs1' },
  'rsa-sha384': { uri: `${MORE}rsa-sha384`, hash: 'sha384', encoding: 'pkcs1' },
  'rsa-sha512': { uri: `${MORE}rsa-sha512`, hash: 'sha512', encoding: 'pkcs1' },
  'rsa-pss-sha256': { uri: 'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1', hash: 'sha256', encoding: 'pss' },
  'rsa-md5': { uri: `${MORE}rsa-md5`, hash: 'md5', encoding: 'pkcs1' },
  'ecdsa-sha1': { uri: `${MORE}ecdsa-sha1`, hash: 'sha1', encoding: 'ieee-p1363' },
  'ecdsa-sha256': { uri: `${MORE}ecdsa-sha256`, hash: 'sha256', encoding: 'ieee-p1363' },
  'ecdsa-sha384': { uri: `${MORE}ecdsa-sha384`, hash: 'sha384', encoding: 'ieee-p1363' },
  'ecdsa-sha512': { uri: `${MORE}ecdsa-sha512`, hash: 'sha512', encoding: 'ieee-p1363' },
};

const DIGESTS: Record<string, { readonly uri: string; readonly hash: string }> = {
  md5: { uri: `${MORE}md5`, hash: 'md5' },
  sha1: { uri: `${DSIG}sha1`, hash: 'sha1' },
  sha256: { uri: 'http://www.w3.org/2001/04/xmlenc#sha256', hash: 'sha256' },
  sha384: { uri: `${MORE}sha384`, hash: 'sha384' },
  sha512: { uri: 'http://www.w3.org/2001/04/xmlenc#sha512', hash: 'sha512' },
};

export type SignatureName =
  | 'rsa-sha1'
  | 'rsa-sha256'
  | 'rsa-sha384'
  | 'rsa-sha512'
  | 'rsa-pss-sha256'
  | 'rsa-md5'
  | 'ecdsa-sha1'
  | 'ecdsa-sha256'
  | 'ecdsa-sha384'
  | 'ecdsa-sha512';
export type DigestName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** How an enveloped signature is made; what is left out is what IdPs commonly do. */
export interface SignatureOptions {
  /** Default: the newest key of the IdP. */
  readonly key?: IdpKey;
  /** Default: rsa-sha256, or ecdsa-sha256 for an EC key. */
  readonly algorithm?: SignatureName;
  readonly digest?: DigestName;
  /** Default: exclusive c14n without comments. */
  readonly canonicalization?: string;
  /** Default: enveloped-signature, exclusive c14n. */
  readonly transforms?: readonly string[];
  /** InclusiveNamespaces of the c14n transform of the reference. */
  readonly prefixList?: readonly string[];
  /** Default `ds`; '' for a default namespace. */
  readonly prefix?: string;
  /** Content of KeyInfo; `none`: no KeyInfo. Default: the certificate of the key. */
  readonly keyInfo?: 'certificate' | 'none' | { readonly xml: string };
  /** XPath of the element after which the signature stands. Default: the Issuer of the signed element. */
  readonly after?: string;
  /** URI="" over the whole document instead of the ID. */
  readonly emptyUri?: 'empty-uri';
  /** An algorithm of one's own, in place of `algorithm`. */
  readonly method?: { readonly uri: string; readonly sign: (signedInfo: Buffer) => Buffer };
  /** XPaths of further elements that the same signature covers, each by a Reference of its own. */
  readonly alsoCovers?: readonly string[];
}

export function signatureUri(name: SignatureName): string {
  return algorithm(name).uri;
}

export function digestUri(name: DigestName): string {
  return digest(name).uri;
}

/** The raw signature of bytes, as XML signatures and the Redirect binding carry it. */
export function rawSignature(name: SignatureName, privateKey: string, data: string | Buffer): Buffer {
  const { hash, encoding } = algorithm(name);
  return cryptoSign(hash, Buffer.from(data), {
    key: privateKey,
    ...(encoding === 'ieee-p1363' ? { dsaEncoding: encoding } : {}),
    ...(encoding === 'pss'
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      : {}),
  });
}

export function defaultSignatureName(key: IdpKey): SignatureName {
  return key.type === 'ec' ? 'ecdsa-sha256' : 'rsa-sha256';
}

/**
 * Signs one element of a document with xml-crypto and puts the signature inside it: after its Issuer, or first where it has
 * none.
 *
 * @param target XPath of the element; it needs an ID attribute unless `emptyUri`
 * @returns the document, serialised by xmldom
 */
export function signElement(xml: string, target: string, key: IdpKey, options: SignatureOptions = {}): string {
  const issuer = options.after ?? `${target}/*[local-name(.)='Issuer']`;
  try {
    return signAt({ reference: issuer, action: 'after' }, xml, target, key, options);
  } catch (error) {
    if (!String(error).includes('was not found')) throw error;
    return signAt({ reference: target, action: 'prepend' }, xml, target, key, options);
  }
}

function signAt(
  location: { readonly reference: string; readonly action: 'after' | 'prepend' },
  xml: string,
  target: string,
  key: IdpKey,
  options: SignatureOptions,
): string {
  const signingKey = options.key ?? key;
  const name = options.algorithm ?? defaultSignatureName(signingKey);
  const keyInfo = options.keyInfo ?? 'certificate';
  const prefix = options.prefix ?? 'ds';
  const prefixes = new InclusivePrefixes(prefix, options.prefixList ?? []);
  const signer = new SignedXml({
    privateKey: signingKey.privateKey,
    signatureAlgorithm: options.method?.uri ?? signatureUri(name),
    canonicalizationAlgorithm: options.canonicalization ?? EXC_C14N,
    getKeyInfoContent: () => {
      if (keyInfo === 'none') return null;
      if (keyInfo !== 'certificate') return keyInfo.xml;
      return (
        `<ds:X509Data xmlns:ds="${DSIG}">` +
        `<ds:X509Certificate>${signingKey.certificate}</ds:X509Certificate></ds:X509Data>`
      );
    },
  });
  register(signer, signingKey.privateKey, options.method, prefixes);
  for (const xpath of [target, ...(options.alsoCovers ?? [])]) {
    signer.addReference({
      xpath,
      transforms: options.transforms ?? [ENVELOPED, EXC_C14N],
      digestAlgorithm: digestUri(options.digest ?? 'sha256'),
      ...(options.emptyUri === undefined ? {} : { isEmptyUri: true }),
    });
  }
  signer.computeSignature(xml, { ...(prefix === '' ? {} : { prefix }), location: { ...location } });
  return prefixes.write(signer.getSignedXml());
}

/**
 * InclusiveNamespaces as IdPs write it: inside the canonicalization of the reference. xml-crypto would write it into every
 * transform, and not in its own namespace; so it is told nothing, and the element is put in where SignedInfo is signed.
 */
class InclusivePrefixes {
  constructor(
    private readonly prefix: string,
    private readonly list: readonly string[],
  ) {}

  /** Into canonical or serialised text. */
  write(text: string): string {
    if (this.list.length === 0) return text;
    const name = this.prefix === '' ? 'Transform' : `${this.prefix}:Transform`;
    const start = `<${name} Algorithm="${EXC_C14N}"`;
    const inside = `<ec:InclusiveNamespaces xmlns:ec="${EXC_C14N}" PrefixList="${this.list.join(' ')}"></ec:InclusiveNamespaces>`;
    return text.replace(new RegExp(`${start}(?:/>|></${name}>)`), `${start}>${inside}</${name}>`);
  }

  /** The canonicalization of what is referred to. */
  canonicalization(): typeof ExclusiveCanonicalization {
    const { list } = this;
    return class extends ExclusiveCanonicalization {
      override process(node: Element, options: CanonicalizationOrTransformationAlgorithmProcessOptions): string {
        if (node.localName === 'SignedInfo') return super.process(node, options);
        return super.process(node, { ...options, inclusiveNamespacesPrefixList: [...list] });
      }
    };
  }
}

/** xml-crypto knows few algorithms; it lets others be added. */
function register(
  signer: SignedXml,
  privateKey: string,
  method: SignatureOptions['method'],
  prefixes: InclusivePrefixes,
): void {
  signer.CanonicalizationAlgorithms[EXC_C14N] = prefixes.canonicalization();
  for (const name of Object.keys(SIGNATURES) as SignatureName[]) {
    signer.SignatureAlgorithms[signatureUri(name)] = class {
      getSignature = (signedInfo: unknown) =>
        rawSignature(name, privateKey, prefixes.write(String(signedInfo))).toString('base64');
      verifySignature = () => false;
      getAlgorithmName = () => signatureUri(name);
    };
  }
  if (method !== undefined) {
    const { uri, sign } = method;
    signer.SignatureAlgorithms[uri] = class {
      getSignature = (signedInfo: unknown) => sign(Buffer.from(String(signedInfo))).toString('base64');
      verifySignature = () => false;
      getAlgorithmName = () => uri;
    };
  }
  for (const name of Object.keys(DIGESTS) as DigestName[]) {
    signer.HashAlgorithms[digestUri(name)] = class {
      getHash = (xml: string) => createHash(digest(name).hash).update(xml, 'utf8').digest('base64');
      getAlgorithmName = () => digestUri(name);
    };
  }
}

function algorithm(name: SignatureName): Algorithm {
  const found = SIGNATURES[name];
  if (found === undefined) throw new Error(`No signature algorithm "${name}".`);
  return found;
}

function digest(name: DigestName): { readonly uri: string; readonly hash: string } {
  const found = DIGESTS[name];
  if (found === undefined) throw new Error(`No digest algorithm "${name}".`);
  return found;
}
