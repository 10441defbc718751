import { allProviders } from './all-providers.js';
import { faultsOf, faultyKeys, load, productionEnvironment as production } from './load-for-spec.js';

const okta = { id: 'okta', metadata_url: 'https://okta.example/metadata' };
const callback = 'https://app.example.com/auth/callback';
/** JSON is YAML. */
const yaml = (...providers: object[]): string =>
  JSON.stringify({ client_callbacks: [callback], saml_providers: providers });
const first = (provider: object, env: NodeJS.ProcessEnv = production) => load(env, yaml(provider)).samlProviders[0];

describe('saml_providers', () => {
  it('need no more than an id and metadata', () => {
    expect(first(okta)).toEqual({
      type: 'saml',
      id: 'okta',
      name: 'okta',
      icon: undefined,
      enabled: true,
      organization: 'default',
      linkByVerifiedEmailDomains: [],
      metadata: { kind: 'url', url: okta.metadata_url },
      idpEntityId: undefined,
      holdNewKeys: false,
      entityId: 'https://login.example.com/saml/okta/metadata',
      allowIdpInitiated: false,
      idpInitiatedCallback: undefined,
      signRequests: true,
      wantAssertionsSigned: false,
      wantEncryptedAssertions: false,
      legacyEncryption: false,
      forceAuthn: false,
      requestedAuthnContext: undefined,
      nameIdFormat: undefined,
      requestBinding: undefined,
      attributes: { subject: [], email: [], name: [], groups: [] },
      groupPrefixes: [],
      verifiedEmailDomains: [],
    });
  });

  it('take every key', () => {
    const provider = {
      id: 'adfs',
      name: 'N',
      icon: 'i',
      enabled: 'off',
      organization: 'o',
      link_by_verified_email: ['a.example'],
      metadata_file: './adfs.xml',
      idp_entity_id: 'urn:idp',
      hold_new_keys: true,
      entity_id: 'urn:gatehouse',
      allow_idp_initiated: true,
      idp_initiated_callback: callback,
      sign_requests: false,
      want_assertions_signed: true,
      want_encrypted_assertions: 'true',
      legacy_encryption: true,
      force_authn: true,
      requested_authn_context: {
        classes: ['urn:x509'],
        comparison: 'minimum',
        accepted: ['urn:x509', 'urn:smartcard'],
      },
      name_id_format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      request_binding: 'post',
      attributes: { subject: 'objectguid', email: ['mail', 'email'], name: ['cn'], groups: 'memberOf' },
      group_prefixes: ['gh-'],
      verified_email_domains: ['a.example', 'b.example'],
    };
    expect(first(provider)).toEqual({
      type: 'saml',
      id: 'adfs',
      name: 'N',
      icon: 'i',
      enabled: false,
      organization: 'o',
      linkByVerifiedEmailDomains: ['a.example'],
      metadata: { kind: 'file', path: './adfs.xml' },
      idpEntityId: 'urn:idp',
      holdNewKeys: true,
      entityId: 'urn:gatehouse',
      allowIdpInitiated: true,
      idpInitiatedCallback: callback,
      signRequests: false,
      wantAssertionsSigned: true,
      wantEncryptedAssertions: true,
      legacyEncryption: true,
      forceAuthn: true,
      requestedAuthnContext: { classes: ['urn:x509'], comparison: 'minimum', accepted: ['urn:x509', 'urn:smartcard'] },
      nameIdFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
      requestBinding: 'post',
      attributes: { subject: ['objectguid'], email: ['mail', 'email'], name: ['cn'], groups: ['memberOf'] },
      groupPrefixes: ['gh-'],
      verifiedEmailDomains: ['a.example', 'b.example'],
    });
  });

  it('take pasted metadata', () => {
    const xml = '\n<EntityDescriptor entityID="x"/>';
    expect(first({ id: 'a', metadata_xml: xml })?.metadata).toEqual({ kind: 'xml', xml });
  });

  it('are hinted at when a key is misspelt, at any depth', () => {
    expect(
      faultsOf(
        production,
        yaml({
          ...okta,
          metadata_ur: 'x',
          attributes: { emial: 'mail' },
          requested_authn_context: { classes: ['urn:a'], comparision: 'exact' },
        }),
      ),
    ).toEqual([
      { key: 'saml_providers[0].requested_authn_context.comparision', message: expect.stringContaining('comparison?') },
      { key: 'saml_providers[0].attributes.emial', message: expect.stringContaining('email?') },
      { key: 'saml_providers[0].metadata_ur', message: expect.stringContaining('metadata_url?') },
    ]);
  });

  it.each([
    ['metadata_xml', 'https://okta.example/metadata'],
    ['entity_id', 'gatehouse'],
    ['entity_id', 'urn:with space'],
    ['entity_id', `urn:${'x'.repeat(1021)}`],
    ['idp_entity_id', 'x'.repeat(1025)],
    ['name_id_format', 'persistent'],
    ['request_binding', 'artifact'],
    ['sign_requests', 'yes'],
    ['attributes', ['mail']],
    ['attributes.email', ''],
    ['attributes.email', ['mail', 5]],
    ['attributes.groups', { name: 'memberOf' }],
    ['requested_authn_context', 'urn:a'],
    ['requested_authn_context.classes', []],
    ['hold_new_keys', 'sometimes'],
    ['group_prefixes', 'gh-'],
    ['verified_email_domains', 'a.example'],
    ['verified_email_domains[0]', ['*']],
    ['id', '9lives'],
  ])('%s refuses what it cannot mean', (key, value) => {
    const [outer = '', inner] = key.replace(/\[0\]$/, '').split('.');
    const rest = inner === undefined ? value : { [inner]: value };
    const provider: object = key === 'metadata_xml' ? { id: 'okta', [outer]: rest } : { ...okta, [outer]: rest };
    expect(faultyKeys(production, yaml(provider))).toEqual([`saml_providers[0].${key}`]);
  });

  it('accept an entity identifier of exactly 1024 characters', () => {
    const longest = `urn:${'x'.repeat(1020)}`;
    expect(first({ ...okta, entity_id: longest })?.entityId).toBe(longest);
  });
});

describe('the metadata of a SAML provider', () => {
  it('has exactly one source', () => {
    expect(faultsOf(production, yaml({ id: 'a' }))).toEqual([
      { key: 'saml_providers[0].metadata_url', message: expect.stringContaining('metadata_file or metadata_xml') },
    ]);
    expect(faultsOf(production, yaml({ ...okta, metadata_file: 'f', metadata_xml: '<x/>' }))).toEqual([
      { key: 'saml_providers[0].metadata_file', message: expect.stringContaining('exactly one') },
      { key: 'saml_providers[0].metadata_xml', message: expect.stringContaining('exactly one') },
    ]);
  });

  it.each([
    'http://okta.example/m',
    'ftp://okta.example/m',
    'okta.example',
    'https://u:p@okta.example/',
    'https://okta.example/#m',
  ])('is not fetched from %s', (metadata_url) => {
    expect(faultyKeys({}, yaml({ id: 'a', metadata_url }))).toEqual(['saml_providers[0].metadata_url']);
  });

  it('is fetched by http only from a loopback host with outbound.allow_private', () => {
    const local = { id: 'a', metadata_url: 'http://localhost:9000/metadata' };
    expect(first(local, {})?.metadata).toEqual({ kind: 'url', url: local.metadata_url });
    expect(faultsOf(production, yaml(local))).toEqual([
      { key: 'saml_providers[0].metadata_url', message: expect.stringContaining('outbound.allow_private') },
    ]);
  });
});

describe('D17', () => {
  it('refuses to link in a domain whose addresses never count as verified', () => {
    const provider = {
      ...okta,
      verified_email_domains: ['a.example'],
      link_by_verified_email: ['a.example', 'b.example'],
    };
    expect(faultsOf(production, yaml(provider))).toEqual([
      {
        key: 'saml_providers[0].link_by_verified_email[1]',
        message: expect.stringContaining('not among verified_email_domains'),
      },
    ]);
    expect(faultyKeys(production, yaml({ ...okta, link_by_verified_email: ['a.example'] }))).toEqual([
      'saml_providers[0].link_by_verified_email[0]',
    ]);
    expect(first({ ...okta, link_by_verified_email: false })?.linkByVerifiedEmailDomains).toEqual([]);
  });
});

describe('D32', () => {
  const context = (parts: object) => ({ ...okta, requested_authn_context: { classes: ['urn:mfa'], ...parts } });

  it('takes the classes themselves as accepted where they are meant exactly, unless others are named', () => {
    expect(first(context({}))?.requestedAuthnContext).toEqual({
      classes: ['urn:mfa'],
      comparison: 'exact',
      accepted: ['urn:mfa'],
    });
    const accepted = ['urn:mfa', 'urn:passkey'];
    expect(first(context({ accepted }))?.requestedAuthnContext?.accepted).toEqual(accepted);
  });

  it.each(['minimum', 'better', 'maximum'])('wants to know what an answer may carry with %s', (comparison) => {
    expect(faultsOf(production, yaml(context({ comparison })))).toEqual([
      {
        key: 'saml_providers[0].requested_authn_context.accepted',
        message: expect.stringMatching(`^is missing; with comparison ${comparison} list every class .*exact`),
      },
    ]);
    expect(first(context({ comparison, accepted: ['urn:passkey'] }))?.requestedAuthnContext?.accepted).toEqual([
      'urn:passkey',
    ]);
  });

  it.each([[[]], ['urn:mfa'], [null]])('refuses %j as accepted', (accepted) => {
    for (const comparison of ['exact', 'minimum'])
      expect(faultyKeys(production, yaml(context({ comparison, accepted })))).toEqual([
        'saml_providers[0].requested_authn_context.accepted',
      ]);
  });
});

describe('D23', () => {
  it('refuses two providers with one identity provider and one entity_id of ours', () => {
    const ours = { entity_id: 'urn:gatehouse' };
    expect(faultyKeys(production, yaml({ ...okta, ...ours }, { ...okta, ...ours, id: 'b' }))).toEqual([
      'saml_providers[1].entity_id',
    ]);
    const named = { idp_entity_id: 'urn:idp', ...ours };
    const sources = [okta, { id: 'b', metadata_file: 'b.xml' }].map((provider) => ({ ...provider, ...named }));
    expect(faultyKeys(production, yaml(...sources))).toEqual(['saml_providers[1].entity_id']);
  });

  it('also when one of the two is the default of the other', () => {
    const entity_id = 'https://login.example.com/saml/okta/metadata';
    expect(faultyKeys(production, yaml(okta, { ...okta, id: 'b', entity_id }))).toEqual([
      'saml_providers[1].entity_id',
    ]);
  });

  it('lets one identity provider serve two of ours, and one entity_id two identity providers', () => {
    const entity_id = 'urn:gatehouse';
    const providers = yaml(
      okta,
      { ...okta, id: 'b' },
      { ...okta, id: 'c', entity_id },
      { id: 'd', metadata_file: 'd', entity_id },
    );
    expect(load(production, providers).samlProviders.map(({ id }) => id)).toEqual(['okta', 'b', 'c', 'd']);
  });
});

describe('D36', () => {
  it('ends a login from the portal only at a configured callback', () => {
    const initiated = { ...okta, allow_idp_initiated: true };
    expect(first({ ...initiated, idp_initiated_callback: callback })?.idpInitiatedCallback).toBe(callback);
    for (const idp_initiated_callback of [`${callback}/`, 'https://elsewhere.example/', 'nowhere']) {
      expect(faultsOf(production, yaml({ ...initiated, idp_initiated_callback }))).toEqual([
        { key: 'saml_providers[0].idp_initiated_callback', message: expect.stringContaining('client_callbacks') },
      ]);
    }
  });

  it('is refused where fragments are switched off, and not allowed to the development provider there', () => {
    const off = JSON.stringify({ fragment_delivery: false, saml_providers: [{ ...okta, allow_idp_initiated: true }] });
    expect(faultyKeys(production, off)).toEqual(['saml_providers[0].allow_idp_initiated']);
    expect(load({}, 'fragment_delivery: off').samlProviders[0]).toMatchObject({
      allowIdpInitiated: false,
      idpInitiatedCallback: undefined,
    });
  });

  it('refuses a callback for what is not allowed', () => {
    expect(faultsOf(production, yaml({ ...okta, idp_initiated_callback: callback }))).toEqual([
      { key: 'saml_providers[0].idp_initiated_callback', message: expect.stringContaining('allow_idp_initiated') },
    ]);
  });
});

describe('D55', () => {
  it('has one namespace for OAuth and SAML providers', () => {
    const document = {
      oauth_providers: [{ id: 'acme', type: 'oidc', issuer: 'https://a.example', client_id: 'x' }],
      saml_providers: [okta, { ...okta, id: 'acme' }, { ...okta }],
    };
    expect(faultyKeys(production, JSON.stringify(document))).toEqual(['saml_providers[1].id', 'saml_providers[2].id']);
  });

  it.each(['providers', 'acs', 'slo', 'complete'])('reserves %s', (id) => {
    expect(faultsOf(production, yaml({ ...okta, id }))).toEqual([
      { key: 'saml_providers[0].id', message: expect.stringContaining('reserved') },
    ]);
  });

  it('lists the providers of both protocols by id', () => {
    expect(allProviders(load({})).map(({ id }) => id)).toEqual(['test', 'dev', 'dev-saml']);
  });
});

describe('D22, D63', () => {
  it('adds the SAML identity provider of development beside the other one, and both may link their shared person', () => {
    const config = load({ PORT: '9100' });
    expect(config.samlProviders).toMatchObject([
      {
        id: 'dev-saml',
        name: 'Test SAML IdP',
        metadata: { kind: 'url', url: 'http://localhost:9101/saml/metadata' },
        entityId: 'http://localhost:9100/saml/dev-saml/metadata',
        allowIdpInitiated: true,
        idpInitiatedCallback: 'http://localhost:9100/',
        verifiedEmailDomains: ['corp.test', 'idp.test'],
        linkByVerifiedEmailDomains: ['idp.test'],
      },
    ]);
    expect(config.providers.find(({ id }) => id === 'dev')?.linkByVerifiedEmailDomains).toEqual(['idp.test']);
  });

  it('names a callback for logins from its portal only where our own page is a client', () => {
    const config = load({ GATEHOUSE_CLIENT_CALLBACKS: callback });
    expect(config.samlProviders[0]?.idpInitiatedCallback).toBeUndefined();
  });

  it.each([{ TEST_IDP_PORT: 'off' }, { PUBLIC_URL: 'https://login.example.com' }, production])(
    'leaves it out with %j',
    (env) => {
      expect(load(env).samlProviders).toEqual([]);
    },
  );

  it('lets the file use its id, in either list, and that of dev', () => {
    const oauth = { id: 'dev-saml', type: 'oidc', issuer: 'https://a.example', client_id: 'x' };
    expect(load({}, JSON.stringify({ oauth_providers: [oauth] })).samlProviders).toEqual([]);
    const config = load({}, JSON.stringify({ saml_providers: [{ ...okta, id: 'dev' }] }));
    expect(allProviders(config).map(({ id, type }) => [id, type])).toEqual([
      ['test', 'test'],
      ['dev', 'saml'],
      ['dev-saml', 'saml'],
    ]);
  });
});

describe('faults of SAML settings', () => {
  it('are all reported at once, each with its key', () => {
    const document = {
      client_callbacks: [callback],
      saml: { clock_skew_seconds: 300, worker: 1, post_logout_redirect_uris: ['nope'] },
      saml_providers: [
        { id: 'a', metadata_url: 'http://a.example', sign_requests: 'perhaps', idp_initiated_callback: 'x' },
        { id: 'a', link_by_verified_email: ['c.example'], entity_id: 'x' },
        'b',
      ],
    };
    expect(faultyKeys(production, JSON.stringify(document)).toSorted()).toEqual([
      'saml.clock_skew_seconds',
      'saml.post_logout_redirect_uris[0]',
      'saml.worker',
      'saml_providers[0].idp_initiated_callback',
      'saml_providers[0].idp_initiated_callback',
      'saml_providers[0].metadata_url',
      'saml_providers[0].sign_requests',
      'saml_providers[1].entity_id',
      'saml_providers[1].id',
      'saml_providers[1].link_by_verified_email[0]',
      'saml_providers[1].metadata_url',
      'saml_providers[2]',
    ]);
  });
});
