/** Who asks: RFC 6749 §2.3.1, by Basic, by post, or as a public client that only names itself. */

/** @typedef {import('./settings.mjs').Settings} Settings */
/** @typedef {Record<string, string>} Fields */

/** @param {string} text RFC 6749 Appendix B */
const formDecoded = (text) => decodeURIComponent(text.replaceAll('+', ' '));

/** @param {string | undefined} header @returns {{ id: string, secret: string } | undefined} */
function readBasic(header) {
  const match = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '');
  if (match === null) return undefined;
  const text = Buffer.from(/** @type {string} */ (match[1]), 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  try {
    return { id: formDecoded(text.slice(0, colon)), secret: formDecoded(text.slice(colon + 1)) };
  } catch {
    return undefined;
  }
}

/**
 * The client's id, or which error of RFC 6749 §5.2 it earned.
 * @param {Settings} settings @param {string | undefined} authorization @param {Fields} fields
 * @returns {{ clientId: string } | { error: string, why: string }}
 */
export function authenticateClient(settings, authorization, fields) {
  const basic = readBasic(authorization);
  const refused = (/** @type {string} */ why) => ({ error: 'invalid_client', why });
  if (authorization !== undefined && basic === undefined) return refused('the Authorization header is not Basic');
  if (basic !== undefined && fields.client_secret !== undefined) {
    return { error: 'invalid_request', why: 'two ways of authentication at once' };
  }
  const id = basic?.id ?? fields.client_id;
  const secret = basic?.secret ?? fields.client_secret;
  if (id === undefined) return refused('no client_id');
  if (basic !== undefined && fields.client_id !== undefined && fields.client_id !== basic.id) {
    return { error: 'invalid_request', why: 'client_id is not the authenticated one' };
  }
  if (id === settings.public_client_id && secret === undefined) return { clientId: id };
  if (id !== settings.client_id) return refused('the client is unknown');
  if (settings.client_auth === 'none') return { clientId: id };
  if (settings.client_auth === 'basic' && basic === undefined) return refused('this server wants Basic');
  if (settings.client_auth === 'post' && basic !== undefined) return refused('this server wants client_secret_post');
  return secret === settings.client_secret ? { clientId: id } : refused('the client_secret is wrong');
}
