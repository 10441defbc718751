import type { MessageHint, SamlVerifier, Verified } from '../saml-verifier.js';
import { judged } from './judged.js';
import { openPostMessage, openRedirectMessage } from './message-guard.js';
import { requireRoot } from './message-shape.js';
import { readHint } from './protocol-reader.js';
import { readRedirectQuery } from './redirect-query.js';
import { readXml } from './xml-document.js';
import { SAMLP } from './xml-element.js';

export type AnyMessage = Parameters<SamlVerifier['peek']>[0];

/** Who a message says it is from, before anybody knows whether that is true. The guard stands before this, too. */
export function peekAt(message: AnyMessage): Promise<Verified<MessageHint>> {
  return judged((verdicts) => {
    const { xml, root: name } = open();
    const root = readXml(xml);
    requireRoot(root, SAMLP, name, verdicts);
    return readHint(root);

    function open(): { readonly xml: string; readonly root: string } {
      if ('samlResponse' in message) return { xml: openPostMessage(message.samlResponse, verdicts), root: 'Response' };
      if (message.binding === 'post') {
        return { xml: openPostMessage(message.value, verdicts), root: logoutRoot(message.parameter) };
      }
      const query = readRedirectQuery(message.query);
      return { xml: openRedirectMessage(query.value, verdicts), root: logoutRoot(query.parameter) };
    }
  });
}

function logoutRoot(parameter: 'SAMLRequest' | 'SAMLResponse'): string {
  return parameter === 'SAMLRequest' ? 'LogoutRequest' : 'LogoutResponse';
}
