import type { LogoutFacts } from '../message-facts.js';
import type { LogoutJob, Verified } from '../saml-verifier.js';
import { quoteFound } from '../verdict.js';
import type { Decrypt } from './assertion-reader.js';
import { judged } from './judged.js';
import { decodeBase64, openPostMessage, openRedirectMessage } from './message-guard.js';
import { requireUniqueIds, shapeOfLogout } from './message-shape.js';
import { readLogoutRequest, readLogoutResponse } from './protocol-reader.js';
import { readRedirectQuery, type RedirectMessage } from './redirect-query.js';
import { refuse, type Verdicts } from './refused.js';
import { signatureAlgorithm } from './signature-algorithms.js';
import { decryptedXml } from './xml-decryption.js';
import { coveredElement, readEnvelopedSignature, requireVouched, vouchByCertificates } from './xml-signature.js';
import { readXml } from './xml-document.js';
import type { XmlElement } from './xml-element.js';

/** Logout messages must be signed on either binding (profiles §4.4.3.1, §4.4.3.4; R15, D25). */
export function verifyLogout(job: LogoutJob): Promise<Verified<LogoutFacts>> {
  return judged((verdicts) => {
    const { message } = job;
    return message.binding === 'post'
      ? verifyPost(message.parameter, message.value, job, verdicts)
      : verifyRedirect(readRedirectQuery(message.query), job, verdicts);
  });
}

/** An enveloped signature of the whole message, as in a response. */
function verifyPost(
  parameter: 'SAMLRequest' | 'SAMLResponse',
  value: string,
  job: LogoutJob,
  verdicts: Verdicts,
): LogoutFacts {
  const root = readXml(openPostMessage(value, verdicts));
  verdicts.pass('well-formed', 'well-formed XML');
  requireUniqueIds(root, verdicts);
  const signature = shapeOfLogout(root, rootName(parameter), verdicts);
  if (signature === undefined) return refuse('signature-present', 'the message signed', 'no signature');
  const enveloped = readEnvelopedSignature(root, signature);
  vouchByCertificates(enveloped, job.certificates, verdicts);
  return readLogout(coveredElement(enveloped, verdicts), job, verdicts);
}

/**
 * Bindings §3.4.4.1: the signature is over the query as it was received. It covers the message whole, so that is read as it
 * is; a signature inside must have been removed by the sender, and one that nobody verifies is refused.
 */
function verifyRedirect(query: RedirectMessage, job: LogoutJob, verdicts: Verdicts): LogoutFacts {
  if (query.signature === undefined || query.signatureAlgorithm === undefined) {
    return refuse(
      'signature-present',
      'Signature and SigAlg',
      query.signature === undefined ? 'no Signature' : 'no SigAlg',
    );
  }
  const algorithm = signatureAlgorithm(query.signatureAlgorithm);
  if (algorithm === undefined) {
    return refuse(
      'signature-algorithm',
      'RSA or ECDSA with SHA-256, -384 or -512',
      quoteFound(query.signatureAlgorithm),
    );
  }
  const value = decodeBase64(query.signature, /[\r\n]+/g) ?? refuse('signature-value', 'base64', 'something else');
  requireVouched({ algorithm, octets: Buffer.from(query.signedText, 'utf8'), value }, job.certificates, verdicts);
  const root = readXml(openRedirectMessage(query.value, verdicts));
  verdicts.pass('well-formed', 'well-formed XML');
  requireUniqueIds(root, verdicts);
  const inside = shapeOfLogout(root, rootName(query.parameter), verdicts);
  if (inside !== undefined) refuse('signature-position', 'the signature in the query alone', 'one in the message');
  return readLogout(root, job, verdicts);
}

function rootName(parameter: 'SAMLRequest' | 'SAMLResponse'): LogoutFacts['kind'] {
  return parameter === 'SAMLRequest' ? 'LogoutRequest' : 'LogoutResponse';
}

function readLogout(message: XmlElement, job: LogoutJob, verdicts: Verdicts): LogoutFacts {
  const decrypt: Decrypt = (container) =>
    decryptedXml(container, { keys: job.decryptionKeys, cbc: 'refused' }, verdicts);
  return message.name === 'LogoutRequest' ? readLogoutRequest(message, decrypt) : readLogoutResponse(message);
}
