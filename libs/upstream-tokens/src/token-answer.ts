import type { UpstreamTokenRules } from '@app/config';
import { fieldAt, isFields, textOf, type AnswerFields } from './answer-fields.js';
import { readExpiresIn, readRefreshExpiresIn } from './token-expiry.js';
import type { UpstreamTokenSet } from './token-set.js';

const MAX_METADATA_LENGTH = 2_048;

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

function readScope(value: unknown, separator: string): string | undefined {
  if (Array.isArray(value)) return textOf(value.filter((scope) => typeof scope === 'string').join(' '));
  const text = textOf(value);
  return separator === ' ' ? text : textOf(text?.split(separator).join(' '));
}

function readMetadata(fields: AnswerFields, rules: UpstreamTokenRules): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [name, path] of Object.entries(rules.metadataPaths)) {
    const value = fieldAt(fields, path);
    const text = typeof value === 'number' ? String(value) : textOf(value);
    if (text !== undefined && text.length <= MAX_METADATA_LENGTH) metadata[name] = text;
  }
  return metadata;
}
