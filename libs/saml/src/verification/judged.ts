import type { Verified } from '../saml-verifier.js';
import { failed, quoteFound, type Verdict } from '../verdict.js';
import { NoCanonicalForm } from './canonical-form.js';
import { NotCanonical } from './canonical-reader.js';
import { Refused, Verdicts } from './refused.js';
import { XmlError } from './xml-document.js';
import { NotText, RepeatedElement } from './xml-element.js';

/** Runs checks that throw at the first that fails, and makes a list of verdicts of how it went. */
export async function judged<Facts>(check: (verdicts: Verdicts) => Facts | Promise<Facts>): Promise<Verified<Facts>> {
  const verdicts = new Verdicts();
  try {
    const facts = await check(verdicts);
    return { ok: true, facts, verdicts: verdicts.list };
  } catch (error) {
    return { ok: false, verdicts: [...verdicts.list, verdictOf(error)] };
  }
}

/** Throws on what is our fault and not the message's. */
function verdictOf(error: unknown): Verdict {
  if (error instanceof Refused) return error.verdict;
  if (error instanceof RepeatedElement || error instanceof NotText) {
    return failed('well-formed', "what SAML's schemas allow", quoteFound(error.message));
  }
  // XML Signature has no digest for it; a relative namespace name is the usual reason (Canonical XML §1.3).
  if (error instanceof NoCanonicalForm) return failed('digest-value', 'a canonical form', quoteFound(error.message));
  if (error instanceof NotCanonical) return failed('digest-value', 'canonical XML', quoteFound(error.message));
  if (error instanceof XmlError) return failed('well-formed', 'well-formed XML', quoteFound(error.message));
  throw error;
}
