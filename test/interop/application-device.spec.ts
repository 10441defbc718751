import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import { Browser } from '../harness/browser.js';
import { answerDevice, type DeviceCodes } from '../harness/device.js';
import { startInstallation, type Installation } from '../harness/suite.js';

const SECRET = 'a-secret-of-the-printer-with-enough-characters';
const GRANTS = "grant_types: [refresh_token, 'urn:ietf:params:oauth:grant-type:device_code']";
const YAML = `
applications:
  - { client_id: screen, name: Screen, ${GRANTS} }
  - { client_id: printer, client_secret: ${SECRET}, name: Printer, ${GRANTS} }
`;
const SCOPE = 'openid profile email';

let installation: Installation;

beforeAll(async () => {
  installation = await startInstallation({ yaml: YAML });
});
afterAll(() => installation.stop());

const allow = (codes: object) => answerDevice(new Browser(), codes as DeviceCodes, 'allow');
const deny = (codes: object) => answerDevice(new Browser(), codes as DeviceCodes, 'deny');

describe('openid-client, unmodified, on a device (RFC 8628)', () => {
  const configured = (clientId: string, authentication: oidc.ClientAuth) =>
    oidc.discovery(new URL(installation.server.publicUrl), clientId, undefined, authentication, {
      execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
    });
  /** What the server said, but for the seconds that the library would spend asleep before each poll. */
  const atOnce = (codes: oidc.DeviceAuthorizationResponse) => ({ ...codes, interval: 0 });

  it.each<[string, string, () => oidc.ClientAuth]>([
    ['nothing, being public', 'screen', () => oidc.None()],
    ['a secret by Basic', 'printer', () => oidc.ClientSecretBasic(SECRET)],
    ['a secret in the body', 'printer', () => oidc.ClientSecretPost(SECRET)],
  ])('finds the endpoint, begins, polls, refreshes and asks who it is, with %s', async (_what, clientId, proof) => {
    const config = await configured(clientId, proof());
    const codes = await oidc.initiateDeviceAuthorization(config, { scope: SCOPE });
    expect(codes).toMatchObject({ expires_in: 600, interval: 5 });
    await allow(codes);
    const tokens = await oidc.pollDeviceAuthorizationGrant(config, atOnce(codes));
    const claims = tokens.claims();
    expect(claims).toMatchObject({ aud: clientId, email: expect.stringMatching(/^testuser-\d{8}@test\.tmi$/) });
    const refreshed = await oidc.refreshTokenGrant(config, String(tokens.refresh_token));
    const person = await oidc.fetchUserInfo(config, refreshed.access_token, String(claims?.sub));
    expect(person.email).toBe(claims?.['email']);
  });

  it('waits while nobody has answered, and then goes on', async () => {
    const config = await configured('screen', oidc.None());
    const codes = await oidc.initiateDeviceAuthorization(config, { scope: SCOPE });
    const polls: string[] = [];
    config[oidc.customFetch] = async (url, options) => {
      const response = await fetch(url, options as RequestInit);
      if (!url.endsWith('/oauth2/token')) return response;
      polls.push(response.status === 200 ? 'granted' : ((await response.clone().json()) as { error: string }).error);
      if (polls.length === 1) await allow(codes);
      return response;
    };
    await oidc.pollDeviceAuthorizationGrant(config, atOnce(codes));
    expect(polls).toEqual(['authorization_pending', 'granted']);
  });

  it('has its tokens bound to a key (RFC 9449), with nothing registered for it', async () => {
    const config = await configured('screen', oidc.None());
    const codes = await oidc.initiateDeviceAuthorization(config, { scope: SCOPE });
    await allow(codes);
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
    const tokens = await oidc.pollDeviceAuthorizationGrant(config, atOnce(codes), undefined, { DPoP });
    expect(tokens.token_type).toBe('dpop');
    const subject = String(tokens.claims()?.sub);
    expect((await oidc.fetchUserInfo(config, tokens.access_token, subject, { DPoP })).sub).toBe(subject);
    await expect(oidc.fetchUserInfo(config, tokens.access_token, subject)).rejects.toMatchObject({ status: 401 });
    const refresh = String(tokens.refresh_token);
    await expect(oidc.refreshTokenGrant(config, refresh)).rejects.toMatchObject({ error: 'invalid_grant' });
    expect((await oidc.refreshTokenGrant(config, refresh, undefined, { DPoP })).token_type).toBe('dpop');
  });

  it('is told that the person refused', async () => {
    const config = await configured('screen', oidc.None());
    const codes = await oidc.initiateDeviceAuthorization(config, { scope: SCOPE });
    await deny(codes);
    const polling = oidc.pollDeviceAuthorizationGrant(config, atOnce(codes));
    await expect(polling).rejects.toMatchObject({ error: 'access_denied', status: 400 });
  });

  it('is told at once what is wrong with what it asks for', async () => {
    const config = await configured('screen', oidc.None());
    const begun = oidc.initiateDeviceAuthorization(config, { scope: 'write:world' });
    await expect(begun).rejects.toMatchObject({ error: 'invalid_scope', status: 400 });
    const stranger = await configured('printer', oidc.ClientSecretBasic('wrong'));
    await expect(oidc.initiateDeviceAuthorization(stranger, { scope: SCOPE })).rejects.toMatchObject({ status: 401 });
  });
});

describe('oauth4webapi, unmodified, on a device (RFC 8628)', () => {
  const insecure = { [oauth.allowInsecureRequests]: true };
  const client: oauth.Client = { client_id: 'screen' };
  let server: oauth.AuthorizationServer;

  beforeAll(async () => {
    const issuer = new URL(installation.server.publicUrl);
    server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...insecure }));
  });

  async function begin(): Promise<oauth.DeviceAuthorizationResponse> {
    const parameters = { scope: SCOPE };
    const response = await oauth.deviceAuthorizationRequest(server, client, oauth.None(), parameters, { ...insecure });
    return oauth.processDeviceAuthorizationResponse(server, client, response);
  }
  async function poll({ device_code: code }: oauth.DeviceAuthorizationResponse) {
    const response = await oauth.deviceCodeGrantRequest(server, client, oauth.None(), code, { ...insecure });
    return oauth.processDeviceCodeResponse(server, client, response);
  }

  it('understands authorization_pending and slow_down, and the tokens', async () => {
    const codes = await begin();
    await expect(poll(codes)).rejects.toMatchObject({ error: 'authorization_pending', status: 400 });
    await expect(poll(codes)).rejects.toMatchObject({ error: 'slow_down', status: 400 });
    await allow(codes);
    const tokens = await poll(codes);
    expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({ aud: 'screen', auth_time: expect.any(Number) });
    await expect(poll(codes)).rejects.toMatchObject({ error: 'invalid_grant', status: 400 });
  });

  it('understands that the person refused', async () => {
    const codes = await begin();
    await deny(codes);
    await expect(poll(codes)).rejects.toMatchObject({ error: 'access_denied', status: 400 });
  });
});
