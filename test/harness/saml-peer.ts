import { verify, X509Certificate } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { SAML } from '@node-saml/node-saml';

/** A logout message of ours as an identity provider reads it. */
export interface ReadMessage {
  readonly destination: string;
  readonly xml: string;
  readonly relayState: string | undefined;
}

/** The message in a redirect of ours, its signature verified with our certificate (bindings §3.4.4.1). */
export function readRedirect(location: string | undefined, certificate: string): ReadMessage {
  const url = new URL(location ?? '');
  // The endpoint may have a query of its own.
  const query = url.search.slice(url.search.indexOf('SAML'));
  const [signed = '', signature = ''] = query.split('&Signature=');
  const { publicKey } = new X509Certificate(Buffer.from(certificate, 'base64'));
  const good = verify('sha256', Buffer.from(signed), publicKey, Buffer.from(decodeURIComponent(signature), 'base64'));
  if (!good || !signed.includes('SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256'))
    throw new Error(`not signed by us: ${query}`);
  const parameters = new URLSearchParams(query);
  const message = parameters.get('SAMLRequest') ?? parameters.get('SAMLResponse') ?? '';
  return {
    destination: `${url.origin}${url.pathname}`,
    xml: inflateRawSync(Buffer.from(message, 'base64')).toString(),
    relayState: parameters.get('RelayState') ?? undefined,
  };
}

/** The message in a self-posting form of ours, verified by node-saml, which takes an answer only if it is Success. */
export async function readForm(html: string, certificate: string): Promise<ReadMessage> {
  const fields = Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(([, name, value]) => [name, value]),
  ) as Record<string, string>;
  const { SAMLRequest, SAMLResponse } = fields;
  if (SAMLRequest !== undefined) await peer(certificate).validatePostRequestAsync({ SAMLRequest });
  else await peer(certificate).validatePostResponseAsync({ SAMLResponse: SAMLResponse ?? '' });
  return {
    destination: /<form method="post" action="([^"]+)"/.exec(html)?.[1] ?? '',
    xml: Buffer.from(SAMLRequest ?? SAMLResponse ?? '', 'base64').toString(),
    relayState: fields['RelayState'],
  };
}

function peer(certificate: string): SAML {
  return new SAML({ callbackUrl: 'https://idp.test/acs', issuer: 'https://idp.test', idpCert: certificate });
}
