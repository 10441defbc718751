/**
 * An identity provider that signs fast: the assertion is written in its canonical form, so signing is one digest and one
 * RSA signature, and thousands of logins can be prepared between two rounds. Its messages are like those of real IdPs:
 * some 6 KB with the certificate and a dozen attributes.
 */
import { createHash, randomBytes, sign } from 'node:crypto';
import { makeIdpKey } from './harness.mjs';

const C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const attribute = (name, ...values) =>
  `<saml:Attribute Name="${name}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">` +
  values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join('') +
  `</saml:Attribute>`;

function attributes(user) {
  return [
    attribute('urn:oid:0.9.2342.19200300.100.1.3', `${user}@bench.example`),
    attribute('urn:oid:2.16.840.1.113730.3.1.241', `Bench ${user}`),
    attribute('urn:oid:2.5.4.42', 'Bench'),
    attribute('urn:oid:2.5.4.4', user),
    attribute('groups', ...Array.from({ length: 8 }, (_, n) => `department-${n}`)),
    ...Array.from({ length: 8 }, (_, n) =>
      attribute(`http://schemas.bench.example/claims/attribute-${n}`, `value ${n}`),
    ),
  ].join('');
}

/** What is signed, and where the signature goes into it. */
function signed(open, head, tail, id, key) {
  const digest = createHash('sha256').update(`${open}${head}${tail}`).digest('base64');
  const info = (namespace) =>
    `<ds:SignedInfo${namespace}><ds:CanonicalizationMethod Algorithm="${C14N}"></ds:CanonicalizationMethod>` +
    `<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>` +
    `<ds:Reference URI="#${id}"><ds:Transforms>` +
    `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform>` +
    `<ds:Transform Algorithm="${C14N}"></ds:Transform></ds:Transforms>` +
    `<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>` +
    `<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`;
  const namespace = ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"';
  const value = sign('sha256', Buffer.from(info(namespace)), key.privateKey).toString('base64');
  return (
    `${open}${head}<ds:Signature${namespace}>${info('')}<ds:SignatureValue>${value}</ds:SignatureValue>` +
    `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>${key.certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>` +
    `</ds:Signature>${tail}`
  );
}

export class FastIdp {
  entityId = 'https://idp.bench.example/metadata';

  static async create() {
    const idp = new FastIdp();
    idp.key = await makeIdpKey();
    return idp;
  }

  get metadata() {
    return (
      `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${this.entityId}">` +
      `<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing">` +
      `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${this.key.certificate}` +
      `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>` +
      `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.bench.example/sso"/>` +
      `</md:IDPSSODescriptor></md:EntityDescriptor>`
    );
  }

  /** The form field `SAMLResponse`, its assertion signed. */
  response({ acsUrl, audience, inResponseTo, user, now }) {
    const id = `_${randomBytes(20).toString('hex')}`;
    const at = (seconds) => new Date(now.getTime() + seconds * 1000).toISOString();
    const issuer = `<saml:Issuer>${this.entityId}</saml:Issuer>`;
    const assertion = signed(
      `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${id}" IssueInstant="${at(0)}" Version="2.0">`,
      issuer,
      `<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">${user}</saml:NameID>` +
        `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData ` +
        `InResponseTo="${inResponseTo}" NotOnOrAfter="${at(600)}" Recipient="${acsUrl}"></saml:SubjectConfirmationData>` +
        `</saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${at(-30)}" NotOnOrAfter="${at(600)}">` +
        `<saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
        `<saml:AuthnStatement AuthnInstant="${at(-1)}" SessionIndex="${id}-s"><saml:AuthnContext><saml:AuthnContextClassRef>` +
        `urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext>` +
        `</saml:AuthnStatement><saml:AttributeStatement>${attributes(user)}</saml:AttributeStatement></saml:Assertion>`,
      id,
      this.key,
    );
    const xml =
      `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ` +
      `ID="_${randomBytes(20).toString('hex')}" Version="2.0" IssueInstant="${at(0)}" Destination="${acsUrl}" InResponseTo="${inResponseTo}">` +
      `${issuer}<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>${assertion}</samlp:Response>`;
    return Buffer.from(xml).toString('base64');
  }
}
