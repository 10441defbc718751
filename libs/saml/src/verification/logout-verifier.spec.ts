import { deflateRawSync } from 'node:zlib';
import { encryptElement } from '../../../../test/harness/saml-idp-encryption.js';
import { makeIdpKey, postMessage, SigningIdp, type IdpKey } from '../../../../test/harness/saml-idp.js';
import { startTestVerifier } from '../../../../test/harness/saml-workers.js';
import type { LogoutFacts, LogoutRequestFacts } from '../message-facts.js';
import type { LogoutJob, Verified } from '../saml-verifier.js';
import { firstFailure } from '../verdict.js';

const NOW = new Date('2026-01-01T12:00:00Z');
const REQUEST = { now: NOW, destination: 'https://sp.test/saml/slo', nameId: 'alice', sessionIndexes: ['s1', 's2'] };
const RESPONSE = { now: NOW, destination: 'https://sp.test/saml/slo', inResponseTo: '_ours' };

describe('verifying a logout message', () => {
  let verifier: Awaited<ReturnType<typeof startTestVerifier>>;
  let idp: SigningIdp;
  let foreign: IdpKey;
  let sp: IdpKey;

  beforeAll(async () => {
    verifier = await startTestVerifier();
    [idp, foreign, sp] = await Promise.all([
      SigningIdp.create(),
      makeIdpKey({ type: 'rsa' }),
      makeIdpKey({ type: 'rsa' }),
    ]);
  });
  afterAll(() => verifier.close());

  const verify = (message: LogoutJob['message'], certificates = idp.certificates): Promise<Verified<LogoutFacts>> =>
    verifier.verifyLogout({ message, certificates, decryptionKeys: [sp.privateKey] });
  const post = (value: string, parameter: 'SAMLRequest' | 'SAMLResponse' = 'SAMLRequest') =>
    verify({ binding: 'post', parameter, value });
  const redirect = (query: string) => verify({ binding: 'redirect', query });

  async function checkOf(verified: Promise<Verified<LogoutFacts>>): Promise<string> {
    return firstFailure((await verified).verdicts)?.check ?? 'accepted';
  }

  async function factsOf(verified: Promise<Verified<LogoutFacts>>): Promise<LogoutFacts> {
    const { verdicts, ...rest } = await verified;
    if (!('facts' in rest)) throw new Error(JSON.stringify(firstFailure(verdicts)));
    return rest.facts;
  }

  describe('D25', () => {
    const expected: Partial<LogoutRequestFacts> = {
      kind: 'LogoutRequest',
      version: '2.0',
      issueInstant: NOW.toISOString(),
      destination: REQUEST.destination,
      sessionIndexes: ['s1', 's2'],
    };

    it('reads a signed LogoutRequest of either binding', async () => {
      const posted = idp.logoutRequestPost(REQUEST);
      expect(await factsOf(post(posted.value))).toMatchObject({
        ...expected,
        id: posted.id,
        issuer: idp.entityId,
        nameIds: [{ value: 'alice' }],
      });
      const redirected = idp.logoutRequestRedirect(REQUEST, { relayState: 'a b/c' });
      expect(await factsOf(redirect(redirected.query))).toMatchObject({
        ...expected,
        id: redirected.id,
        nameIds: [{ value: 'alice' }],
      });
    });

    it('reads a signed LogoutResponse of either binding', async () => {
      const status = [
        'urn:oasis:names:tc:SAML:2.0:status:Responder',
        'urn:oasis:names:tc:SAML:2.0:status:PartialLogout',
      ];
      const parts = { ...RESPONSE, status, statusMessage: 'half' };
      const facts = { kind: 'LogoutResponse', inResponseTo: '_ours', statusCodes: status, statusMessage: 'half' };
      expect(await factsOf(post(idp.logoutResponsePost(parts).value, 'SAMLResponse'))).toMatchObject(facts);
      expect(await factsOf(redirect(idp.logoutResponseRedirect(parts).query))).toMatchObject(facts);
    });

    it('reads the NameID whole, by D46', async () => {
      const nameId = { value: ' a&b ', format: null, nameQualifier: 'q', spNameQualifier: 's' };
      const facts = { nameIds: [{ format: undefined, nameQualifier: 'q', spNameQualifier: 's', value: ' a&b ' }] };
      expect(await factsOf(post(idp.logoutRequestPost({ ...REQUEST, nameId }).value))).toMatchObject(facts);
      expect(await factsOf(redirect(idp.logoutRequestRedirect({ ...REQUEST, nameId }).query))).toMatchObject(facts);
    });

    it('decrypts an EncryptedID', async () => {
      const nameId = '<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">alice</saml:NameID>';
      const encrypted = (inside: string) => {
        const xml = encryptElement(inside, { certificate: sp.certificate }, 'saml:EncryptedID');
        return post(
          idp.logoutRequestPost(REQUEST, {
            edit: { beforeSigning: (text) => text.replace(/<saml:NameID.*<\/saml:NameID>/, xml) },
          }).value,
        );
      };
      expect(await factsOf(encrypted(nameId))).toMatchObject({ nameIds: [{ value: 'alice' }] });
      expect(await checkOf(encrypted(nameId.replace('alice', 'al<!---->ice')))).toBe('comment');
      expect(await checkOf(encrypted('<x/>'))).toBe('name-id');
    });

    it('wants the message that its parameter names', async () => {
      expect(await checkOf(post(idp.logoutRequestPost(REQUEST).value, 'SAMLResponse'))).toBe('root-element');
      expect(await checkOf(post(idp.logoutResponsePost(RESPONSE).value))).toBe('root-element');
      const query = idp.logoutResponseRedirect(RESPONSE, {
        edit: { signedText: (text) => text.replace('SAMLResponse', 'SAMLRequest') },
      }).query;
      expect(await checkOf(redirect(query))).toBe('root-element');
    });
  });

  describe('R15', () => {
    it('refuses messages without a signature on either binding', async () => {
      expect(await checkOf(post(idp.logoutRequestPost(REQUEST, { sign: 'none' }).value))).toBe('signature-present');
      expect(await checkOf(post(idp.logoutResponsePost(RESPONSE, { sign: 'none' }).value, 'SAMLResponse'))).toBe(
        'signature-present',
      );
      expect(await checkOf(redirect(idp.logoutRequestRedirect(REQUEST, { sign: 'none' }).query))).toBe(
        'signature-present',
      );
      expect(await checkOf(redirect(idp.logoutResponseRedirect(RESPONSE, { sign: 'none' }).query))).toBe(
        'signature-present',
      );
    });

    it('refuses a signature that is empty or of which a part is missing', async () => {
      const { query } = idp.logoutRequestRedirect(REQUEST);
      const without = (name: string) =>
        query
          .split('&')
          .filter((part) => !part.startsWith(`${name}=`))
          .join('&');
      for (const variant of [
        without('Signature'),
        without('SigAlg'),
        `${without('Signature')}&Signature=`,
        `${without('SigAlg')}&SigAlg=`,
      ]) {
        expect(await checkOf(redirect(variant))).toBe('signature-present');
      }
    });

    it('refuses foreign signatures', async () => {
      expect(await checkOf(post(idp.logoutRequestPost(REQUEST, { signature: { key: foreign } }).value))).toBe(
        'signature-value',
      );
      expect(await checkOf(redirect(idp.logoutRequestRedirect(REQUEST, { key: foreign }).query))).toBe(
        'signature-value',
      );
    });

    it('refuses a message that was changed', async () => {
      const edit = { afterSigning: (xml: string) => xml.replace('>alice<', '>bob<') };
      expect(await checkOf(post(idp.logoutRequestPost(REQUEST, { edit }).value))).toBe('digest-value');
      const other = encodeURIComponent(
        deflateRawSync(idp.logoutRequestPost(REQUEST, { sign: 'none' }).xml).toString('base64'),
      );
      const { query } = idp.logoutRequestRedirect(REQUEST, { relayState: 'x' });
      expect(await checkOf(redirect(query.replace(/SAMLRequest=[^&]*/, `SAMLRequest=${other}`)))).toBe(
        'signature-value',
      );
      expect(await checkOf(redirect(query.replace('RelayState=x', 'RelayState=y')))).toBe('signature-value');
      expect(await checkOf(redirect(query.replace('&RelayState=x', '')))).toBe('signature-value');
      expect(await checkOf(redirect(query.replace('rsa-sha256', 'rsa-sha512')))).toBe('signature-value');
    });

    it('refuses an instruction that cuts a NameID (which xml-crypto takes for its text)', async () => {
      const edit = { afterSigning: (xml: string) => xml.replace('alice.evil', 'alice<?x .evil?>') };
      expect(await checkOf(post(idp.logoutRequestPost({ ...REQUEST, nameId: 'alice.evil' }, { edit }).value))).toBe(
        'processing-instruction',
      );
    });

    it('refuses SHA-1 on both bindings', async () => {
      expect(await checkOf(post(idp.logoutRequestPost(REQUEST, { signature: { algorithm: 'rsa-sha1' } }).value))).toBe(
        'signature-algorithm',
      );
      expect(await checkOf(redirect(idp.logoutRequestRedirect(REQUEST, { algorithm: 'rsa-sha1' }).query))).toBe(
        'signature-algorithm',
      );
    });

    it('refuses a message without certificates to check it by', async () => {
      const query = idp.logoutRequestRedirect(REQUEST).query;
      expect(await checkOf(verify({ binding: 'redirect', query }, []))).toBe('certificate');
    });
  });

  describe('SAML bindings §3.4.4.1', () => {
    it('verifies the octets that came, in whatever spelling and order', async () => {
      const lower = idp.logoutRequestRedirect(REQUEST, {
        relayState: 'https://x/?a=b',
        edit: {
          signedText: (text) => text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
          query: (text) => `foo=bar&${text.split('&').toReversed().join('&')}&x`,
        },
      });
      expect(await factsOf(redirect(lower.query))).toMatchObject({ id: lower.id });
      expect(await checkOf(redirect(lower.query.replace(/%2f/, '%2F')))).toBe('signature-value');
    });

    it.each(['ecdsa-sha256', 'ecdsa-sha512'] as const)('takes %s', async (algorithm) => {
      const ec = await SigningIdp.create({ keyType: 'ec' });
      const { query } = ec.logoutRequestRedirect(REQUEST, { algorithm });
      expect(await checkOf(verify({ binding: 'redirect', query }, ec.certificates))).toBe('accepted');
      const { value } = ec.logoutRequestPost(REQUEST, { signature: { algorithm } });
      expect(await checkOf(verify({ binding: 'post', parameter: 'SAMLRequest', value }, ec.certificates))).toBe(
        'accepted',
      );
    });

    it('refuses a signature inside the message as well, which nobody would verify', async () => {
      const edit = { xml: () => idp.logoutRequestPost(REQUEST).xml };
      expect(await checkOf(redirect(idp.logoutRequestRedirect(REQUEST, { edit }).query))).toBe('signature-position');
    });

    it('inflates nothing that is not signed', async () => {
      const bomb = encodeURIComponent(deflateRawSync(Buffer.alloc(50_000_000, 0x20)).toString('base64'));
      const query = (by: IdpKey) =>
        idp.logoutRequestRedirect(REQUEST, {
          key: by,
          edit: { signedText: (text) => text.replace(/SAMLRequest=[^&]*/, `SAMLRequest=${bomb}`) },
        }).query;
      expect(await checkOf(redirect(query(foreign)))).toBe('signature-value');
      expect(await checkOf(redirect(query(idp.signingKey)))).toBe('size');
    });
  });

  describe('R6', () => {
    it('refuses an assertion or another signature inside', async () => {
      const inside = (markup: string) => ({
        edit: { beforeSigning: (xml: string) => xml.replace('<samlp:SessionIndex>', `${markup}$&`) },
      });
      expect(await checkOf(post(idp.logoutRequestPost(REQUEST, inside('<saml:Assertion/>')).value))).toBe(
        'one-assertion',
      );
      const signature = '<x:Signature xmlns:x="http://www.w3.org/2000/09/xmldsig#"/>';
      expect(await checkOf(post(idp.logoutRequestPost(REQUEST, inside(`<a>${signature}</a>`)).value))).toBe(
        'signature-position',
      );
      expect(await checkOf(post(idp.logoutRequestPost(REQUEST, inside('<a ID="1" Id="1"/>')).value))).toBe(
        'unique-ids',
      );
    });
  });

  describe('a hint of who wrote it', () => {
    const peek = async (message: Parameters<typeof verifier.peek>[0]) => {
      const verified = await verifier.peek(message);
      return verified.ok ? verified.facts : firstFailure(verified.verdicts)?.check;
    };
    const parts = { now: NOW, acsUrl: 'https://sp.test/acs', audience: 'x', inResponseTo: '_r' };

    it('is read from any message, signed or not', async () => {
      const { value } = idp.response({ ...parts, sign: 'none' });
      expect(await peek({ samlResponse: value })).toEqual({ issuer: idp.entityId, inResponseTo: '_r' });
      expect(await peek({ samlResponse: idp.response({ ...parts, response: { issuer: null } }).value })).toEqual({
        issuer: idp.entityId,
        inResponseTo: '_r',
      });
      const request = idp.logoutRequestPost(REQUEST, { sign: 'none' }).value;
      expect(await peek({ binding: 'post', parameter: 'SAMLRequest', value: request })).toEqual({
        issuer: idp.entityId,
        inResponseTo: undefined,
      });
      const { query } = idp.logoutResponseRedirect(RESPONSE, { sign: 'none' });
      expect(await peek({ binding: 'redirect', query })).toEqual({ issuer: idp.entityId, inResponseTo: '_ours' });
    });

    it('is behind the same guard (R13)', async () => {
      expect(await peek({ samlResponse: 'x' })).toBe('encoding');
      expect(await peek({ samlResponse: postMessage('', '<!DOCTYPE a><a/>').value })).toBe('doctype');
      expect(await peek({ samlResponse: idp.logoutRequestPost(REQUEST).value })).toBe('root-element');
      expect(await peek({ binding: 'redirect', query: 'SAMLRequest=a&SAMLRequest=b' })).toBe('repeated-parameter');
    });
  });
});
