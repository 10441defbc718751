import { ValidateInResponseTo, type Profile } from '@node-saml/node-saml';
import { SignedXml } from 'xml-crypto';
import {
  ACS,
  ENTITY_ID,
  SLO,
  startSamlEnvironment,
  xmlOf,
  type Browser,
  type SamlEnvironment,
} from './saml.spec-support.js';

const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256';

let t: SamlEnvironment;
beforeAll(async () => {
  t = await startSamlEnvironment();
});
afterAll(() => t.stop());

describe('SAML profiles §4.4: logout', () => {
  const logoutUser = ({ issuer: idp, nameID, nameIDFormat, nameQualifier, spNameQualifier, sessionIndex }: Profile) =>
    ({ issuer: idp, nameID, nameIDFormat, nameQualifier, spNameQualifier, sessionIndex }) as Profile;

  async function isSignedIn(browser: Browser): Promise<boolean> {
    await browser.get(`${t.issuer}/saml/portal`);
    return browser.html.includes('Open Gatehouse');
  }

  it('ends the session that the service provider names, and answers, by Redirect', async () => {
    const [here, there] = [t.browser(), t.browser()];
    const sp = t.serviceProvider({ validateInResponseTo: ValidateInResponseTo.never });
    const profile = await t.signIn('dana', here, sp);
    await t.signIn('dana', there, sp);
    const stranger = t.browser();
    await stranger.get(await sp.getLogoutUrlAsync(logoutUser(profile), 'back', {}));
    const answer = new URL(stranger.at);
    expect(`${answer.origin}${answer.pathname}`).toBe(SLO);
    expect(answer.searchParams.get('RelayState')).toBe('back');
    const query = Object.fromEntries(answer.searchParams);
    expect(await sp.validateRedirectAsync(query, answer.search.slice(1))).toMatchObject({ loggedOut: true });
    expect([await isSignedIn(here), await isSignedIn(there)]).toEqual([false, true]);
  });

  it('and by POST; without a SessionIndex, all sessions of that person and nobody else’s', async () => {
    const [here, there, other] = [t.browser(), t.browser(), t.browser()];
    const { nameID } = await t.signIn('dana', here);
    await t.signIn('dana', there);
    await t.signIn('erin', other);
    const xml = `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_logout" Version="2.0" IssueInstant="${new Date().toISOString()}" Destination="${t.issuer}/saml/slo"><saml:Issuer>${ENTITY_ID}</saml:Issuer><saml:NameID>${nameID}</saml:NameID></samlp:LogoutRequest>`;
    const signature = new SignedXml({
      privateKey: t.keys[0]?.privateKey,
      signatureAlgorithm: RSA_SHA256,
      canonicalizationAlgorithm: 'http://www.w3.org/2001/10/xml-exc-c14n#',
    });
    signature.addReference({
      xpath: '/*',
      digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
      transforms: ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', 'http://www.w3.org/2001/10/xml-exc-c14n#'],
    });
    signature.computeSignature(xml, { location: { reference: "/*/*[local-name(.)='Issuer']", action: 'after' } });
    const browser = t.browser();
    await browser.post('/saml/slo', {
      SAMLRequest: Buffer.from(signature.getSignedXml()).toString('base64'),
      RelayState: 'x',
    });
    const { action, fields } = browser.form();
    expect([action, fields['RelayState']]).toEqual([SLO, 'x']);
    const sp = t.serviceProvider({ validateInResponseTo: ValidateInResponseTo.never, wantAssertionsSigned: false });
    const SAMLResponse = fields['SAMLResponse'] ?? '';
    expect(xmlOf(SAMLResponse)).toContain('InResponseTo="_logout"');
    expect(await sp.validatePostResponseAsync({ SAMLResponse })).toMatchObject({ loggedOut: true });
    expect([await isSignedIn(here), await isSignedIn(there), await isSignedIn(other)]).toEqual([false, false, true]);
    const changed = signature.getSignedXml().replace(nameID, `${nameID}x`);
    await browser.post('/saml/slo', { SAMLRequest: Buffer.from(changed).toString('base64') });
    expect(browser.status).toBe(400);
  });

  it('ends nothing for a request that is not signed', async () => {
    const browser = t.browser();
    const profile = await t.signIn('dana', browser);
    const url = await t.serviceProvider({ privateKey: undefined }).getLogoutUrlAsync(logoutUser(profile), '', {});
    await browser.get(url);
    expect(browser.status).toBe(400);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('logs out everywhere from the portal by Redirect, and shows what Gatehouse answered', async () => {
    const browser = t.browser();
    const sp = t.serviceProvider({
      validateInResponseTo: ValidateInResponseTo.never,
      logoutUrl: `${t.issuer}/saml/slo`,
    });
    const profile = await t.signIn('dana', browser, sp);
    await browser.get(`${t.issuer}/saml/portal`);
    await browser.post('/saml/portal/logout', { binding: 'redirect' });
    const request = new URL(browser.at);
    expect(`${request.origin}${request.pathname}`).toBe(SLO);
    const asked = await sp.validateRedirectAsync(Object.fromEntries(request.searchParams), request.search.slice(1));
    expect(asked.profile).toMatchObject({ nameID: profile.nameID, sessionIndex: profile.sessionIndex });
    const answer = await sp.getLogoutResponseUrlAsync(asked.profile as Profile, '', {}, true);
    await browser.get(answer);
    expect(browser.status).toBe(200);
    expect(browser.html).toContain('Gatehouse answered: Success');
    expect(await isSignedIn(browser)).toBe(false);
    // The answer counts once.
    await browser.get(answer);
    expect(browser.status).toBe(400);
  });

  it('shows that Gatehouse did not manage it', async () => {
    const browser = t.browser();
    const sp = t.serviceProvider({ validateInResponseTo: ValidateInResponseTo.never });
    await t.signIn('dana', browser, sp);
    await browser.get(`${t.issuer}/saml/portal`);
    await browser.post('/saml/portal/logout', { binding: 'redirect' });
    const request = new URL(browser.at);
    const asked = await sp.validateRedirectAsync(Object.fromEntries(request.searchParams), request.search.slice(1));
    await browser.get(await sp.getLogoutResponseUrlAsync(asked.profile as Profile, '', {}, false));
    expect(browser.status).toBe(400);
    expect(browser.html).toMatch(/status:(Requester|Responder|PartialLogout)/);
  });

  it('asks by POST too, signed inside', async () => {
    const browser = t.browser();
    const sp = t.serviceProvider({ validateInResponseTo: ValidateInResponseTo.never });
    const profile = await t.signIn('dana', browser, sp);
    await browser.get(`${t.issuer}/saml/portal`);
    await browser.post('/saml/portal/logout', { binding: 'post' });
    const { action, fields } = browser.form();
    expect(action).toBe(SLO);
    const asked = await sp.validatePostRequestAsync({ SAMLRequest: fields['SAMLRequest'] ?? '' });
    expect(asked.profile).toMatchObject({ nameID: profile.nameID, sessionIndex: profile.sessionIndex });
  });
});

describe('the portal', () => {
  it('asks who you are, and opens Gatehouse with a response that nobody asked for', async () => {
    const browser = t.browser();
    await browser.get(`${t.issuer}/saml/portal`);
    await browser.post(browser.at, { login: 'erin' });
    expect(browser.html).toContain('Erin Eldridge');
    await browser.post('/saml/portal/open', {});
    const { action, fields } = browser.form();
    expect(action).toBe(ACS);
    expect(xmlOf(fields['SAMLResponse'])).not.toContain('InResponseTo');
    const sp = t.serviceProvider({ validateInResponseTo: ValidateInResponseTo.ifPresent });
    const { profile } = await sp.validatePostResponseAsync({ SAMLResponse: fields['SAMLResponse'] ?? '' });
    expect(profile).toMatchObject({ 'urn:oid:0.9.2342.19200300.100.1.3': 'erin@corp.test' });
  });

  it('does nothing for a browser that is not signed in', async () => {
    for (const path of ['/saml/portal/open', '/saml/portal/logout']) {
      const browser = t.browser();
      await browser.post(path, {});
      expect(browser.html).toContain('asks who you are');
    }
  });

  it('is linked from the page at /, and unknown paths are 404', async () => {
    expect(await (await fetch(`${t.issuer}/`)).text()).toContain('/saml/portal');
    expect((await fetch(`${t.issuer}/saml/nothing`)).status).toBe(404);
  });

  it('refuses a form that is larger than any message', async () => {
    const browser = t.browser();
    await browser.post('/saml/sso', { SAMLRequest: 'x'.repeat(70_000) });
    expect(browser.status).toBe(400);
  });
});

// Last on purpose: by now every path above has run.
describe('quiet', () => {
  it('ran without a fault of its own', () => expect(t.faults).toEqual([]));
});
