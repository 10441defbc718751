import type { AssertionFacts, ResponseFacts } from '../message-facts.js';
import type { ResponseJob, Verified } from '../saml-verifier.js';
import { readAssertion, type Decrypt } from './assertion-reader.js';
import { judged } from './judged.js';
import { openPostMessage } from './message-guard.js';
import { requireUniqueIds, shapeOfDecrypted, shapeOfResponse, type ResponseShape } from './message-shape.js';
import { readResponse } from './protocol-reader.js';
import { refuse, type Verdicts } from './refused.js';
import { decryptedXml } from './xml-decryption.js';
import {
  coveredElement,
  readEnvelopedSignature,
  vouchByCertificates,
  type EnvelopedSignature,
} from './xml-signature.js';
import { readXml } from './xml-document.js';
import { childOf, SAML, type XmlElement } from './xml-element.js';

const SUCCESS = 'urn:oasis:names:tc:SAML:2.0:status:Success';

/** Says whether a signature of the right shape is good: Refused where it is not. */
export type Vouch = (signature: EnvelopedSignature, verdicts: Verdicts) => void;

/** A response after its shape and signatures were found right; nothing of it has been read. */
interface Covered {
  /** Of the whole Response, where it is signed. */
  readonly response: XmlElement | undefined;
  /** Of the Assertion, where it has a signature of its own. */
  readonly assertion: XmlElement | undefined;
}

/**
 * The strict engine: libxml2 parses and canonicalises, one reader of what is canonical for shape and facts, node:crypto for
 * the rest. What it takes is the profile that identity providers use and no more (core §5.4); each fact comes from octets
 * that a signature covered, read again (R1, R4, D26).
 */
export function verifyResponseStrictly(job: ResponseJob): Promise<Verified<ResponseFacts>> {
  return judged((verdicts) =>
    readCoveredResponse(openPostMessage(job.samlResponse, verdicts), job, verdicts, (signature, into) => {
      vouchByCertificates(signature, job.certificates, into);
    }),
  );
}

/** Shape, digests, decryption and reading; whether a signature value is good is `vouch`'s to say. */
export function readCoveredResponse(xml: string, job: ResponseJob, verdicts: Verdicts, vouch: Vouch): ResponseFacts {
  const root = readXml(xml);
  verdicts.pass('well-formed', 'well-formed XML');
  const ids = requireUniqueIds(root, verdicts);
  const shape = shapeOfResponse(root, verdicts);
  const covered = coverResponse(root, shape, vouch, verdicts);
  return readCovered(root, shape, covered, ids, vouch, job, verdicts);
}

/** Where both are signed, the signature of the Assertion is part of what that of the Response covers. */
function coverResponse(root: XmlElement, shape: ResponseShape, vouch: Vouch, verdicts: Verdicts): Covered {
  const { assertion, responseSignature, assertionSignature } = shape;
  const ofResponse = responseSignature && readEnvelopedSignature(root, responseSignature);
  const ofAssertion = assertion && assertionSignature && readEnvelopedSignature(assertion.element, assertionSignature);
  if (assertion?.kind === 'plain') {
    const signed = [ofResponse && 'the Response', ofAssertion && 'the Assertion'].filter((name) => name !== undefined);
    verdicts.require(
      'signature-present',
      signed.length > 0,
      'the Response or the Assertion signed',
      signed.join(', ') || 'neither',
    );
  }
  if (ofResponse) vouch(ofResponse, verdicts);
  if (ofAssertion) vouch(ofAssertion, verdicts);
  return {
    response: ofResponse && coveredElement(ofResponse, verdicts),
    assertion: ofAssertion && coveredElement(ofAssertion, verdicts),
  };
}

function readCovered(
  root: XmlElement,
  shape: ResponseShape,
  covered: Covered,
  ids: ReadonlySet<string>,
  vouch: Vouch,
  job: ResponseJob,
  verdicts: Verdicts,
): ResponseFacts {
  const signed = covered.response !== undefined;
  const decrypt: Decrypt = (container) =>
    decryptedXml(
      container,
      { keys: job.decryptionKeys, cbc: signed && job.legacyEncryption ? 'allowed' : 'refused' },
      verdicts,
    );
  const read = (response: XmlElement): ResponseFacts => {
    const said = readResponse(response);
    if (shape.assertion === undefined) return { ...said, signed, assertion: requireNoSuccess(said.statusCodes) };
    return { ...said, signed, assertion: assertionOf(response) };
  };
  const assertionOf = (response: XmlElement): AssertionFacts => {
    if (covered.assertion !== undefined) {
      return readAssertion(covered.assertion, { signed: true, encrypted: false, decrypt });
    }
    if (shape.assertion?.kind === 'plain') {
      return readAssertion(onlyChild(response, 'Assertion'), { signed: false, encrypted: false, decrypt });
    }
    const inside = decrypt(onlyChild(response, 'EncryptedAssertion'));
    return readDecrypted(inside, { outerSigned: signed, outerIds: ids, vouch, decrypt }, verdicts);
  };
  return read(covered.response ?? root);
}

/** R7: what was encrypted is a stranger's word until it, or the response around it, is signed. */
function readDecrypted(
  xml: string,
  by: {
    readonly outerSigned: boolean;
    readonly outerIds: ReadonlySet<string>;
    readonly vouch: Vouch;
    readonly decrypt: Decrypt;
  },
  verdicts: Verdicts,
): AssertionFacts {
  const root = readXml(xml);
  requireUniqueIds(root, verdicts, by.outerIds);
  const signature = shapeOfDecrypted(root, verdicts);
  const found = [by.outerSigned && 'the Response', signature && 'the Assertion'].filter(Boolean).join(', ');
  verdicts.require(
    'signature-present',
    found !== '',
    'the Response or the decrypted Assertion signed',
    found || 'neither',
  );
  const facts = { encrypted: true, decrypt: by.decrypt };
  if (signature === undefined) return readAssertion(root, { ...facts, signed: false });
  const enveloped = readEnvelopedSignature(root, signature);
  by.vouch(enveloped, verdicts);
  return readAssertion(coveredElement(enveloped, verdicts), { ...facts, signed: true });
}

/** An identity provider that refuses sends no assertion, and need not sign. */
function requireNoSuccess(statusCodes: readonly string[]): undefined {
  if (statusCodes[0] === SUCCESS) refuse('one-assertion', 'an assertion with the status Success', 'none');
}

function onlyChild(response: XmlElement, name: string): XmlElement {
  return childOf(response, SAML, name) ?? refuse('one-assertion', `the ${name} in what was signed`, 'none');
}
