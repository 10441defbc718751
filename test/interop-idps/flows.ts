import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CALLBACK, federate, readable, type Connection, type Federation } from './federation.js';
import { itAgreesWithXmlsec, type Witnessed } from './agreement.js';
import { base64Of, makeKeyPair } from './key-pair.js';
import type { Person } from './person.js';
import type { RealIdp } from './real-idp.js';

const EMAIL_FORMAT = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress';

/**
 * An IdP's instants have whole seconds, and whoever signs in within the second of a logout that names no session counts as
 * logged out (D25). The IdP's clock is the machine's.
 */
const nextSecond = () => new Promise((resolve) => setTimeout(resolve, 1000 - (Date.now() % 1000)));

/** How this IdP encrypts: SimpleSAMLphp 1.19 knows only AES-CBC. */
export type Encryption = 'gcm' | 'cbc';

function connections(encryption: Encryption): Record<string, Connection> {
  const legacy = encryption === 'cbc' ? ['legacy_encryption: true'] : [];
  return {
    main: { options: { signedRequests: true } },
    posting: { pasted: withoutRedirect, options: { signedRequests: true, logoutBinding: 'post' } },
    chosen: { settings: ['request_binding: post'], options: { signedRequests: true } },
    unsigned: { settings: ['sign_requests: false'], options: { signedRequests: true } },
    sealed: {
      settings: ['want_encrypted_assertions: true', ...legacy],
      options: { encryptedAssertions: true },
    },
    'sealed-outside': {
      settings: ['want_encrypted_assertions: true', ...legacy],
      options: { encryptedAssertions: true, responseOnly: true },
    },
    'sealed-modern': { options: { encryptedAssertions: true } },
    'open-letter': { settings: ['want_encrypted_assertions: true'] },
    outside: { options: { responseOnly: true } },
    inside: { settings: ['want_assertions_signed: true'], options: { responseOnly: true } },
    portal: { settings: ['allow_idp_initiated: true', `idp_initiated_callback: ${CALLBACK}`] },
    anew: { settings: ['force_authn: true'] },
    mail: { settings: [`name_id_format: ${EMAIL_FORMAT}`] },
    weak: { options: { sha1: true } },
    stranger: { pasted: withAnotherCertificate },
    changing: {},
    replaced: {},
    impostor: {},
  };
}

/** An IdP that offers only the POST binding. */
function withoutRedirect(metadata: string): string {
  return metadata.replaceAll(/<[^<>]*Binding="urn:oasis:names:tc:SAML:2\.0:bindings:HTTP-Redirect"[^<>]*\/>/g, '');
}

/** Metadata with a certificate that is not the IdP's, as of one who mixed up two files. */
function withAnotherCertificate(metadata: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'gth-other-'));
  try {
    const other = base64Of(makeKeyPair(folder, 'another-idp').certificate);
    return metadata.replaceAll(/(X509Certificate>)[^<]+/g, `$1${other}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every flow against one IdP, as tests whose names are the table's rows. */
export function itWorksWith(encryption: Encryption, start: () => Promise<RealIdp>): void {
  let idp: RealIdp;
  let federation: Federation;
  const posted: Witnessed[] = [];

  beforeAll(async () => {
    idp = await start();
    federation = await federate(idp, connections(encryption));
  });
  afterAll(async () => {
    if (process.env.INTEROP_LOG !== undefined) process.stderr.write(`${federation?.log()}\n${idp?.log()}\n`);
    await federation?.stop();
    await idp?.stop();
  });

  const signIn = async (provider: string, person = federation.person()) => {
    const tokens = await federation.signIn(provider, person);
    collect(person);
    return { tokens, person };
  };

  /** What the IdP sent us in the open, with the certificate that it had then. */
  const collect = (person: Person): void => {
    const ours = person.posted.filter(
      ({ destination, xml }) =>
        !destination.startsWith(new URL(idp.entityId).origin) && !xml.includes('EncryptedAssertion'),
    );
    for (const message of ours.filter((each) => posted.every(({ message: known }) => known !== each)))
      posted.push({ message, certificate: idp.signingCertificate() });
  };

  /** A command's work is the server's as soon as it hears of it. */
  const untilPublished = async (count: number): Promise<void> => {
    while ((await federation.certificates('main')).length !== count)
      await new Promise((again) => setTimeout(again, 50));
  };

  it('SP-initiated login, Redirect, signed request', async () => {
    const { tokens, person } = await signIn('main');
    expect(person.typed).toBe(1);
    const request = person.visited.find((url) => url.searchParams.has('SAMLRequest'));
    expect(request?.searchParams.get('SigAlg')).toBe('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256');
    expect(await federation.isAlive(tokens)).toBe(true);
  });

  it('attributes become name, e-mail and groups', async () => {
    const { tokens } = await signIn('main');
    const info = await federation.userinfo(tokens);
    expect(info).toMatchObject({ email: idp.user.mail, email_verified: true, idp: 'main' });
    expect([...(info['groups'] as string[])].toSorted()).toEqual([...idp.user.groups].toSorted());
    expect(info['name']).toMatch(/^(Alice Ádám|Bob Bőven)$/);
  });

  it('the same user at the next login, and by verified e-mail at another provider', async () => {
    const first = await federation.userinfo((await signIn('main')).tokens);
    const second = await federation.userinfo((await signIn('main')).tokens);
    const linked = await federation.userinfo((await signIn('posting')).tokens);
    expect([second['sub'], linked['sub']]).toEqual([first['sub'], first['sub']]);
  });

  it.each(['posting', 'chosen'])('SP-initiated login, POST, signed request (%s)', async (provider) => {
    const { tokens, person } = await signIn(provider);
    const [request] = person.posted;
    expect(request?.parameter).toBe('SAMLRequest');
    expect(request?.xml).toMatch(/<(ds:)?Signature\b/);
    expect(await federation.isAlive(tokens)).toBe(true);
  });

  it('control: without a signature the IdP refuses the request', async () => {
    const page = await federation.begin('unsigned', federation.person());
    expect(page.url.hostname).toBe(new URL(idp.entityId).hostname);
    expect(readable(page.text)).toMatch(/no signature found|is not signed/);
  });

  it('a second login in the same browser is silent', async () => {
    const { person } = await signIn('main');
    await signIn('main', person);
    expect(person.typed).toBe(1);
  });

  it('ForceAuthn asks the person again', async () => {
    const { person } = await signIn('main');
    await signIn('anew', person);
    expect(person.typed).toBe(2);
  });

  it('NameIDPolicy: an e-mail address where we ask for one', async () => {
    const { person } = await signIn('mail');
    const response = person.posted.find(({ parameter }) => parameter === 'SAMLResponse');
    expect(response?.xml).toContain(EMAIL_FORMAT);
    expect(response?.xml).toMatch(new RegExp(`NameID[^>]*>${idp.user.mail}<`));
  });

  it('only the response is signed', async () => {
    await signIn('outside');
  });

  it('only the response is signed, where we insist on the assertion: refused', async () => {
    await federation.expectRefusal('inside', /signature/i);
  });

  it(`encrypted assertion (AES-${encryption.toUpperCase()}, RSA-OAEP)`, async () => {
    const { tokens, person } = await signIn('sealed');
    const response = person.posted.find(({ parameter }) => parameter === 'SAMLResponse');
    expect(response?.xml).toMatch(/EncryptedAssertion/);
    expect(response?.xml).toMatch(encryption === 'gcm' ? /aes256-gcm/ : /aes128-cbc/);
    expect(response?.xml).not.toContain(idp.user.mail);
    expect((await federation.userinfo(tokens))['email']).toBe(idp.user.mail);
  });

  it('encrypted assertion in a signed response, itself unsigned', async () => {
    await signIn('sealed-outside');
  });

  if (encryption === 'cbc')
    it('AES-CBC without legacy_encryption: refused (D53)', async () => {
      await federation.expectRefusal('sealed-modern', /aes128-cbc|legacy_encryption/);
    });
  else
    it('encrypted assertion that nobody insisted on', async () => {
      await signIn('sealed-modern');
    });

  it('an open assertion where we insist on encryption: refused', async () => {
    await federation.expectRefusal('open-letter', /encrypt/i);
  });

  it('RSA-SHA1: refused, and the log says so', async () => {
    await federation.expectRefusal('weak', /rsa-sha1/);
  });

  it('wrong certificate in the metadata: refused, and the log names both certificates', async () => {
    await federation.expectRefusal('stranger', /certificate.*[0-9a-f]{64}.*[0-9a-f]{64}/i);
  });

  it('IdP-initiated login, by way of a silent bound login (D36)', async () => {
    const person = federation.person();
    const page = await person.open(idp.portalLogin(federation.entityId('portal')));
    expect([page.status, page.url.href.startsWith(CALLBACK)]).toEqual([0, true]);
    expect(page.url.href).toMatch(/[?#&](code|access_token)=/);
    expect(person.typed).toBe(1);
    // The unsolicited response, then the one that answers our own request.
    const responses = person.posted.filter(({ parameter }) => parameter === 'SAMLResponse');
    expect(responses.map(({ xml }) => /InResponseTo="[^"]+"/.test(xml))).toEqual([false, true]);
  });

  it('IdP-initiated login to a RelayState that we allow (D36)', async () => {
    const person = federation.person();
    const page = await person.open(idp.portalLogin(federation.entityId('portal'), CALLBACK));
    expect([page.status, page.url.href.startsWith(CALLBACK)]).toEqual([0, true]);
  });

  it('IdP-initiated login where the provider does not allow it: refused', async () => {
    const page = await federation.person().open(idp.portalLogin(federation.entityId('main')));
    expect(page.status).toBeGreaterThanOrEqual(400);
    expect(page.url.href.startsWith(CALLBACK)).toBe(false);
  });

  it.each(['main', 'posting'])('SP-initiated logout (%s)', async (provider) => {
    const { tokens, person } = await signIn(provider);
    const { status, body } = await federation.logout(tokens);
    expect(status).toBe(200);
    expect(await federation.isAlive(tokens)).toBe(false);
    const page = await person.open(String(body['slo_url']));
    collect(person);
    expect([page.url.href.split('?')[0], page.status]).toEqual([CALLBACK, 0]);
    // The IdP forgot the person: the next login asks for the password again.
    await signIn(provider, person);
    expect(person.typed).toBe(2);
  });

  it.each(['main', 'posting'])('IdP-initiated logout (%s): the token is dead at the next request', async (provider) => {
    const { tokens, person } = await signIn(provider);
    expect(await federation.isAlive(tokens)).toBe(true);
    const page = await person.open(idp.portalLogout());
    collect(person);
    expect(await federation.isAlive(tokens)).toBe(false);
    const confirmed = idp.confirmsLogout(page, [federation.entityId(provider)]);
    expect(confirmed ? '' : `${page.status} ${page.url.href}: ${readable(page.text)}`).toBe('');
  });

  it('IdP-initiated logout ends every provider’s session of that browser, and no other person’s browser', async () => {
    const { tokens: first, person } = await signIn('main');
    const { tokens: second } = await signIn('outside', person);
    const elsewhere = await signIn('portal');
    const page = await person.open(idp.portalLogout());
    expect([await federation.isAlive(first), await federation.isAlive(second)]).toEqual([false, false]);
    expect(idp.confirmsLogout(page, ['main', 'outside'].map(federation.entityId))).toBe(true);
    expect(await federation.isAlive(elsewhere.tokens)).toBe(true);
  });

  it('IdP-initiated logout: after our answer by POST the browser lets the IdP go on to the next of us', async () => {
    await nextSecond();
    const { tokens: redirect, person } = await signIn('main');
    const { tokens: post } = await signIn('posting', person);
    const page = await person.open(idp.portalLogout());
    expect([await federation.isAlive(redirect), await federation.isAlive(post)]).toEqual([false, false]);
    expect(idp.confirmsLogout(page, ['main', 'posting'].map(federation.entityId))).toBe(true);
  });

  itAgreesWithXmlsec(posted);

  it('our certificate rollover: the IdP reads the next one beside ours, logins go on', async () => {
    expect(await federation.certificates('main')).toHaveLength(1);
    expect((await federation.command('saml:rotate')).code).toBe(0);
    await untilPublished(2);
    await federation.introduce();
    for (const provider of ['main', 'posting', 'sealed']) await signIn(provider);
  });

  it('our emergency rotation: what the IdP encrypts to the old certificate still opens', async () => {
    expect((await federation.command('saml:rotate', '--now')).code).toBe(0);
    await untilPublished(1);
    await signIn('sealed');
  });

  it('our emergency rotation: requests count again as soon as the IdP has the new certificate', async () => {
    const page = await federation.begin('main', federation.person());
    expect(page.url.hostname).toBe(new URL(idp.entityId).hostname);
    await federation.introduce();
    for (const provider of ['main', 'posting', 'sealed']) await signIn(provider);
  });

  it('the IdP’s certificate rollover: announced, the old key still signs', async () => {
    await idp.announceNextKey();
    await signIn('changing');
  });

  it('the IdP’s certificate rollover: the new key signs, logins go on', async () => {
    const before = idp.signingCertificate();
    await idp.signWithNextKey();
    expect(idp.signingCertificate()).not.toBe(before);
    await signIn('changing');
    await signIn('main');
  });

  it('a complete change of keys is held: the login is refused, and the log says why', async () => {
    await idp.replaceKey();
    await federation.expectRefusal('replaced', /changed so much that it is held: no signing key remains/);
  });

  it('an administrator sees the held metadata and accepts it, and logins go on', async () => {
    const shown = await federation.command('saml:metadata', 'replaced');
    expect(shown).toMatchObject({ code: 0, output: expect.stringContaining('HELD') as string });
    const accepted = await federation.command('saml:metadata', 'replaced', '--accept');
    expect(accepted).toMatchObject({ code: 0, output: expect.stringContaining('accepted') as string });
    await signIn('replaced');
  });

  it('what was accepted for one provider is still held for another', async () => {
    await federation.expectRefusal('impostor', /is held/);
  });

  describe('with the engine node-saml', () => {
    let other: Federation;
    beforeAll(async () => {
      const { main, posting, sealed, 'sealed-outside': outside, weak } = connections(encryption);
      const chosen = { main, posting, sealed, 'sealed-outside': outside, weak } as Record<string, Connection>;
      other = await federate(idp, chosen, 'node-saml');
    });
    afterAll(() => other?.stop());

    it.each(['main', 'posting', 'sealed', 'sealed-outside'])('node-saml: SP-initiated login (%s)', async (provider) => {
      const tokens = await other.signIn(provider, other.person());
      expect((await other.userinfo(tokens))['email']).toBe(idp.user.mail);
    });

    it('node-saml: RSA-SHA1 is refused, and the log says so', async () => {
      await other.expectRefusal('weak', /rsa-sha1/);
    });

    it('node-saml: IdP-initiated logout', async () => {
      const person = other.person();
      const tokens = await other.signIn('posting', person);
      const page = await person.open(idp.portalLogout());
      expect(await other.isAlive(tokens)).toBe(false);
      expect(idp.confirmsLogout(page, [other.entityId('posting')])).toBe(true);
    });
  });
}
