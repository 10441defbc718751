import { SAML, type SamlConfig } from '@node-saml/node-saml';
import type { AssertionFacts, ResponseFacts } from '../message-facts.js';
import type { ResponseJob, Verified } from '../saml-verifier.js';
import { quoteFound } from '../verdict.js';
import { readAssertion, type Decrypt } from './assertion-reader.js';
import { judged } from './judged.js';
import { openPostMessage } from './message-guard.js';
import { refuse, Verdicts } from './refused.js';
import { readCoveredResponse } from './response-verifier.js';
import { decryptedXml } from './xml-decryption.js';
import { readXml } from './xml-document.js';
import { vouchByCertificates, type EnvelopedSignature } from './xml-signature.js';

/** Says what the type names it, where nothing is checked against it. */
const UNUSED = 'unused';

/** Of node-saml only signatures and decryption: it hands over the assertion's verified XML instead of judging its meaning. */
class SignedAssertions extends SAML {
  verified: string | undefined;

  protected override processValidlySignedAssertionAsync(
    xml: string,
  ): ReturnType<SAML['processValidlySignedAssertionAsync']> {
    this.verified = xml;
    return Promise.resolve({ profile: { issuer: '', nameID: '', nameIDFormat: '' }, loggedOut: false });
  }
}

/**
 * The second engine, a second opinion: what the strict engine takes is given to node-saml, too, and the assertion is read
 * once more from the XML that node-saml verified. Both must say the same of it, or it is refused: where two parsers differ somebody
 * made them differ (R4). The strict rules stay in front because node-saml lets through much that they refuse, and because
 * it decrypts AES-CBC without asking who sent it (D53).
 */
export function verifyResponseByNodeSaml(job: ResponseJob): Promise<Verified<ResponseFacts>> {
  return judged(async (verdicts) => {
    const xml = openPostMessage(job.samlResponse, verdicts);
    const ours = readCoveredResponse(xml, job, verdicts, (signature, into) => {
      requireKnownToNodeSaml(signature);
      vouchByCertificates(signature, job.certificates, into);
    });
    // Without an assertion there is nothing that node-saml would return.
    if (ours.assertion === undefined) return ours;
    const theirs = await assertionByNodeSaml(xml, { ...ours, assertion: ours.assertion }, job);
    const same = withPlainLineEnds(theirs) === withPlainLineEnds(ours.assertion);
    verdicts.require('signature-value', same, 'one assertion for both parsers', same ? 'so' : 'two different ones');
    return ours;
  });
}

/** node-saml writes the assertion of a signed response once more, and a carriage return in it (an address, say) is lost. */
function withPlainLineEnds(assertion: AssertionFacts): string {
  return JSON.stringify(assertion, (_name, value: unknown) =>
    typeof value === 'string' ? value.replace(/\r\n?/g, '\n') : value,
  );
}

/** xml-crypto has no ECDSA and no RSASSA-PSS. */
function requireKnownToNodeSaml({ info }: EnvelopedSignature): void {
  const { name, padding } = info.algorithm;
  if (padding !== 'pkcs1') refuse('signature-algorithm', 'RSA with PKCS #1 1.5 (all that node-saml knows)', name);
}

async function assertionByNodeSaml(
  xml: string,
  ours: ResponseFacts & { readonly assertion: AssertionFacts },
  job: ResponseJob,
): Promise<AssertionFacts> {
  const { signed, encrypted } = ours.assertion;
  const keys = encrypted ? job.decryptionKeys : [undefined];
  let reason = 'no decryption key';
  for (const key of keys) {
    const saml = new SignedAssertions(settings(job, ours.signed, signed, key));
    try {
      await saml.validatePostResponseAsync({ SAMLResponse: Buffer.from(xml, 'utf8').toString('base64') });
    } catch (error) {
      reason = error instanceof Error ? error.message : 'unknown';
      continue;
    }
    if (saml.verified === undefined) break;
    const decrypt: Decrypt = (container) => {
      const cbc = ours.signed && job.legacyEncryption ? 'allowed' : 'refused';
      return decryptedXml(container, { keys: job.decryptionKeys, cbc }, new Verdicts());
    };
    return readAssertion(readXml(saml.verified), { signed, encrypted, decrypt });
  }
  return refuse('signature-value', 'node-saml to accept the signatures', quoteFound(reason));
}

/** What was signed must verify, no more and no less: which signatures there are was found before. */
function settings(
  job: ResponseJob,
  responseSigned: boolean,
  assertionSigned: boolean,
  key: string | undefined,
): SamlConfig {
  return {
    callbackUrl: UNUSED,
    issuer: UNUSED,
    idpCert: [...job.certificates],
    audience: false,
    wantAuthnResponseSigned: responseSigned,
    wantAssertionsSigned: assertionSigned,
    ...(key === undefined ? {} : { decryptionPvk: key }),
  };
}
