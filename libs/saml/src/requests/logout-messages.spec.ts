import { createVerify, X509Certificate } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { SAML } from '@node-saml/node-saml';
import fc from 'fast-check';
import { makeIdpKey, toPem, type IdpKey } from '../../../../test/harness/saml-idp.js';
import type { NameId } from '../message-facts.js';
import { encodeLogoutMessage, logoutRequestXml, logoutResponseXml, type OutgoingMessage } from './logout-messages.js';

const DESTINATION = 'https://idp.example/slo?tenant=a&x=1';
const now = new Date('2026-11-21T10:00:00.000Z');
const common = {
  id: '_0123456789abcdef0123456789abcdef',
  issueInstant: now,
  issuer: 'https://gatehouse.example/saml/acme/metadata',
  destination: DESTINATION,
};
const person: NameId = {
  format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  nameQualifier: 'https://idp.example',
  spNameQualifier: 'https://gatehouse.example',
  value: 'ada',
};

let key: IdpKey;
let peer: SAML;
beforeAll(async () => {
  key = await makeIdpKey();
  // Another implementation reads what we wrote.
  peer = new SAML({
    callbackUrl: 'https://idp.example/acs',
    issuer: 'https://idp.example',
    entryPoint: 'https://idp.example/sso',
    idpCert: key.certificate,
  });
});

const request = (nameId: NameId = person, sessionIndexes: readonly string[] = ['_a', '_b'], issueInstant = now) =>
  logoutRequestXml({
    ...common,
    issueInstant,
    notOnOrAfter: new Date(issueInstant.getTime() + 300_000),
    nameId,
    sessionIndexes,
  });
/** As `request`, of this moment: the peer has a clock of its own and refuses what is old. */
const requestOfNow = (nameId: NameId = person) => request(nameId, ['_a', '_b'], new Date());

function queryOf(message: OutgoingMessage): string {
  if (message.binding !== 'redirect') throw new Error('not a redirect');
  return message.url.slice(message.url.indexOf('SAML'));
}
function formOf(message: OutgoingMessage): Readonly<Record<string, string>> {
  if (message.binding !== 'post') throw new Error('not a form');
  return message.fields;
}
const parametersOf = (query: string) => Object.fromEntries(new URLSearchParams(query)) as Record<string, string>;

describe('core §3.7.1', () => {
  it('our LogoutRequest names the person with every qualifier, every session, its end and its reason', () => {
    expect(request()).toBe(
      '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ' +
        'ID="_0123456789abcdef0123456789abcdef" Version="2.0" IssueInstant="2026-11-21T10:00:00.000Z" ' +
        'Destination="https://idp.example/slo?tenant=a&amp;x=1" NotOnOrAfter="2026-11-21T10:05:00.000Z" ' +
        'Reason="urn:oasis:names:tc:SAML:2.0:logout:user"><saml:Issuer>https://gatehouse.example/saml/acme/metadata</saml:Issuer>' +
        '<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" NameQualifier="https://idp.example" ' +
        'SPNameQualifier="https://gatehouse.example">ada</saml:NameID>' +
        '<samlp:SessionIndex>_a</samlp:SessionIndex><samlp:SessionIndex>_b</samlp:SessionIndex></samlp:LogoutRequest>',
    );
  });

  it('what the IdP left out of the NameID stays out', () => {
    const bare = { format: undefined, nameQualifier: undefined, spNameQualifier: undefined, value: 'ada' };
    expect(request(bare, [])).toContain('<saml:NameID>ada</saml:NameID></samlp:LogoutRequest>');
  });
});

describe('core §3.7.2 §3.2.2.2', () => {
  it('a whole logout is Success alone; a partial one says so on the second level', () => {
    const answer = (outcome: 'complete' | 'partial') => logoutResponseXml({ ...common, inResponseTo: '_r', outcome });
    expect(answer('complete')).toContain(
      '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>',
    );
    expect(answer('partial')).toMatch(
      /<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="[^"]+:PartialLogout"\/><\/samlp:StatusCode>/,
    );
    expect(answer('complete')).toContain(' InResponseTo="_r"');
  });
});

describe('bindings §3.4.4.1', () => {
  it('over Redirect the XML carries no signature; the query is signed byte for byte, the endpoint’s own query kept', () => {
    const message = encodeLogoutMessage('redirect', 'SAMLRequest', request(), DESTINATION, 'r', key);
    expect(message).toMatchObject({ url: expect.stringContaining(`${DESTINATION}&SAMLRequest=`) });
    const query = queryOf(message);
    const parameters = parametersOf(query);
    expect(Object.keys(parameters)).toEqual(['SAMLRequest', 'RelayState', 'SigAlg', 'Signature']);
    expect(parameters['SigAlg']).toBe('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256');
    expect(inflateRawSync(Buffer.from(parameters['SAMLRequest'] ?? '', 'base64')).toString()).toBe(request());
    const [signed, signature] = query.split('&Signature=');
    const { publicKey } = new X509Certificate(toPem('CERTIFICATE', key.certificate));
    expect(
      createVerify('sha256')
        .update(signed ?? '')
        .verify(publicKey, decodeURIComponent(signature ?? ''), 'base64'),
    ).toBe(true);
  });

  it('a peer verifies it whatever RelayState holds, which is given back as it was', async () => {
    const xml = logoutResponseXml({ ...common, inResponseTo: '_r', outcome: 'complete' });
    for (const relayState of ["a b!'()*~", 'ü€😀', '&=%+#', 'x'.repeat(80), undefined]) {
      const query = queryOf(
        encodeLogoutMessage('redirect', 'SAMLResponse', xml, 'https://idp.example/slo', relayState, key),
      );
      expect(parametersOf(query)['RelayState']).toBe(relayState);
      await expect(peer.validateRedirectAsync(parametersOf(query), query)).resolves.toMatchObject({ loggedOut: true });
    }
  });
});

describe('bindings §3.5.4', () => {
  it('over POST a peer finds the signature inside the message, after the Issuer, and reads the person from it', async () => {
    const fields = formOf(encodeLogoutMessage('post', 'SAMLRequest', requestOfNow(), DESTINATION, 'relay', key));
    expect(fields['RelayState']).toBe('relay');
    const xml = Buffer.from(fields['SAMLRequest'] ?? '', 'base64').toString();
    expect(xml).toMatch(/<\/saml:Issuer><ds:Signature /);
    expect(xml).not.toMatch(/sha1/i);
    const { profile } = await peer.validatePostRequestAsync({ SAMLRequest: fields['SAMLRequest'] ?? '' });
    expect(profile).toMatchObject({ ID: common.id, nameID: 'ada', nameIDFormat: person.format, sessionIndex: '_a' });
  });

  it('a changed message is refused by the peer: the signature is over all of it', async () => {
    const fields = formOf(encodeLogoutMessage('post', 'SAMLRequest', request(), DESTINATION, undefined, key));
    expect(Object.keys(fields)).toEqual(['SAMLRequest']);
    const forged = Buffer.from(fields['SAMLRequest'] ?? '', 'base64')
      .toString()
      .replace('>ada<', '>bob<');
    await expect(
      peer.validatePostRequestAsync({ SAMLRequest: Buffer.from(forged).toString('base64') }),
    ).rejects.toThrow('Invalid signature');
  });

  it('any NameID arrives at the peer as it was', async () => {
    // What XML 1.0 can hold; node-saml turns \r\n into \n before it looks, which is its own affair.
    const text = fc
      .string({ minLength: 1, maxLength: 30, unit: 'binary' })
      .filter((value) => !/[^\x20-\uD7FF\uE000-\uFFFD]/.test(value) && value.trim() === value);
    await fc.assert(
      fc.asyncProperty(text, text, async (value, format) => {
        const xml = requestOfNow({ ...person, value, format });
        const { SAMLRequest = '' } = formOf(
          encodeLogoutMessage('post', 'SAMLRequest', xml, DESTINATION, undefined, key),
        );
        const { profile } = await peer.validatePostRequestAsync({ SAMLRequest });
        expect(profile).toMatchObject({ nameID: value, nameIDFormat: format });
      }),
      { numRuns: 40 },
    );
  });
});
