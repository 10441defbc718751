import { createHash, timingSafeEqual } from 'node:crypto';
import { quoteFound } from '../verdict.js';
import { readCanonical } from './canonical-reader.js';
import { exclusiveForm } from './exclusive-form.js';
import { isKey, keyOfCertificate } from './key-cache.js';
import { decodeBase64 } from './message-guard.js';
import { refuse, type Verdicts } from './refused.js';
import { digestAlgorithm, signatureAlgorithm, verifies, type SignatureAlgorithm } from './signature-algorithms.js';
import { attributeOf, DSIG, elementsOf, EXCLUSIVE_C14N, isElement, textOf, type XmlElement } from './xml-element.js';

const ENVELOPED = `${DSIG}enveloped-signature`;
/** With comments and without are one, for the guard leaves no comment; SAML allows both (core §5.4.3, §5.4.4). */
const CANONICALIZATIONS = new Set([EXCLUSIVE_C14N, `${EXCLUSIVE_C14N}WithComments`]);
const WHITE_SPACE = /[\t\n\r ]+/g;
const MOST_PREFIXES = 32;
const SIGNED_INFO = ['CanonicalizationMethod', 'SignatureMethod', 'Reference'] as const;
const REFERENCE = ['Transforms', 'DigestMethod', 'DigestValue'] as const;

/** What a SignedInfo says. */
export interface SignedInfo {
  readonly algorithm: SignatureAlgorithm;
  readonly prefixes: readonly string[];
  readonly digest: 'sha256' | 'sha384' | 'sha512';
  readonly digestValue: Buffer;
}

/** An enveloped signature of the right shape: nobody has vouched for it yet. */
export interface EnvelopedSignature {
  readonly signature: XmlElement;
  /** The element that holds it and that it claims to sign. */
  readonly parent: XmlElement;
  readonly info: SignedInfo;
  /** The octets that the signature value is over. */
  readonly signedOctets: Buffer;
  readonly value: Buffer;
}

/**
 * The children's names must be exactly these, in this order: several SignedInfo, an Object or a second Reference are no
 * signature of SAML (core §5.4.2, erratum E91; R3).
 */
function requireChildren<const Names extends readonly string[]>(
  parent: XmlElement,
  names: Names,
): { [Position in keyof Names]: XmlElement } {
  const children = elementsOf(parent);
  const same =
    children.length === names.length && children.every((child, at) => isElement(child, DSIG, names[at] ?? ''));
  if (!same) {
    const found = children.slice(0, 8).map((child) => child.name);
    refuse('signature-shape', `${names.join(', ') || 'nothing'} in ${parent.name}`, quoteFound(found.join(', ')));
  }
  return children as { [Position in keyof Names]: XmlElement };
}

/** InclusiveNamespaces of exclusive canonicalisation (exc-c14n §3), the only parameter that there is. */
function prefixesOf(method: XmlElement): string[] {
  const parameters = elementsOf(method);
  const [parameter] = parameters;
  if (parameter === undefined) return [];
  if (parameters.length > 1 || !isElement(parameter, EXCLUSIVE_C14N, 'InclusiveNamespaces')) {
    return refuse('signature-shape', 'no parameter but InclusiveNamespaces', quoteFound(parameter.name));
  }
  const prefixes = (attributeOf(parameter, 'PrefixList') ?? '').split(WHITE_SPACE).filter((prefix) => prefix !== '');
  if (prefixes.length > MOST_PREFIXES)
    refuse('signature-shape', `at most ${MOST_PREFIXES} prefixes`, `${prefixes.length}`);
  return prefixes;
}

function exclusiveCanonicalization(method: XmlElement): string[] {
  const algorithm = attributeOf(method, 'Algorithm');
  if (algorithm === undefined || !CANONICALIZATIONS.has(algorithm)) {
    refuse('signature-algorithm', 'exclusive canonicalization', quoteFound(algorithm));
  }
  return prefixesOf(method);
}

/** Base64 with the white space that XML's writers put in; text only (comments in it were R3's CVE-2025-29775). */
function octetsOf(element: XmlElement, check: 'signature-value' | 'digest-value'): Buffer {
  const octets = decodeBase64(textOf(element), WHITE_SPACE);
  return octets ?? refuse(check, 'base64', 'something else');
}

/**
 * The profile of SAML core §5.4: one Reference, to the ID of the element that holds the signature (never the empty URI,
 * §5.4.2), transforms exactly enveloped-signature and exclusive canonicalization (§5.4.4). `signedInfo` is a document
 * element: the SignedInfo's own canonical form, read again.
 */
export function readSignedInfo(signedInfo: XmlElement, id: string): SignedInfo {
  const [canonicalization, method, reference] = requireChildren(signedInfo, SIGNED_INFO);
  exclusiveCanonicalization(canonicalization);
  // A parameter (HMACOutputLength, RSASSA-PSS parameters) would change what the name says.
  requireChildren(method, []);
  const methodUri = attributeOf(method, 'Algorithm');
  const algorithm = signatureAlgorithm(methodUri);
  if (algorithm === undefined) {
    return refuse('signature-algorithm', 'RSA or ECDSA with SHA-256, -384 or -512', quoteFound(methodUri));
  }
  const uri = attributeOf(reference, 'URI');
  if (uri !== `#${id}`) refuse('signature-reference', quoteFound(`#${id}`), quoteFound(uri));
  const [transforms, digestMethod, digestValue] = requireChildren(reference, REFERENCE);
  const [enveloped, exclusive] = requireChildren(transforms, ['Transform', 'Transform']);
  const first = attributeOf(enveloped, 'Algorithm');
  if (first !== ENVELOPED) refuse('signature-algorithm', 'the enveloped-signature transform first', quoteFound(first));
  // xml-crypto writes InclusiveNamespaces into every transform; in this one it means nothing.
  prefixesOf(enveloped);
  const prefixes = exclusiveCanonicalization(exclusive);
  requireChildren(digestMethod, []);
  const digestUri = attributeOf(digestMethod, 'Algorithm');
  const digest = digestAlgorithm(digestUri);
  if (digest === undefined)
    return refuse('signature-algorithm', 'SHA-256, -384 or -512 as digest', quoteFound(digestUri));
  return { algorithm, prefixes, digest, digestValue: octetsOf(digestValue, 'digest-value') };
}

/**
 * Reads an enveloped signature. What SignedInfo says is read from the octets that the signature value is over, read again,
 * not from the message (R1, R3). KeyInfo is not looked at: only certificates of the provider count.
 */
export function readEnvelopedSignature(parent: XmlElement, signature: XmlElement): EnvelopedSignature {
  const id = attributeOf(parent, 'ID');
  if (id === undefined || id === '') return refuse('signature-reference', `an ID of the signed ${parent.name}`, 'none');
  const withKeyInfo = elementsOf(signature).length === 3;
  const [signedInfo, value] = withKeyInfo
    ? requireChildren(signature, ['SignedInfo', 'SignatureValue', 'KeyInfo'])
    : requireChildren(signature, ['SignedInfo', 'SignatureValue']);
  const [canonicalization] = requireChildren(signedInfo, SIGNED_INFO);
  const signedOctets = exclusiveForm(signedInfo, { prefixes: exclusiveCanonicalization(canonicalization) });
  const info = readSignedInfo(readCanonical(signedOctets), id);
  return { signature, parent, info, signedOctets, value: octetsOf(value, 'signature-value') };
}

/** {@link requireVouched} for a signature in XML. */
export function vouchByCertificates(
  { info, signedOctets, value }: EnvelopedSignature,
  certificates: readonly string[],
  verdicts: Verdicts,
): void {
  requireVouched({ algorithm: info.algorithm, octets: signedOctets, value }, certificates, verdicts);
}

/** Throws Refused unless one of the certificates vouches for what was signed. They are never empty (R8). */
export function requireVouched(
  signed: { readonly algorithm: SignatureAlgorithm; readonly octets: Uint8Array; readonly value: Uint8Array },
  certificates: readonly string[],
  verdicts: Verdicts,
): void {
  verdicts.pass('signature-algorithm', signed.algorithm.name);
  const keys = certificates.map(keyOfCertificate);
  const usable = keys.filter(isKey);
  if (usable.length === 0) {
    const reasons = keys.map((key) => (isKey(key) ? '' : key.unusable));
    refuse(
      'certificate',
      'RSA of at least 2048 bits, or EC on P-256, P-384, P-521',
      reasons.join('; ') || 'no certificate',
    );
  }
  const vouched = usable.some((key) => verifies(signed.algorithm, key, signed.octets, signed.value));
  const one =
    usable.length === 1 ? "the provider's one certificate" : `one of the provider's ${usable.length} certificates`;
  verdicts.require('signature-value', vouched, `${signed.algorithm.name} made by ${one}`, vouched ? 'so' : 'not so');
}

/**
 * What the signature covers, read from the octets whose digest proved right: from this alone the message may be read (R1).
 * The signature itself is left out, as the enveloped-signature transform says (XML Signature §6.6.4).
 */
export function coveredElement({ signature, parent, info }: EnvelopedSignature, verdicts: Verdicts): XmlElement {
  const octets = exclusiveForm(parent, { prefixes: info.prefixes, without: signature });
  const digest = createHash(info.digest).update(octets).digest();
  const same = digest.length === info.digestValue.length && timingSafeEqual(digest, info.digestValue);
  verdicts.require('digest-value', same, `the ${info.digest} digest of the ${parent.name}`, same ? 'so' : 'not so');
  const covered = readCanonical(octets);
  // What stands in the octets that were signed is what the shape was checked of.
  if (!isElement(covered, parent.namespaceUri, parent.name) || attributeOf(covered, 'ID') !== attributeOf(parent, 'ID'))
    refuse('signature-reference', `the ${parent.name} that holds the signature`, quoteFound(covered.name));
  return covered;
}
