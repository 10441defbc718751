const REDACTED = '[redacted]';

const SECRETS: readonly (readonly [RegExp, string])[] = [
  // JWTs, whoever issued them.
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, REDACTED],
  // Opaque tokens and secrets of ours (D45).
  [/\bgth_[a-z]+_[\w-]+/g, REDACTED],
  [/\b(Bearer|Basic)\s+[\w~+/.=-]+/gi, `$1 ${REDACTED}`],
  [
    // Not after a slash: "POST https://…/token: ECONNREFUSED" names an address, and what follows is the reason.
    /(?<![\w/])(code|state|nonce|assertion|password|[a-z_]*(?:token|secret|verifier|challenge|SAMLRe\w+))(["']?\s*[=:]\s*["']?)[^&\s"',}]+/gi,
    `$1$2${REDACTED}`,
  ],
  // User information in a URL: the password of a database.
  [/(:\/\/[^\s/:@]*:)[^\s/@]+@/g, `$1${REDACTED}@`],
];

/** A text without what looks like a credential (R31). Errors of others quote the requests that failed. */
export function redact(text: string): string {
  let clean = text;
  for (const [pattern, replacement] of SECRETS) clean = clean.replace(pattern, replacement);
  return clean;
}

/** What the log keeps of an error: other own properties (SQL parameters, requests) may hold anything. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

const DEEPEST_CAUSE = 5;

/** An error and its causes, redacted. */
export function loggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: redact(String(error)) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: redact(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: redact(error.stack) }),
    ...(error.cause === undefined || depth >= DEEPEST_CAUSE ? {} : { cause: loggedError(error.cause, depth + 1) }),
  };
}
