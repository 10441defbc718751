import fc from 'fast-check';
import { FirstPartyClients } from '@app/clients';
import { loadConfig, type GatehouseConfig } from '@app/config';
import { OAuthError } from '@app/oauth2';
import {
  authorizationRequest,
  ReceivedParametersSchema,
  type AuthorizationParameters,
  type AuthorizationRequest,
} from './authorization-request.js';

const ISSUER = 'https://gatehouse.example';
const WEB = 'https://app.example/callback?tenant=1';
const NATIVE = 'http://127.0.0.1:8000/callback';
const FIRST = 'https://two.example/first';
const SECOND = 'https://two.example/second';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

const config: GatehouseConfig = {
  ...loadConfig({}, () => ''),
  publicUrl: ISSUER,
  fragmentDelivery: true,
  clientCallbacks: [
    { clientId: WEB, url: WEB },
    { clientId: 'native', url: NATIVE },
    { clientId: 'two', url: FIRST },
    { clientId: 'two', url: SECOND },
  ],
};
const clients = new FirstPartyClients(config);
const MINIMAL = { scope: 'openid', code_challenge: CHALLENGE } satisfies AuthorizationParameters;

function checked(parameters: Partial<AuthorizationParameters>, settings = config): AuthorizationRequest {
  return authorizationRequest({ ...MINIMAL, ...parameters }, clients, settings);
}
function refusalOf(parameters: Partial<AuthorizationParameters>, settings = config): OAuthError {
  try {
    checked(parameters, settings);
  } catch (error) {
    if (error instanceof OAuthError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}
const codeOf = (parameters: Partial<AuthorizationParameters>) => refusalOf(parameters).code;

describe('D8 what the client gets back', () => {
  it('tokens as JSON, under our own name, when it names nothing', () => {
    expect(checked({})).toMatchObject({ clientId: ISSUER, delivery: { kind: 'json' }, namedTarget: undefined });
  });

  it('tokens in the fragment of its callback, by the name of the seed or of the RFC', () => {
    const delivery = { kind: 'fragment', target: WEB };
    expect(checked({ client_callback: WEB })).toMatchObject({ clientId: WEB, delivery, namedTarget: WEB });
    expect(checked({ redirect_uri: WEB })).toMatchObject({ clientId: WEB, delivery, namedTarget: WEB });
    expect(checked({ redirect_uri: WEB, client_callback: WEB })).toMatchObject({ delivery });
  });

  it('a code with response_type=code', () => {
    const delivery = { kind: 'code', target: WEB };
    expect(checked({ client_callback: WEB, response_type: 'code' })).toMatchObject({ delivery, namedTarget: WEB });
  });

  it('to the only callback of a client that is named by its id alone', () => {
    const delivery = { kind: 'code', target: NATIVE };
    expect(checked({ client_id: 'native', response_type: 'code' })).toMatchObject({ delivery, namedTarget: undefined });
    expect(checked({ client_id: 'native' })).toMatchObject({ delivery: { kind: 'fragment', target: NATIVE } });
  });

  it('RFC 6749 §3.1.2.3: to none of several callbacks that it did not choose from', () => {
    expect(codeOf({ client_id: 'two', response_type: 'code' })).toBe('invalid_request');
    const chosen = checked({ client_id: 'two', redirect_uri: SECOND, response_type: 'code' });
    expect(chosen).toMatchObject({ clientId: 'two', delivery: { kind: 'code', target: SECOND } });
  });

  it.each(['token', 'id_token', 'code id_token', 'CODE', 'none'])(
    'RFC 6749 §3.1.1: not for response_type %s',
    (type) => {
      expect(codeOf({ client_callback: WEB, response_type: type })).toBe('unsupported_response_type');
    },
  );

  it('no code without a target', () => {
    expect(codeOf({ response_type: 'code' })).toBe('invalid_request');
  });

  it.each([
    ['code', 'fragment'],
    ['code', 'form_post'],
    [undefined, 'query'],
  ])('not for response_type %s with response_mode %s', (response_type, response_mode) => {
    expect(
      codeOf({ client_callback: WEB, response_mode, ...(response_type === undefined ? {} : { response_type }) }),
    ).toBe('invalid_request');
  });

  it('nothing in the fragment where a setting turned that off; a code as before', () => {
    const without = { ...config, fragmentDelivery: false };
    expect(refusalOf({ client_callback: WEB }, without).code).toBe('invalid_request');
    expect(refusalOf({ client_id: 'native' }, without).code).toBe('invalid_request');
    expect(checked({ client_callback: WEB, response_type: 'code' }, without).delivery.kind).toBe('code');
  });

  it('its own state, and none that we invented', () => {
    expect(checked({ client_callback: WEB, state: 's ä&' }).state).toBe('s ä&');
    expect(checked({ client_callback: WEB }).state).toBeUndefined();
  });
});

describe('D7 R18 whose target it is', () => {
  it.each([
    ['a prefix', 'https://app.example/callback'],
    ['a longer one', `${WEB}&x=1`],
    ['a path below', 'https://app.example/callback/x?tenant=1'],
    ['dots', 'https://app.example/x/../callback?tenant=1'],
    ['another case', 'https://APP.example/callback?tenant=1'],
    ['user info', 'https://app.example@evil.example/callback?tenant=1'],
    ['user info of ours', 'https://evil@app.example/callback?tenant=1'],
    ['another port', 'https://app.example:8443/callback?tenant=1'],
    ['the default port', 'https://app.example:443/callback?tenant=1'],
    ['a fragment', `${WEB}#x`],
    ['an empty fragment', `${WEB}#`],
    ['another scheme', 'http://app.example/callback?tenant=1'],
    ['a backslash', 'https://app.example\\callback?tenant=1'],
    ['white space', ` ${WEB}`],
    ['a dot after the host', 'https://app.example./callback?tenant=1'],
    ['percent-encoding', 'https://app.example/%63allback?tenant=1'],
    ['a script', 'javascript:alert(1)'],
    ['a relative one', '/callback'],
    ['a wildcard', 'https://app.example/*'],
    ['our own', `${ISSUER}/`],
  ])('is nobody with %s', (_what, target) => {
    for (const response_type of ['code', undefined]) {
      const answer = response_type === undefined ? {} : { response_type };
      expect(codeOf({ client_callback: target, ...answer })).toBe('invalid_request');
      expect(codeOf({ redirect_uri: target, client_id: WEB, ...answer })).toBe('invalid_request');
    }
  });

  it('RFC 8252 §7.3: takes any port of a loopback literal for a code, and never for a fragment', () => {
    const elsewhere = 'http://127.0.0.1:51234/callback';
    const found = checked({ redirect_uri: elsewhere, client_id: 'native', response_type: 'code' });
    expect(found).toMatchObject({ clientId: 'native', delivery: { kind: 'code', target: elsewhere } });
    expect(codeOf({ redirect_uri: elsewhere, client_id: 'native' })).toBe('invalid_request');
    for (const other of [
      'http://localhost:8000/callback',
      'http://127.0.0.1:51234/other',
      'http://[::1]:8000/callback',
    ])
      expect(codeOf({ redirect_uri: other, response_type: 'code' })).toBe('invalid_request');
  });

  it('is not of a client that is not known, nor of another than the one named', () => {
    expect(codeOf({ client_id: 'nobody' })).toBe('invalid_request');
    expect(codeOf({ client_id: 'nobody', redirect_uri: WEB })).toBe('invalid_request');
    expect(codeOf({ client_id: 'native', redirect_uri: WEB, response_type: 'code' })).toBe('invalid_request');
  });

  it('is not two at once', () => {
    expect(codeOf({ client_callback: WEB, redirect_uri: NATIVE })).toBe('invalid_request');
  });

  it('whatever is sent, an answer goes only where the configuration says', () => {
    const registered = new Set([WEB, NATIVE, FIRST, SECOND]);
    const target = fc.oneof(
      fc.constantFrom(...registered),
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
      fc.tuple(fc.constantFrom(...registered), fc.string()).map(([url, end]) => url + end),
      fc.tuple(fc.string(), fc.constantFrom(...registered)).map(([start, url]) => start + url),
      fc.string(),
    );
    const request = fc.record(
      {
        client_callback: target,
        redirect_uri: target,
        client_id: fc.oneof(fc.constantFrom(WEB, 'native', 'two'), fc.string()),
        response_type: fc.constantFrom('code', 'token'),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(request, (parameters) => {
        let accepted: AuthorizationRequest;
        try {
          accepted = checked(parameters);
        } catch (error) {
          // JSON 400 for the caller himself (D34), and never a fault of ours.
          expect(error).toBeInstanceOf(OAuthError);
          expect((error as OAuthError).status).toBe(400);
          return;
        }
        if (!('target' in accepted.delivery)) return;
        const { kind, target: goesTo } = accepted.delivery;
        const portless = goesTo.replace(/^(http:\/\/127\.0\.0\.1):\d+/, '$1:8000');
        expect(registered.has(kind === 'code' ? portless : goesTo)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('D9 PKCE', () => {
  it.each([
    ['too short', CHALLENGE.slice(1)],
    ['too long', `${CHALLENGE}A`],
    ['not base64url', `${CHALLENGE.slice(1)}+`],
    ['padded', `${CHALLENGE.slice(1)}=`],
    ['empty', ''],
  ])('refuses a challenge that is %s', (_what, code_challenge) => {
    expect(codeOf({ code_challenge })).toBe('invalid_request');
  });

  it.each(['plain', 's256', 'S512'])('refuses the method %s', (code_challenge_method) => {
    expect(codeOf({ code_challenge_method })).toBe('invalid_request');
  });

  it('takes S256, said or not', () => {
    const code = { client_callback: WEB, response_type: 'code' };
    const delivery = { codeChallenge: CHALLENGE };
    expect(checked({ ...code, code_challenge_method: 'S256' })).toMatchObject({ delivery });
    expect(checked(code)).toMatchObject({ delivery });
  });
});

describe('D31 RFC 6749 §3.3 scope', () => {
  it.each([
    ['openid', ['openid']],
    ['openid profile email groups', ['openid', 'profile', 'email', 'groups']],
    ['profile  openid', ['profile', 'openid']],
    ['openid unknown vault:read introspect admin', ['openid']],
    ['openid openid', ['openid']],
  ])('%j becomes %j', (scope, scopes) => {
    expect(checked({ scope }).scopes).toEqual(scopes);
  });

  it.each(['profile', 'OPENID', 'openid "x"', 'openid\\', 'openid\tprofile', ' '])('%j is invalid_scope', (scope) => {
    expect(codeOf({ scope })).toBe('invalid_scope');
  });

  it('that was not sent is invalid_scope', () => {
    const read = ReceivedParametersSchema.parse({ code_challenge: CHALLENGE });
    expect(codeOf(read)).toBe('invalid_scope');
  });
});

describe('D31 RFC 8707 §2 resource', () => {
  it('may be ourselves, and nothing else, whatever the delivery', () => {
    for (const target of [{}, { client_callback: WEB }, { client_callback: WEB, response_type: 'code' }]) {
      expect(checked({ ...target, resource: ISSUER }).scopes).toEqual(['openid']);
      expect(codeOf({ ...target, resource: 'https://api.example' })).toBe('invalid_target');
    }
  });
});

describe('OIDC Core §3.1.2.1', () => {
  it.each(['none', 'login', 'consent', 'select_account', 'login consent'])('takes prompt=%s', (prompt) => {
    expect(checked({ prompt }).prompt).toBe(prompt);
  });

  it.each(['none login', 'create', 'login  consent', 'NONE'])('refuses prompt=%s', (prompt) => {
    expect(codeOf({ prompt })).toBe('invalid_request');
  });

  it.each([
    ['0', 0],
    ['3600', 3600],
  ])('takes max_age=%s', (max_age, seconds) => {
    expect(checked({ max_age }).maxAge).toBe(seconds);
  });

  it.each(['-1', '1.5', '1e3', '0x10', '9999999999', 'x', ' 1'])('refuses max_age=%s', (max_age) => {
    expect(codeOf({ max_age })).toBe('invalid_request');
  });

  it('hands on what is the provider’s to decide', () => {
    const asked = { idp: 'acme', nonce: 'n', login_hint: 'ada', acr_values: 'mfa', ui_locales: 'de' };
    expect(checked(asked)).toMatchObject({
      idp: 'acme',
      nonce: 'n',
      loginHint: 'ada',
      acrValues: 'mfa',
      uiLocales: 'de',
    });
  });
});
