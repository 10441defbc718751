/** The other endpoints: authorize, revoke, introspect, userinfo, the key set and the two discovery documents. */
import { clientOf, refuse, token } from './token-endpoint.mjs';
import { randomText } from './tokens.mjs';

/** @typedef {import('./faults.mjs').Answer} Answer */
/** @typedef {import('./realm.mjs').Realm} Realm */
/** @typedef {import('./http.mjs').Asked} Asked */
/** @typedef {(realm: Realm, asked: Asked, how: { rotate: boolean }) => Answer} Endpoint */

const CODE_LIFETIME_MS = 60_000;

/** Consents at once, to any redirect_uri: RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 9207. @type {Endpoint} */
function authorize(realm, asked) {
  const { client_id, redirect_uri, response_type, state, scope, nonce, login_hint } = asked.fields;
  if (client_id !== realm.settings.client_id && client_id !== realm.settings.public_client_id) {
    return refuse(400, 'invalid_request', 'client_id is unknown');
  }
  if (redirect_uri === undefined || !URL.canParse(redirect_uri)) {
    return refuse(400, 'invalid_request', 'redirect_uri must be an absolute URL');
  }
  const back = (/** @type {Record<string, string>} */ answer) => {
    const target = new URL(redirect_uri);
    for (const [name, value] of Object.entries({ ...answer, ...(state === undefined ? {} : { state }) })) {
      target.searchParams.set(name, value);
    }
    target.searchParams.set('iss', realm.issuer);
    return { status: 302, headers: { location: target.href } };
  };
  if (response_type !== 'code') return back({ error: 'unsupported_response_type' });
  const { code_challenge: challenge, code_challenge_method: method = 'plain' } = asked.fields;
  if (!['S256', 'plain'].includes(method)) return back({ error: 'invalid_request' });
  if (challenge === undefined && client_id === realm.settings.public_client_id) {
    return back({ error: 'invalid_request', error_description: 'a public client needs PKCE' });
  }
  const code = randomText();
  realm.keepCode(code, {
    clientId: client_id,
    redirectUri: redirect_uri,
    scope: scope ?? 'default',
    subject: login_hint,
    challenge,
    method,
    nonce,
    expiresAt: realm.now() + CODE_LIFETIME_MS,
    family: undefined,
  });
  return back({ code });
}

/** RFC 7009: unknown tokens are 200 too. @type {Endpoint} */
function revoke(realm, asked) {
  const client = clientOf(realm, asked);
  if ('refusal' in client) return client.refusal;
  if (asked.fields.token === undefined) return refuse(400, 'invalid_request', 'no token');
  const claims = realm.mint.read(asked.fields.token);
  const family = claims === undefined ? undefined : realm.families.at(claims.family);
  if (claims === undefined || family?.clientId !== client.clientId) return { status: 200, json: {} };
  if (claims.kind === 'refresh') realm.families.revoke(family, 'revoked');
  else family.accessRevokedUpTo = Math.max(family.accessRevokedUpTo, claims.serial);
  return { status: 200, json: {} };
}

/** RFC 7662. @type {Endpoint} */
function introspect(realm, asked) {
  const client = clientOf(realm, asked);
  if ('refusal' in client) return client.refusal;
  const { token: text } = asked.fields;
  if (text === undefined) return refuse(400, 'invalid_request', 'no token');
  const access = realm.families.byAccessToken(text);
  if (access !== undefined) {
    const { family, claims } = access;
    const about = { sub: family.subject, client_id: family.clientId, scope: family.scope, iss: realm.issuer };
    return { status: 200, json: { active: true, token_type: 'Bearer', exp: claims.expiresAt, ...about } };
  }
  const claims = realm.mint.read(text);
  const family = claims?.kind === 'refresh' ? realm.families.at(claims.family) : undefined;
  const active =
    claims?.kind === 'refresh' && family?.revoked === undefined && claims.generation === family?.generation;
  return { status: 200, json: active ? { active, sub: family?.subject, scope: family?.scope } : { active: false } };
}

/** RFC 6750 §2.1, OpenID Connect Core §5.3. @type {Endpoint} */
function userinfo(realm, asked) {
  const text = /^Bearer +(\S+)$/i.exec(asked.headers.authorization ?? '')?.[1];
  const access = realm.families.byAccessToken(text);
  if (access === undefined) {
    const headers = { 'www-authenticate': `Bearer realm="fake upstream"${text ? ', error="invalid_token"' : ''}` };
    return { ...refuse(401, 'invalid_token', 'the access token is not good now'), headers };
  }
  const { subject } = access.family;
  return { status: 200, json: { sub: subject, name: subject, email: `${subject}@example.test`, email_verified: true } };
}

/** The public client is served whatever the confidential one must do. */
const AUTH_METHODS = {
  any: ['client_secret_basic', 'client_secret_post', 'none'],
  basic: ['client_secret_basic', 'none'],
  post: ['client_secret_post', 'none'],
  none: ['none'],
};

/** RFC 8414, and OpenID Connect Discovery 1.0: one document serves both. @type {Endpoint} */
function discovery(realm) {
  const { issuer, settings } = realm;
  return {
    status: 200,
    json: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      revocation_endpoint: `${issuer}/revoke`,
      introspection_endpoint: `${issuer}/introspect`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      code_challenge_methods_supported: ['S256', 'plain'],
      token_endpoint_auth_methods_supported: AUTH_METHODS[settings.client_auth],
      authorization_response_iss_parameter_supported: true,
    },
  };
}

/** Path → kind of request for the fault plan (POST /token: by its grant), and who answers. @type {Record<string, { kind: string, answer: Endpoint }>} */
export const ENDPOINTS = {
  '/token': { kind: 'token', answer: token },
  '/authorize': { kind: 'authorize', answer: authorize },
  '/revoke': { kind: 'revoke', answer: revoke },
  '/introspect': { kind: 'introspect', answer: introspect },
  '/userinfo': { kind: 'userinfo', answer: userinfo },
  '/jwks': { kind: 'jwks', answer: (realm) => ({ status: 200, json: { keys: [realm.publicKey()] } }) },
  '/.well-known/openid-configuration': { kind: 'discovery', answer: discovery },
  '/.well-known/oauth-authorization-server': { kind: 'discovery', answer: discovery },
  '/redirected': {
    kind: 'redirected',
    answer: (realm) => {
      realm.redirectsFollowed += 1;
      return refuse(400, 'invalid_request', 'a token request should not follow a redirect');
    },
  },
};
