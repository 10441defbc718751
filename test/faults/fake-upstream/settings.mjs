/** What can be set: one table for the command line, for `POST /__control/settings` and for the help text. */

/**
 * @typedef {object} Settings
 * @property {number} access_ttl
 * @property {number} refresh_ttl
 * @property {'single_use' | 'grace' | 'reusable'} rotation
 * @property {number} grace_seconds
 * @property {boolean} family_revocation
 * @property {'valid' | 'revoked'} old_access_tokens
 * @property {'opaque' | 'jwt'} access_format
 * @property {number} latency_ms
 * @property {number} rate_per_second
 * @property {'any' | 'basic' | 'post' | 'none'} client_auth
 * @property {'any' | 'form' | 'json'} body_format
 * @property {string} client_id
 * @property {string} client_secret
 * @property {string} public_client_id
 * @property {number} clock_offset_ms
 * @property {number} ledger_depth
 */

const whole = (/** @type {number} */ least, /** @type {number} */ most) => ({
  says: `a whole number from ${least} to ${most}`,
  accepts: (/** @type {unknown} */ v) => Number.isInteger(v) && Number(v) >= least && Number(v) <= most,
  read: (/** @type {string} */ text) => (text.trim() === '' ? Number.NaN : Number(text)),
});
const oneOf = (/** @type {string[]} */ ...words) => ({
  says: `one of ${words.join(', ')}`,
  accepts: (/** @type {unknown} */ v) => words.includes(/** @type {string} */ (v)),
  read: (/** @type {string} */ text) => text,
});
const flag = {
  says: 'true or false',
  accepts: (/** @type {unknown} */ v) => typeof v === 'boolean',
  read: (/** @type {string} */ text) => ({ true: true, on: true, false: false, off: false })[text] ?? text,
};
const word = {
  says: '1 to 200 printable ASCII characters',
  accepts: (/** @type {unknown} */ v) => typeof v === 'string' && /^[\x21-\x7e]{1,200}$/.test(v),
  read: (/** @type {string} */ text) => text,
};

const YEARS = 10 * 366 * 86_400;

/** Name → kind, default, and what it means. */
export const SETTINGS = {
  access_ttl: { kind: whole(1, YEARS), initial: 3600, text: 'seconds that an access token lives' },
  refresh_ttl: { kind: whole(0, YEARS), initial: 0, text: 'seconds that a refresh token lives unused; 0: for good' },
  rotation: {
    kind: oneOf('single_use', 'grace', 'reusable'),
    initial: 'single_use',
    text: 'what becomes of a refresh token that was used',
  },
  grace_seconds: { kind: whole(0, YEARS), initial: 30, text: 'how long the previous token serves with rotation grace' },
  family_revocation: { kind: flag, initial: true, text: 'a used token that comes again ends its whole family' },
  old_access_tokens: {
    kind: oneOf('valid', 'revoked'),
    initial: 'valid',
    text: 'what a refresh does to the access token before it',
  },
  access_format: { kind: oneOf('opaque', 'jwt'), initial: 'opaque', text: 'shape of access tokens' },
  latency_ms: { kind: whole(0, 600_000), initial: 0, text: 'milliseconds before each token request is processed' },
  rate_per_second: { kind: whole(0, 1_000_000), initial: 0, text: 'token requests a second, more get 429; 0: any' },
  client_auth: {
    kind: oneOf('any', 'basic', 'post', 'none'),
    initial: 'any',
    text: 'how clients must authenticate; none: the client_id is enough',
  },
  body_format: { kind: oneOf('any', 'form', 'json'), initial: 'any', text: 'which token request bodies are read' },
  client_id: { kind: word, initial: 'fake-client', text: 'the confidential client' },
  client_secret: { kind: word, initial: 'fake-secret', text: 'its secret' },
  public_client_id: { kind: word, initial: 'fake-public', text: 'the client without a secret; it needs PKCE' },
  clock_offset_ms: { kind: whole(-1e12, 1e12), initial: 0, text: 'how far its clock is ahead of the real one' },
  ledger_depth: { kind: whole(1, 1000), initial: 16, text: 'generations remembered one by one in each family' },
};

/** @returns {Settings} */
export function defaultSettings() {
  return /** @type {any} */ (
    Object.fromEntries(Object.entries(SETTINGS).map(([name, { initial }]) => [name, initial]))
  );
}

/** A request to the control plane, or a command line, that cannot be meant. */
export class BadRequest extends Error {}

/**
 * Settings as JSON, checked.
 * @param {Record<string, unknown>} given
 * @returns {Partial<Settings>}
 */
export function checkSettings(given) {
  for (const [name, value] of Object.entries(given)) {
    const setting = SETTINGS[/** @type {keyof typeof SETTINGS} */ (name)];
    if (!Object.hasOwn(SETTINGS, name)) {
      throw new BadRequest(`${name} is not a setting; there are ${Object.keys(SETTINGS).join(', ')}`);
    }
    if (!setting.kind.accepts(value)) throw new BadRequest(`${name} must be ${setting.kind.says}`);
  }
  return given;
}

/**
 * Settings as the command line has them: `access-ttl` → "60".
 * @param {Record<string, string | boolean | undefined>} options
 */
export function settingsFromOptions(options) {
  /** @type {Record<string, unknown>} */
  const given = {};
  for (const [name, { kind }] of Object.entries(SETTINGS)) {
    const value = options[name.replaceAll('_', '-')];
    if (value !== undefined) given[name] = kind.read(String(value));
  }
  return checkSettings(given);
}

/** One line for each setting, for `--help`. */
export function settingsHelp() {
  return Object.entries(SETTINGS)
    .map(([name, { kind, initial, text }]) => {
      const left = `  --${name.replaceAll('_', '-')}`.padEnd(24);
      return `${left}${text} (${kind.says}; default ${initial})`;
    })
    .join('\n');
}
