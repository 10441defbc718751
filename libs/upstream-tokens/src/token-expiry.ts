import type { UpstreamTokenRules } from '@app/config';
import type { AnswerFields } from './answer-fields.js';

type Rules = Pick<UpstreamTokenRules, 'expiry' | 'expiresInUnit'>;

/** Nothing that is stated lives longer: keeps absurd numbers out of dates. */
const LONGEST_SECONDS = 100 * 365 * 86_400;
/** Epoch numbers from here on are milliseconds: as seconds they would name the year 5138. */
const EPOCH_MILLISECONDS_FROM = 100_000_000_000;
/** Smaller epoch seconds (before 2001) are no date of a token. */
const EPOCH_SECONDS_FROM = 1_000_000_000;

const EXPIRES_AT = ['expires_at', 'expires', 'expiry', 'expiration'] as const;
const REFRESH_EXPIRES_IN = [
  'refresh_token_expires_in',
  'x_refresh_token_expires_in',
  'refresh_expires_in',
  'refreshTokenExpiresIn',
] as const;
const REFRESH_EXPIRES_AT = ['refresh_token_expires_at', 'refresh_expires_at'] as const;

/**
 * Seconds that an access token lives, by what the answer says (RFC 6749 §5.1: `expires_in`, a number of seconds) with
 * the liberties that providers take: text, milliseconds, a date in several writings; else by the provider's strategy.
 * Zero, negative and past values say nothing: a token that had ended before it arrived would be refreshed for ever.
 * @param answeredAt epoch milliseconds
 */
export function readExpiresIn(
  fields: AnswerFields,
  accessToken: string,
  rules: Rules,
  answeredAt: number,
): number | undefined {
  const unit = rules.expiresInUnit === 'milliseconds' ? 1_000 : 1;
  const stated = lifetime(fields['expires_in'], unit) ?? firstDate(fields, EXPIRES_AT, answeredAt);
  if (stated !== undefined) return stated;
  if (rules.expiry.kind === 'fixed') return rules.expiry.seconds;
  return rules.expiry.kind === 'jwt_exp' ? jwtLifetime(accessToken, answeredAt) : undefined;
}

/** The same for the refresh token, which has no standard field. */
export function readRefreshExpiresIn(fields: AnswerFields, answeredAt: number): number | undefined {
  for (const name of REFRESH_EXPIRES_IN) {
    const seconds = lifetime(fields[name], 1);
    if (seconds !== undefined) return seconds;
  }
  return firstDate(fields, REFRESH_EXPIRES_AT, answeredAt);
}

function lifetime(value: unknown, unit: number): number | undefined {
  const number = numberOf(value);
  return number === undefined ? undefined : positive(number / unit);
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\s*\d{1,16}(?:\.\d{1,9})?\s*$/.test(value) ? Number(value) : undefined;
}

function positive(seconds: number): number | undefined {
  const whole = Math.floor(seconds);
  return Number.isFinite(whole) && whole > 0 ? Math.min(whole, LONGEST_SECONDS) : undefined;
}

function firstDate(fields: AnswerFields, names: readonly string[], answeredAt: number): number | undefined {
  for (const name of names) {
    const value = fields[name];
    if (value === undefined) continue;
    const at = epochMilliseconds(value);
    const seconds = at === undefined ? undefined : positive((at - answeredAt) / 1_000);
    if (seconds !== undefined) return seconds;
  }
  return undefined;
}

function epochMilliseconds(value: unknown): number | undefined {
  const number = numberOf(value);
  if (number !== undefined) {
    if (number >= EPOCH_MILLISECONDS_FROM) return number;
    return number >= EPOCH_SECONDS_FROM ? number * 1_000 : undefined;
  }
  // An ISO date without a zone is meant as UTC; `Date` would read it in the zone of this machine.
  const iso = typeof value === 'string' ? /^\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-]\d\d:?\d\d)?$/i.exec(value.trim()) : null;
  if (!iso) return undefined;
  const time = Date.parse(iso[1] === undefined ? `${iso[0].replace(' ', 'T')}Z` : iso[0].replace(' ', 'T'));
  return Number.isNaN(time) ? undefined : time;
}

/** `exp` of a JWT, unverified: it is the provider's own token over TLS, and only tells when to ask for the next. */
function jwtLifetime(accessToken: string, answeredAt: number): number | undefined {
  const [, payload, signature] = accessToken.split('.');
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined;
    return typeof exp === 'number' ? positive(exp - answeredAt / 1_000) : undefined;
  } catch {
    return undefined;
  }
}
