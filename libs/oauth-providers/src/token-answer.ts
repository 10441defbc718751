import { isClaimSource, type ClaimSource } from './identity-claims.js';
import type { UpstreamTokens } from './upstream-connector.js';
import { UpstreamError } from './upstream-error.js';
import { statusFault } from './upstream-fault.js';

/**
 * The tokens in an answer of a token endpoint (RFC 6749 §5.1), with the liberties that providers take: a form-encoded
 * body in place of JSON, an error (§5.2) under status 200, `token_type` left out, `expires_in` as text.
 * @throws UpstreamError
 */
export async function readTokenAnswer(response: Response, doing: string): Promise<UpstreamTokens> {
  const fields = parseBody(contentType(response), await response.text());
  const error = fields?.['error'];
  if (typeof error === 'string' && error !== '') {
    const said = fields?.['error_description'];
    throw UpstreamError.reported(error, typeof said === 'string' ? said : undefined);
  }
  if (!response.ok) throw statusFault(response.status, doing);
  if (!fields) throw unusable(doing, 'the answer is neither a JSON object nor a form');

  const accessToken = fields['access_token'];
  if (typeof accessToken !== 'string' || !isToken(accessToken)) throw unusable(doing, 'there is no access token');
  const tokenType = fields['token_type'] ?? 'bearer';
  if (typeof tokenType !== 'string' || tokenType.toLowerCase() !== 'bearer') {
    throw unusable(doing, 'the token is not of type bearer');
  }
  const refreshToken = optionalText(fields, 'refresh_token', doing);
  const scope = optionalText(fields, 'scope', doing);
  const expiresIn = readSeconds(fields['expires_in'], doing);
  return {
    accessToken,
    tokenType: 'bearer',
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(scope === undefined ? {} : { scope }),
    ...(expiresIn === undefined ? {} : { expiresIn }),
  };
}

/** A JSON value, or undefined where the body is not JSON by its type or its text. */
export async function readJson(response: Response): Promise<unknown> {
  if (!isJson(contentType(response))) return undefined;
  try {
    return JSON.parse(await response.text());
  } catch {
    return undefined;
  }
}

function parseBody(type: string, text: string): ClaimSource | undefined {
  if (type === 'application/x-www-form-urlencoded') return formFields(new URLSearchParams(text));
  if (!isJson(type)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isClaimSource(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A repeated field makes the form ambiguous, hence unusable (RFC 6749 §3.2: parameters are not repeated). */
function formFields(form: URLSearchParams): ClaimSource | undefined {
  const fields = new Map<string, string>();
  for (const [name, value] of form) {
    if (fields.has(name)) return undefined;
    fields.set(name, value);
  }
  return Object.fromEntries(fields);
}

function contentType(response: Response): string {
  return (response.headers.get('content-type')?.split(';')[0] ?? '').trim().toLowerCase();
}

function isJson(type: string): boolean {
  return type === 'application/json' || type.endsWith('+json');
}

/** RFC 6749 appendix A.12: visible ASCII. Anything else could break out of the header it is sent in. */
function isToken(value: string): boolean {
  return /^[\x20-\x7E]+$/.test(value);
}

function optionalText(fields: ClaimSource, name: string, doing: string): string | undefined {
  const value = fields[name] ?? '';
  if (typeof value !== 'string') throw unusable(doing, `"${name}" is not text`);
  return value === '' ? undefined : value;
}

function readSeconds(value: unknown, doing: string): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const seconds = typeof value === 'string' && /^\d{1,12}$/.test(value) ? Number(value) : value;
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0) {
    throw unusable(doing, '"expires_in" is not a number of seconds');
  }
  return seconds;
}

function unusable(doing: string, what: string): UpstreamError {
  return new UpstreamError('invalid_response', `${doing}: ${what}`);
}
