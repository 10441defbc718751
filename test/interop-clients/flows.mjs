/** What is tried with each client: the names of the tests, and of the table's rows. */
export const FLOWS = [
  'sign-in by code, ID token checked',
  'PKCE',
  'nonce',
  'UserInfo',
  'refresh',
  'logout that it begins',
  'logout that it is told of',
  'private_key_jwt',
  'pushed request',
  'DPoP',
  'consent refused',
  'wrong secret',
  'state tampered with',
  'application disabled',
];

const ITS_OWN_SESSION_ALONE = 'its logout ends its own session alone';
const NO_REFRESH = 'it hands the refresh token on and does not use it';
const NO_LOGOUT_TOKENS = 'it does not read logout tokens';
const NO_PROOFS = 'it sends no proofs of a key with its tokens';
const SECRETS_ALONE = 'it proves itself by a secret alone';

/**
 * The clients, with what is not in them and where that is seen. A flow is either tried or stands here; the suite refuses
 * to start otherwise.
 */
export const CLIENTS = {
  'openid-client': { 'logout that it is told of': NO_LOGOUT_TOKENS },
  oauth4webapi: {
    'logout that it begins': 'it builds no logout address',
    'logout that it is told of': NO_LOGOUT_TOKENS,
  },
  '@auth/core': {
    refresh: NO_REFRESH,
    'logout that it begins': ITS_OWN_SESSION_ALONE,
    'logout that it is told of': NO_LOGOUT_TOKENS,
    'pushed request': 'it sends no request of that kind',
    DPoP: NO_PROOFS,
  },
  'passport-openidconnect': {
    PKCE: 'it sends no challenge',
    refresh: NO_REFRESH,
    'logout that it begins': ITS_OWN_SESSION_ALONE,
    'logout that it is told of': NO_LOGOUT_TOKENS,
    private_key_jwt: SECRETS_ALONE,
    'pushed request': 'it sends no request of that kind',
    DPoP: NO_PROOFS,
  },
  'express-openid-connect': { DPoP: NO_PROOFS },
  mod_auth_openidc: {
    'pushed request': 'Debian’s version, 2.4.12, is older than its support for them',
    DPoP: NO_PROOFS,
  },
};
