import { FirstPartyClients } from '@app/clients';
import { loadConfig, type GatehouseConfig } from '@app/config';
import { idpInitiatedRequest, samlLoginRequest, type SamlLoginParameters } from './saml-login-request.js';

const WEB = 'https://app.example/callback';
const PORTAL = 'https://portal.example/landing';
const config: GatehouseConfig = {
  ...loadConfig({}, () => ''),
  fragmentDelivery: true,
  clientCallbacks: [
    { clientId: 'web', url: WEB },
    { clientId: 'portal', url: PORTAL },
  ],
};
const clients = new FirstPartyClients(config);
const checked = (parameters: SamlLoginParameters) => samlLoginRequest('acme', parameters, clients, config);

describe('D51 a login at /saml/{provider}/login', () => {
  it('asks for the usual scopes where it names none, and for what it names otherwise', () => {
    expect(checked({}).scopes).toEqual(['openid', 'profile', 'email']);
    expect(checked({ scope: 'openid made-up' }).scopes).toEqual(['openid']);
    expect(() => checked({ scope: 'profile' })).toThrow(/openid/);
  });

  it('is of the provider in the path', () => {
    expect(checked({ client_callback: WEB })).toMatchObject({ idp: 'acme', clientId: 'web' });
  });

  it('RFC 9449 §10: takes dpop_jkt for a code, and refuses it where there will be none', () => {
    const [dpop_jkt, code_challenge] = ['k'.repeat(43), 'c'.repeat(43)];
    const asked = { client_callback: WEB, dpop_jkt, code_challenge };
    expect(checked({ ...asked, response_type: 'code' }).dpopJkt).toBe(dpop_jkt);
    for (const parameters of [asked, { dpop_jkt }]) expect(() => checked(parameters)).toThrow(/dpop_jkt is for/);
    expect(() => checked({ ...asked, dpop_jkt: 'x', response_type: 'code' })).toThrow(/thumbprint/);
  });

  it('D9: needs a challenge for a code alone; one that is sent must be one', () => {
    expect(() => checked({ client_callback: WEB, response_type: 'code' })).toThrow(/code_challenge is required/);
    expect(checked({ client_callback: WEB }).delivery).toEqual({ kind: 'fragment', target: WEB });
    for (const parameters of [{}, { client_callback: WEB }])
      expect(() => checked({ ...parameters, code_challenge: 'short' })).toThrow(/43 base64url characters/);
  });
});

describe('D36 a login that the IdP asks for', () => {
  const provider = { id: 'acme', idpInitiatedCallback: PORTAL };
  const targetOf = (relayState?: string, settings: Partial<GatehouseConfig> = {}) =>
    idpInitiatedRequest(provider, relayState, { ...config, ...settings })?.delivery;

  it('ends at the provider’s callback, or at one that RelayState names character for character', () => {
    expect(targetOf()).toEqual({ kind: 'fragment', target: PORTAL });
    expect(targetOf(WEB)).toEqual({ kind: 'fragment', target: WEB });
    for (const other of [`${WEB}/`, `${WEB}#`, 'https://evil.example/', '', 'javascript:alert(1)'])
      expect(targetOf(other)).toEqual({ kind: 'fragment', target: PORTAL });
  });

  it('is of the client whose callback it is', () => {
    expect(idpInitiatedRequest(provider, WEB, config)).toMatchObject({
      idp: 'acme',
      clientId: 'web',
      namedTarget: WEB,
    });
  });

  it('ends nowhere without a callback that is still configured, nor where no fragment may take tokens', () => {
    expect(idpInitiatedRequest({ id: 'acme', idpInitiatedCallback: undefined }, 'x', config)).toBeUndefined();
    expect(targetOf(undefined, { clientCallbacks: [] })).toBeUndefined();
    expect(targetOf(WEB, { fragmentDelivery: false })).toBeUndefined();
  });
});
