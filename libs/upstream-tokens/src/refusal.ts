import type { UpstreamErrorRule, UpstreamTokenRules } from '@app/config';
import { fieldAt, textOf, type AnswerFields } from './answer-fields.js';

/** An error as an endpoint reported it, in its own words: not yet fit for anybody's eyes. */
export interface Refusal {
  readonly code: string;
  readonly description: string | undefined;
}

/** `invalid_grant` and what providers call it. */
const DEAD: ReadonlySet<string> = new Set([
  'invalid_grant',
  'bad_refresh_token',
  'invalid_refresh_token',
  'expired_refresh_token',
  'token_revoked',
  'token_expired',
  'account_inactive',
  'interaction_required',
  'login_required',
  'consent_required',
]);

/** `invalid_client` and what providers call it: our registration is refused, whoever's token it is. */
const MISCONFIGURED: ReadonlySet<string> = new Set([
  'invalid_client',
  'unauthorized_client',
  'incorrect_client_credentials',
  'invalid_client_id',
  'bad_client_secret',
]);

const NOT_NOW: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'ratelimited']);

const OTHER_RFC6749: ReadonlySet<string> = new Set([
  'invalid_request',
  'unsupported_grant_type',
  'invalid_scope',
  'access_denied',
]);

/** Where providers write a code when they do not write `error`; believed only for codes that are known here. */
const OTHER_PLACES = ['error.code', 'error.type', 'error.status', 'status', 'error_code', 'errorCode', 'code'] as const;
const DESCRIPTIONS = ['error_description', 'error.message', 'message', 'reason', 'error_message'] as const;

/** The error that the fields of an answer report (RFC 6749 §5.2 and its dialects), if they report one. */
export function readRefusal(fields: AnswerFields, rules: UpstreamTokenRules): Refusal | undefined {
  const description = DESCRIPTIONS.map((path) => textOf(fieldAt(fields, path))).find((text) => text !== undefined);
  const error = textOf(fields['error']);
  if (error !== undefined) return { code: error.toLowerCase(), description };
  for (const path of OTHER_PLACES) {
    const code = textOf(fieldAt(fields, path))?.toLowerCase();
    if (code !== undefined && (kindOf(code) !== undefined || rules.errors.some((rule) => rule.code === code))) {
      return { code, description };
    }
  }
  return undefined;
}

/** What a refusal means: the provider's own rule first. undefined: nothing that is known. */
export function refusalKind(refusal: Refusal, rules: UpstreamTokenRules): UpstreamErrorRule['kind'] | undefined {
  const said = refusal.description?.toLowerCase() ?? '';
  const own = rules.errors.find(
    ({ code, descriptionHas }) =>
      code === refusal.code && (descriptionHas === undefined || said.includes(descriptionHas.toLowerCase())),
  );
  return own?.kind ?? kindOf(refusal.code);
}

/** The code for operators: itself where it is one that we know, so that an upstream cannot put words in our mouth. */
export function knownCode(refusal: Refusal, rules: UpstreamTokenRules): string {
  const { code } = refusal;
  const isKnown =
    kindOf(code) !== undefined || OTHER_RFC6749.has(code) || rules.errors.some((rule) => rule.code === code);
  return isKnown && /^[a-z_0-9]{1,64}$/.test(code) ? code : 'unknown_error';
}

function kindOf(code: string): UpstreamErrorRule['kind'] | undefined {
  if (DEAD.has(code)) return 'dead';
  if (MISCONFIGURED.has(code)) return 'misconfigured';
  return NOT_NOW.has(code) ? 'transient' : undefined;
}
