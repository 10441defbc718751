import { readFileSync } from 'node:fs';

interface Operation {
  readonly security?: readonly Record<string, unknown>[];
}

const { paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
  paths: Record<string, Record<string, Operation>>;
};

/** API routes that nobody has to prove anything for (the page at / and its assets are no API). That the description tells what the guard enforces, server.spec shows. */
const PUBLIC = [
  'GET /.well-known/jwks.json',
  'GET /.well-known/oauth-authorization-server',
  'GET /.well-known/oauth-protected-resource',
  'GET /.well-known/openid-configuration',
  'GET /connect/{ticket}',
  'GET /device',
  'GET /device/sign-in',
  'GET /health/auth',
  'GET /health/live',
  'GET /health/ready',
  'GET /metrics',
  'GET /oauth2/authorize',
  'GET /oauth2/callback',
  'GET /oauth2/callback/{idp}',
  'GET /oauth2/consent',
  'GET /oauth2/logout',
  'GET /oauth2/providers',
  'GET /saml/complete',
  'GET /saml/logout',
  'GET /saml/providers',
  'GET /saml/slo',
  'GET /saml/{provider}/login',
  'GET /saml/{provider}/metadata',
  'GET /setup',
  'POST /connect/{ticket}',
  'POST /device',
  'POST /internal/auth/refresh-tokens',
  'POST /oauth2/authorize',
  'POST /oauth2/consent',
  'POST /oauth2/device_authorization',
  'POST /oauth2/introspect',
  'POST /oauth2/logout',
  'POST /oauth2/logout/answer',
  'POST /oauth2/par',
  'POST /oauth2/refresh',
  'POST /oauth2/revoke',
  'POST /oauth2/token',
  'POST /saml/acs',
  'POST /saml/slo',
];

describe('R25 R32 routes without a bearer', () => {
  it('are exactly these: a new one is a decision, not an accident', () => {
    const open = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([, operation]) => (operation.security ?? []).length === 0)
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    );
    expect(open.toSorted()).toEqual(PUBLIC);
  });
});
