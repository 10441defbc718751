import { createPrivateKey, X509Certificate } from 'node:crypto';
import { SIGNING_CERTIFICATE, SIGNING_KEY } from './development-key.js';
import { ENTITY_ID, startSamlEnvironment, xmlOf, type SamlEnvironment } from './saml.spec-support.js';

let t: SamlEnvironment;
beforeAll(async () => {
  t = await startSamlEnvironment();
});
afterAll(() => t.stop());
beforeEach(() => {
  t.published = t.keys.slice(0, 1);
});

describe('signing in at the SAML test identity provider', () => {
  it.each([
    ['dana', 'dana@corp.test', 'Dana Draper', ['finance', 'managers']],
    [' ERIN@corp.test', 'erin@corp.test', 'Erin Eldridge', 'finance'],
    ['frank', 'frank@corp.test', 'Frank O’Hara & Sons', undefined],
    ['alice@idp.test', 'alice@idp.test', 'Alice Archer', ['engineering', 'admins']],
  ])('says of %s who that is, under formal names', async (login, email, name, groups) => {
    const profile = await t.signIn(login);
    expect(profile).toMatchObject({
      issuer: `${t.issuer}/saml/metadata`,
      nameIDFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      nameQualifier: `${t.issuer}/saml/metadata`,
      spNameQualifier: ENTITY_ID,
      'urn:oid:0.9.2342.19200300.100.1.3': email,
      'urn:oid:2.16.840.1.113730.3.1.241': name,
    });
    expect(profile['urn:oid:1.3.6.1.4.1.5923.1.5.1.1']).toEqual(groups);
    expect(profile.sessionIndex).toMatch(/^_/);
  });

  it('says friendly names too', async () => {
    const browser = t.browser();
    await t.signIn('dana', browser);
    const xml = xmlOf(browser.form().fields['SAMLResponse']);
    for (const name of ['email', 'displayName', 'groups']) expect(xml).toContain(`FriendlyName="${name}"`);
  });

  it('takes a request by POST', async () => {
    const sp = t.serviceProvider({ authnRequestBinding: 'HTTP-POST', skipRequestCompression: true });
    const { SAMLRequest = '' } = (await sp.getAuthorizeMessageAsync('', undefined, {})) as { SAMLRequest?: string };
    const browser = t.browser();
    await browser.post('/saml/sso', { SAMLRequest, RelayState: 'r' });
    await browser.post(browser.at, { login: 'dana' });
    const { fields } = browser.form();
    expect(fields['RelayState']).toBe('r');
    expect((await sp.validatePostResponseAsync({ SAMLResponse: fields['SAMLResponse'] ?? '' })).profile).toMatchObject({
      'urn:oid:0.9.2342.19200300.100.1.3': 'dana@corp.test',
    });
  });

  it('gives a person one lasting identifier, and each sign-in a session of its own', async () => {
    const [first, second, other] = [await t.signIn('dana'), await t.signIn('dana'), await t.signIn('erin')];
    expect(second.nameID).toBe(first.nameID);
    expect(second.sessionIndex).not.toBe(first.sessionIndex);
    expect(other.nameID).not.toBe(first.nameID);
    expect(first.nameID).not.toContain('dana');
  });

  it('knows a browser again, unless ForceAuthn says to ask', async () => {
    const browser = t.browser();
    const first = await t.signIn('dana', browser);
    expect((await t.signIn('nobody', browser)).sessionIndex).toBe(first.sessionIndex);
    await t.begin(t.serviceProvider({ forceAuthn: true }), browser);
    expect(browser.html).toContain('asks who you are');
  });

  it('answers IsPassive with NoPassive where nobody is signed in', async () => {
    const browser = t.browser();
    await t.begin(t.serviceProvider({ passive: true }), browser);
    expect(xmlOf(browser.form().fields['SAMLResponse'])).toContain('status:NoPassive');
  });

  it('says AuthnFailed, signed, when the person cancels', async () => {
    const browser = t.browser();
    const sp = t.serviceProvider();
    await t.begin(sp, browser);
    await browser.post(browser.at, { cancel: 'yes' });
    const SAMLResponse = browser.form().fields['SAMLResponse'] ?? '';
    await expect(sp.validatePostResponseAsync({ SAMLResponse })).rejects.toThrow(/AuthnFailed/);
    expect(xmlOf(SAMLResponse)).toContain('<ds:Signature');
  });

  it('answers a request once', async () => {
    const browser = t.browser();
    await t.begin(t.serviceProvider(), browser);
    const page = browser.at;
    await browser.post(page, { login: 'dana' });
    await browser.post(page, { login: 'dana' });
    expect(browser.status).toBe(400);
    expect(browser.html).toContain('expired');
  });

  it('asks again after an unknown login, and escapes what was typed', async () => {
    const browser = t.browser();
    await t.begin(t.serviceProvider(), browser);
    await browser.post(browser.at, { login: '"><script>alert(1)</script>' });
    expect(browser.status).toBe(400);
    expect(browser.html).not.toContain('<script');
    for (const login of ['dana@corp.test', 'alice@idp.test']) expect(browser.html).toContain(`value="${login}"`);
  });

  it('lets its one script send the form, and no other run', async () => {
    const browser = t.browser();
    await t.signIn('dana', browser);
    expect(browser.html.match(/<script>/g)).toHaveLength(1);
    const response = await fetch(`${t.issuer}/saml/portal`);
    expect(response.headers.get('content-security-policy')).not.toContain('script-src');
  });
});

describe('SAML core §3.2.1', () => {
  it('refuses a request that is unsigned, signed by another key, for another place, or from somebody else', async () => {
    const unsigned = t.serviceProvider({ privateKey: undefined });
    const foreign = t.serviceProvider({}, t.keys[1]);
    const stranger = t.serviceProvider({ issuer: 'https://elsewhere.example' });
    const astray = new URL(
      await t.serviceProvider({ entryPoint: `${t.issuer}/other` }).getAuthorizeUrlAsync('', undefined, {}),
    );
    const elsewhere = t.serviceProvider({ callbackUrl: 'https://evil.example/acs' });
    for (const url of [
      await unsigned.getAuthorizeUrlAsync('', undefined, {}),
      await foreign.getAuthorizeUrlAsync('', undefined, {}),
      await stranger.getAuthorizeUrlAsync('', undefined, {}),
      `${t.issuer}/saml/sso${astray.search}`,
      await elsewhere.getAuthorizeUrlAsync('', undefined, {}),
      `${t.issuer}/saml/sso`,
      `${t.issuer}/saml/sso?SAMLRequest=nonsense`,
    ]) {
      const browser = t.browser();
      await browser.get(url);
      expect(browser.status).toBe(400);
      expect(browser.html).toContain('The message was refused');
    }
  });

  it('refuses a query whose RelayState was changed after it was signed', async () => {
    const browser = t.browser();
    const url = await t.serviceProvider().getAuthorizeUrlAsync('mine', undefined, {});
    await browser.get(url.replace('RelayState=mine', 'RelayState=thine'));
    expect(browser.status).toBe(400);
  });
});

describe('D24', () => {
  it('accepts each key that the service provider publishes, from the moment that it does', async () => {
    const rolled = t.serviceProvider({}, t.keys[1]);
    t.published = t.keys;
    await expect(t.signIn('dana', t.browser(), rolled)).resolves.toBeDefined();
    await expect(t.signIn('dana')).resolves.toBeDefined();
    t.published = t.keys.slice(1);
    const browser = t.browser();
    await t.begin(t.serviceProvider(), browser);
    expect(browser.status).toBe(400);
  });

  it('says so when the service provider cannot be asked', async () => {
    const url = await t.serviceProvider().getAuthorizeUrlAsync('', undefined, {});
    t.published = undefined;
    const browser = t.browser();
    await browser.get(url);
    expect(browser.status).toBe(502);
    expect(browser.html).toContain('/saml/dev-saml/metadata');
  });

  it('publishes metadata with a certificate that is valid for long, both bindings, and no secret', async () => {
    const response = await fetch(`${t.issuer}/saml/metadata`);
    expect(response.headers.get('content-type')).toContain('application/samlmetadata+xml');
    const xml = await response.text();
    expect(xml).toContain(`entityID="${t.issuer}/saml/metadata"`);
    expect(xml.match(/HTTP-(Redirect|POST)" Location="[^"]+\/saml\/(sso|slo)"/g)).toHaveLength(4);
    expect(xml).not.toContain('PRIVATE');
    const certificate = new X509Certificate(SIGNING_CERTIFICATE);
    expect(certificate.checkPrivateKey(createPrivateKey(SIGNING_KEY))).toBe(true);
    expect(xml).toContain(certificate.raw.toString('base64'));
    expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.parse('2021-01-01'));
    expect(Date.parse(certificate.validTo)).toBeGreaterThan(Date.parse('2099-01-01'));
  });
});

// Last on purpose: by now every path above has run.
describe('quiet', () => {
  it('ran without a fault of its own', () => expect(t.faults).toEqual([]));
});
