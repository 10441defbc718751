/** POST /token: authorization_code (RFC 6749 §4.1.3) and refresh_token (§6). */
import { createHash } from 'node:crypto';
import { authenticateClient } from './client-authentication.mjs';

/** @typedef {import('./faults.mjs').Answer} Answer */
/** @typedef {import('./realm.mjs').Realm} Realm */
/** @typedef {import('./http.mjs').Asked} Asked */

/** @param {number} status @param {string} error @param {string} why @returns {Answer} */
export const refuse = (status, error, why) => ({ status, json: { error, error_description: why } });

/**
 * The client of a request, or the refusal.
 * @param {Realm} realm @param {Asked} asked
 * @returns {{ clientId: string } | { refusal: Answer }}
 */
export function clientOf(realm, asked) {
  if (asked.method !== 'POST') {
    return { refusal: { ...refuse(405, 'invalid_request', 'use POST'), headers: { allow: 'POST' } } };
  }
  if (asked.repeated !== undefined) {
    return { refusal: refuse(400, 'invalid_request', `${asked.repeated} came more than once`) };
  }
  const client = authenticateClient(realm.settings, asked.headers.authorization, asked.fields);
  if ('clientId' in client) return client;
  if (client.error !== 'invalid_client') return { refusal: refuse(400, client.error, client.why) };
  const headers = { 'www-authenticate': 'Basic realm="fake upstream"' };
  return { refusal: { ...refuse(401, client.error, client.why), headers } };
}

/** @param {Realm} realm @param {Asked} asked @param {{ rotate: boolean }} how @returns {Answer} */
export function token(realm, asked, how) {
  const client = clientOf(realm, asked);
  if ('refusal' in client) return client.refusal;
  const { body_format } = realm.settings;
  if (asked.format === undefined || (body_format !== 'any' && asked.format !== body_format)) {
    return refuse(400, 'invalid_request', `the body must be ${body_format === 'any' ? 'a form or JSON' : body_format}`);
  }
  switch (asked.fields.grant_type) {
    case 'refresh_token':
      return refreshGrant(realm, asked, client.clientId, how);
    case 'authorization_code':
      return codeGrant(realm, asked, client.clientId);
    case undefined:
      return refuse(400, 'invalid_request', 'no grant_type');
    default:
      return refuse(400, 'unsupported_grant_type', 'authorization_code and refresh_token are supported');
  }
}

/** @param {Realm} realm @param {Asked} asked @param {string} clientId @param {{ rotate: boolean }} how @returns {Answer} */
function refreshGrant(realm, asked, clientId, how) {
  if (asked.fields.refresh_token === undefined) return refuse(400, 'invalid_request', 'no refresh_token');
  const { presented } = asked;
  // RFC 6749 §5.2: unknown, and issued to another client, are both invalid_grant.
  if (presented === undefined) return refuse(400, 'invalid_grant', 'the refresh token is unknown');
  const { family, generation } = presented;
  if (family.clientId !== clientId) return refuse(400, 'invalid_grant', 'the refresh token is another client’s');
  const wanted = asked.fields.scope?.split(' ').filter((scope) => scope !== '');
  if (wanted?.some((scope) => !family.scope.split(' ').includes(scope))) {
    return refuse(400, 'invalid_scope', 'scope goes beyond what was granted');
  }
  const outcome = realm.families.refresh(family, generation, how);
  if (typeof outcome === 'string') return refuse(400, 'invalid_grant', outcome);
  return { status: 200, json: outcome.body, grant: outcome };
}

/** @param {Realm} realm @param {Asked} asked @param {string} clientId @returns {Answer} */
function codeGrant(realm, asked, clientId) {
  const { code, redirect_uri, code_verifier } = asked.fields;
  if (code === undefined) return refuse(400, 'invalid_request', 'no code');
  const kept = realm.codes.get(code);
  if (kept === undefined || kept.expiresAt <= realm.now()) {
    return refuse(400, 'invalid_grant', 'the code is unknown or has expired');
  }
  if (kept.family !== undefined) {
    // RFC 6749 §4.1.2: what came of a code that is used twice should be revoked.
    realm.families.revoke(kept.family, 'code_reuse');
    return refuse(400, 'invalid_grant', 'the code was used before');
  }
  if (kept.clientId !== clientId) return refuse(400, 'invalid_grant', 'the code is another client’s');
  if (kept.redirectUri !== redirect_uri) return refuse(400, 'invalid_grant', 'redirect_uri is not the one of the code');
  if (!verifierFits(kept, code_verifier)) return refuse(400, 'invalid_grant', 'code_verifier does not fit (RFC 7636)');
  const family = realm.families.create(clientId, kept.scope, kept.subject);
  kept.family = family;
  const grant = realm.families.issue(family);
  const idToken = kept.scope.split(' ').includes('openid') ? { id_token: realm.idToken(family, kept.nonce) } : {};
  return { status: 200, json: { ...grant.body, ...idToken }, grant };
}

/** RFC 7636 §4.6. @param {{ challenge: string | undefined, method: string }} kept @param {string | undefined} verifier */
function verifierFits({ challenge, method }, verifier) {
  if (challenge === undefined) return verifier === undefined;
  if (verifier === undefined) return false;
  return challenge === (method === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier);
}
