/**
 * What the seed's API description says of the operations that are served: parameters (and whether they are required),
 * body types, statuses with the fields that a success always has, and whether a bearer is needed.
 */
export interface TmiOperation {
  readonly parameters: Readonly<Record<string, boolean>>;
  readonly bodyTypes: readonly string[];
  readonly responses: Readonly<Record<string, readonly string[]>>;
  readonly bearer: boolean;
}

export const TMI_OPERATIONS: Readonly<Record<string, TmiOperation>> = {
  'GET /.well-known/openid-configuration': {
    parameters: {},
    bodyTypes: [],
    responses: {
      '200': [
        'authorization_endpoint',
        'id_token_signing_alg_values_supported',
        'issuer',
        'jwks_uri',
        'response_types_supported',
        'subject_types_supported',
        'token_endpoint',
      ],
      '400': [],
      '429': [],
      '500': [],
    },
    bearer: false,
  },
  'GET /.well-known/oauth-authorization-server': {
    parameters: {},
    bodyTypes: [],
    responses: {
      '200': ['authorization_endpoint', 'issuer', 'response_types_supported', 'token_endpoint'],
      '400': [],
      '429': [],
      '500': [],
    },
    bearer: false,
  },
  'GET /.well-known/jwks.json': {
    parameters: {},
    bodyTypes: [],
    responses: { '200': ['keys'], '400': [], '429': [], '500': [] },
    bearer: false,
  },
  'GET /.well-known/oauth-protected-resource': {
    parameters: {},
    bodyTypes: [],
    responses: { '200': ['resource'], '400': [], '429': [], '500': [] },
    bearer: false,
  },
  'POST /oauth2/introspect': {
    parameters: {},
    bodyTypes: ['application/x-www-form-urlencoded'],
    responses: { '200': ['active'], '400': [], '429': [] },
    bearer: false,
  },
  'GET /oauth2/providers': {
    parameters: {},
    bodyTypes: [],
    responses: { '200': ['providers'], '429': [], '500': [] },
    bearer: false,
  },
  'GET /oauth2/providers/{idp}/groups': {
    parameters: { idp: true },
    bodyTypes: [],
    responses: { '200': ['groups', 'idp'], '400': [], '401': [], '404': [], '429': [], '500': [] },
    bearer: true,
  },
  'GET /oauth2/authorize': {
    parameters: {
      idp: false,
      client_callback: false,
      state: false,
      login_hint: false,
      scope: true,
      code_challenge: true,
      code_challenge_method: true,
    },
    bodyTypes: [],
    responses: { '302': [], '400': [], '429': [], '500': [] },
    bearer: false,
  },
  'POST /oauth2/token': {
    parameters: { idp: false },
    bodyTypes: ['application/json', 'application/x-www-form-urlencoded'],
    responses: {
      '200': ['access_token', 'expires_in', 'refresh_token', 'token_type'],
      '400': [],
      '429': [],
      '500': [],
    },
    bearer: false,
  },
  'POST /oauth2/refresh': {
    parameters: {},
    bodyTypes: ['application/json'],
    responses: {
      '200': ['access_token', 'expires_in', 'refresh_token', 'token_type'],
      '400': [],
      '401': [],
      '429': [],
      '500': [],
    },
    bearer: false,
  },
  'GET /oauth2/userinfo': {
    parameters: {},
    bodyTypes: [],
    responses: { '200': ['email', 'id', 'name'], '400': [], '401': [], '429': [], '500': [] },
    bearer: true,
  },
  'GET /oauth2/callback': {
    parameters: { code: true, state: false },
    bodyTypes: [],
    responses: {
      '200': ['access_token', 'expires_in', 'refresh_token', 'token_type'],
      '302': [],
      '400': [],
      '401': [],
      '429': [],
      '500': [],
    },
    bearer: false,
  },
  'POST /oauth2/revoke': {
    parameters: {},
    bodyTypes: ['application/json'],
    responses: { '200': [], '204': [], '400': [], '401': [], '429': [], '500': [] },
    bearer: true,
  },
  'DELETE /users/me': {
    parameters: { challenge: false },
    bodyTypes: [],
    responses: { '200': ['challenge_text', 'expires_at'], '204': [], '400': [], '401': [], '429': [] },
    bearer: true,
  },
  'GET /users/me': {
    parameters: {},
    bodyTypes: [],
    responses: {
      '200': ['display_name', 'email', 'is_admin', 'principal_type', 'provider', 'provider_id'],
      '400': [],
      '401': [],
      '429': [],
      '500': [],
    },
    bearer: true,
  },
  'POST /client-credentials': {
    parameters: {},
    bodyTypes: ['application/json'],
    responses: { '201': ['client_id', 'client_secret', 'created_at', 'id', 'name'], '400': [], '401': [], '403': [] },
    bearer: true,
  },
  'GET /client-credentials': {
    parameters: {},
    bodyTypes: [],
    responses: { '200': ['client_id', 'created_at', 'id', 'is_active', 'modified_at', 'name'], '400': [], '401': [] },
    bearer: true,
  },
  'DELETE /client-credentials/{id}': {
    parameters: { id: true },
    bodyTypes: [],
    responses: { '204': [], '400': [], '401': [], '404': [] },
    bearer: true,
  },
  'GET /saml/providers': {
    parameters: {},
    bodyTypes: [],
    responses: { '200': ['providers'], '500': [], '429': [] },
    bearer: false,
  },
  'GET /saml/{provider}/metadata': {
    parameters: { provider: true },
    bodyTypes: [],
    responses: { '200': [], '500': [], '429': [] },
    bearer: false,
  },
  'GET /saml/{provider}/login': {
    parameters: { client_callback: false, provider: true },
    bodyTypes: [],
    responses: { '302': [], '500': [], '429': [] },
    bearer: false,
  },
  'POST /saml/acs': {
    parameters: {},
    bodyTypes: ['application/x-www-form-urlencoded'],
    responses: {
      '200': ['access_token', 'expires_in', 'refresh_token', 'token_type'],
      '302': [],
      '400': [],
      '401': [],
      '429': [],
    },
    bearer: false,
  },
  'GET /saml/slo': {
    parameters: { SAMLRequest: true },
    bodyTypes: [],
    responses: { '200': [], '400': [], '429': [] },
    bearer: false,
  },
  'POST /saml/slo': {
    parameters: {},
    bodyTypes: ['application/x-www-form-urlencoded'],
    responses: { '200': [], '400': [], '429': [] },
    bearer: false,
  },
  'GET /saml/providers/{idp}/users': {
    parameters: { idp: true },
    bodyTypes: [],
    responses: { '200': [], '400': [], '401': [], '403': [], '500': [] },
    bearer: true,
  },
};
