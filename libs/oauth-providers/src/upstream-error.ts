import { codeOf, errorChain } from '@app/outbound';

/**
 * What a client may be told, by code. The upstream's own words never appear here (R31, D4). The first four are ours;
 * the others are codes of RFC 6749 §4.1.2.1, §5.2 and OIDC Core §3.1.2.6 that mean something to whoever started the
 * login or owns the connection. Every other code is about our registration at the provider: `provider_refused`.
 */
const DESCRIPTIONS = {
  provider_unavailable: 'The identity provider cannot be reached at the moment.',
  provider_refused: 'The identity provider refused the request.',
  invalid_request: 'The identity provider does not accept these request parameters.',
  invalid_response: 'The answer of the identity provider could not be accepted.',
  access_denied: 'The identity provider or the user denied access.',
  login_required: 'The identity provider requires the user to sign in.',
  interaction_required: 'The identity provider requires interaction with the user.',
  account_selection_required: 'The identity provider requires the user to select an account.',
  consent_required: 'The identity provider requires the consent of the user.',
  unmet_authentication_requirements: 'The identity provider cannot meet the requested authentication requirements.',
  temporarily_unavailable: 'The identity provider is temporarily unavailable.',
  server_error: 'The identity provider had an internal error.',
  invalid_grant: 'The identity provider no longer accepts this grant.',
} as const;

export type UpstreamErrorCode = keyof typeof DESCRIPTIONS;

/** Codes that an upstream may say and that keep their meaning; ours are not among them. */
const PASSED_ON: ReadonlySet<string> = new Set<UpstreamErrorCode>([
  'access_denied',
  'login_required',
  'interaction_required',
  'account_selection_required',
  'consent_required',
  'unmet_authentication_requirements',
  'temporarily_unavailable',
  'server_error',
  'invalid_grant',
]);

function isPassedOn(code: string): code is UpstreamErrorCode {
  return PASSED_ON.has(code);
}

/**
 * A login or refresh that failed at or because of the upstream. `code` and `description` are safe for clients;
 * `detail` is for the log only: it may quote the upstream, cleaned, but holds no token, code or secret. `cause` is a
 * bare error with name and message: protocol libraries hang whole answers, tokens included, on theirs.
 */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly description: string;

  constructor(
    readonly code: UpstreamErrorCode,
    readonly detail: string,
    cause?: unknown,
  ) {
    super(`${code}: ${detail}`, cause === undefined ? undefined : { cause: bareError(cause) });
    this.description = DESCRIPTIONS[code];
  }

  /** For an error that the upstream itself reported, by redirect or in an answer's body. */
  static reported(error: string, errorDescription: string | undefined, cause?: unknown): UpstreamError {
    const said = errorDescription === undefined ? '' : ` (${quoteUpstream(errorDescription)})`;
    // A code in the usual alphabet cannot be a secret; anything else is treated as text.
    const code = /^[a-z_]{1,64}$/.test(error) ? error : quoteUpstream(error);
    const detail = `the provider reported ${code}${said}`;
    return new UpstreamError(isPassedOn(error) ? error : 'provider_refused', detail, cause);
  }
}

/**
 * Upstream text made fit for a log line: one line, at most 200 characters, and any long run of token-like characters
 * blanked, for some providers quote the code or token that they complain about.
 */
export function quoteUpstream(text: string): string {
  const line = text
    .slice(0, 2_000)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[\w\-.~+/=%]{20,}/g, '[…]');
  return `"${line.length > 200 ? `${line.slice(0, 200)}…` : line}"`;
}

/**
 * Names and messages along a chain of causes. Messages of SyntaxError are left out: V8 quotes the text that would not
 * parse, which may be a token.
 */
export function describeChain(error: unknown): string {
  const links = errorChain(error).map((link) => {
    const code = codeOf(link);
    const name = code === undefined ? link.name : `${link.name} ${code}`;
    return link.name === 'SyntaxError' ? name : `${name}: ${link.message}`;
  });
  return links.length > 0 ? links.join(' < ') : 'unknown fault';
}

function bareError(error: unknown): Error {
  const bare = new Error(describeChain(error));
  const [outermost] = errorChain(error);
  if (outermost) bare.name = outermost.name;
  // The frames of the original, without its first lines: they repeat the message.
  const frames = outermost?.stack?.split('\n').filter((line) => /^ {4}at /.test(line)) ?? [];
  bare.stack = [`${bare.name}: ${bare.message}`, ...frames].join('\n');
  return bare;
}
