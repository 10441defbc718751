import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GatehouseConfig } from '@app/config';

/** What a JSON answer may do in a browser: nothing. Pages set their own policy before it (D38). */
export const API_CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** Addresses that only a browser's own navigation may reach: no script of another origin reads them (D38). */
const NEVER_SHARED = [
  '/oauth2/authorize',
  '/oauth2/callback',
  '/connect',
  '/device',
  '/saml/acs',
  '/saml/complete',
  '/saml/slo',
  '/saml/logout',
];
/** As asked for, and as the route's pattern says it. */
const SAML_LOGIN = /^\/saml\/[^/]+\/login$/;

const EXPOSED =
  'WWW-Authenticate, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id';

/** Origins whose scripts may call the API: those of the client callbacks and the configured ones. */
export function sharedOrigins(config: Pick<GatehouseConfig, 'clientCallbacks' | 'corsOrigins'>): ReadonlySet<string> {
  const origins = config.clientCallbacks.map(({ url }) => new URL(url).origin).filter((origin) => origin !== 'null');
  return new Set([...origins, ...config.corsOrigins]);
}

function decodedPath(request: FastifyRequest): string {
  const [path = ''] = request.url.split('?');
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function isNeverShared(request: FastifyRequest): boolean {
  // The pattern of the matched route, where there is one, cannot be disguised by percent-encoding.
  const path = request.routeOptions.url ?? decodedPath(request);
  return SAML_LOGIN.test(path) || NEVER_SHARED.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
}

function addVary(reply: FastifyReply): void {
  const vary = reply.getHeader('vary');
  void reply.header('Vary', typeof vary === 'string' && vary !== '' ? `${vary}, Origin` : 'Origin');
}

/** What every answer carries, whoever writes it (D38). */
export function writeSecurityHeaders(reply: FastifyReply): void {
  void reply.header('X-Content-Type-Options', 'nosniff').header('Referrer-Policy', 'no-referrer');
  if (!reply.hasHeader('content-security-policy'))
    void reply.header('Content-Security-Policy', API_CONTENT_SECURITY_POLICY);
}

function isPreflight(request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
}

/**
 * Headers of every answer (D38) and CORS without credentials: cookies of ours never count in a script of another
 * origin, so an allowed origin gains nothing but reading what its own bearer may read.
 */
export function registerSecurityHeaders(
  fastify: FastifyInstance,
  config: Pick<GatehouseConfig, 'clientCallbacks' | 'corsOrigins' | 'publicUrl'>,
): void {
  const origins = sharedOrigins(config);
  const https = config.publicUrl.startsWith('https:');

  fastify.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers;
    if (origin === undefined || isNeverShared(request)) {
      if (!isPreflight(request)) return done();
      void reply.status(204).send();
      return undefined;
    }
    const allowed = origins.has(origin);
    if (allowed)
      void reply.header('Access-Control-Allow-Origin', origin).header('Access-Control-Expose-Headers', EXPOSED);
    if (!isPreflight(request)) return done();
    if (allowed)
      void reply
        .header('Access-Control-Allow-Methods', 'GET, POST, PUT, DELETE')
        .header('Access-Control-Allow-Headers', 'Authorization, DPoP, Content-Type, Accept, X-Workspace-Id')
        .header('Access-Control-Max-Age', '600');
    void reply.status(204).send();
    return undefined;
  });

  fastify.addHook('onSend', (_request, reply, payload, done) => {
    // Fastify appends a charset; several clients compare the whole value (D2).
    if (reply.getHeader('content-type') === 'application/json; charset=utf-8')
      void reply.header('Content-Type', 'application/json');
    writeSecurityHeaders(reply);
    if (https) void reply.header('Strict-Transport-Security', 'max-age=31536000; includeSubDomains');
    addVary(reply);
    done(null, payload);
  });
}
