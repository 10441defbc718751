import type { UpstreamTokenRules } from '@app/config';
import { fieldAt, isFields, textOf, type AnswerFields } from './answer-fields.js';
import { readExpiresIn, readRefreshExpiresIn } from './token-expiry.js';
import type { UpstreamTokenSet } from './token-set.js';

const MAX_METADATA_LENGTH = 2_048;
const MAX_SCOPES = 500;

/**
 * The tokens in an answer's fields (RFC 6749 §5.1), read by the provider's rules; undefined: there is no access token
 * that could be used.
 * @param answeredAt epoch milliseconds
 */
export function readTokenSet(
  fields: AnswerFields,
  rules: UpstreamTokenRules,
  answeredAt: number,
): UpstreamTokenSet | undefined {
  for (const path of rules.tokenPaths) {
    const part = fieldAt(fields, path);
    if (!isFields(part)) continue;
    const accessToken = part['access_token'];
    if (typeof accessToken !== 'string' || !isVisible(accessToken)) continue;
    const refreshToken = textOf(part['refresh_token']);
    return {
      accessToken,
      refreshToken: refreshToken !== undefined && isVisible(refreshToken) ? refreshToken : undefined,
      tokenType: rules.tokenType ?? readTokenType(part['token_type']),
      scope: readScope(part['scope'], rules.scopeSeparator),
      expiresInSeconds: readExpiresIn(part, accessToken, rules, answeredAt),
      refreshExpiresInSeconds: readRefreshExpiresIn(part, answeredAt),
      metadata: readMetadata(fields, rules),
    };
  }
  return undefined;
}

/** RFC 6749 appendix A.12: printable ASCII. Anything else could break out of the header it is sent in. */
function isVisible(token: string): boolean {
  return /^[\x20-\x7e]+$/.test(token);
}

/** RFC 6749 §7.1: names an authentication scheme, in any case; not sending it is common and means Bearer. */
function readTokenType(value: unknown): string {
  const type = textOf(value);
  if (type === undefined || /^bearer$/i.test(type) || !/^[A-Za-z][\w-]{0,31}$/.test(type)) return 'Bearer';
  return type;
}

/** RFC 6749 §3.3: what cannot be a scope is left out, for it could not be stored or sent again either. */
function readScope(value: unknown, separator: string): string | undefined {
  const list = Array.isArray(value) ? (value as unknown[]) : (textOf(value)?.split(separator) ?? []);
  const scopes = list.flatMap((scope) => (typeof scope === 'string' ? scope.split(' ') : []));
  const usable = scopes.filter((scope) => /^[\x21\x23-\x5b\x5d-\x7e]{1,512}$/.test(scope));
  return usable.length === 0 || usable.length > MAX_SCOPES ? undefined : usable.join(' ');
}

function readMetadata(fields: AnswerFields, rules: UpstreamTokenRules): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [name, path] of Object.entries(rules.metadataPaths)) {
    const value = fieldAt(fields, path);
    const text = typeof value === 'number' ? String(value) : textOf(value);
    if (text !== undefined && isStorable(text)) metadata[name] = text;
  }
  return metadata;
}

/** Text that a database takes: no NUL, no half of a character that somebody cut through. */
function isStorable(text: string): boolean {
  return text.length <= MAX_METADATA_LENGTH && !/[\p{Cc}\p{Cs}]/u.test(text);
}
