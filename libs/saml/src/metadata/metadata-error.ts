import { failed } from '../verdict.js';
import { Refused } from '../verification/refused.js';

/** A metadata document, or one of its entities, that cannot be used. The message is for operators and says what to do. */
export class MetadataError extends Refused {
  constructor(text: string) {
    super(failed('metadata', 'metadata of a SAML 2.0 identity provider', text));
    this.message = text;
  }
}
