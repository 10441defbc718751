import type { Verified } from '../saml-verifier.js';
import { failed, quoteFound, type Verdict } from '../verdict.js';
import { Refused, Verdicts } from './refused.js';
import { NotText, RepeatedElement, XmlError } from './xml-document.js';

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
  if (error instanceof XmlError) return failed('well-formed', 'well-formed XML', quoteFound(error.message));
  throw error;
}
