import type { OAuthErrorCode } from '@app/oauth2';
import type { DialectName } from './route-policy.js';

/** What went wrong, ready to be written in any dialect. */
export interface WireFault {
  readonly status: number;
  readonly code: OAuthErrorCode;
  readonly description: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
}

const LONGEST_DESCRIPTION = 400;

/**
 * Text that RFC 6749 §5.2 allows in `error_description` (and that is safe inside a quoted header value): printable
 * ASCII without `"` and `\`. Cut, because names of fields in it come from the caller.
 */
export function wireText(text: string): string {
  const plain = text.replaceAll('…', '...').replaceAll(/[‘’]/g, "'").replaceAll(/[–—]/g, '-');
  const cut = plain.length > LONGEST_DESCRIPTION ? `${plain.slice(0, LONGEST_DESCRIPTION)}...` : plain;
  return cut
    .replaceAll('"', "'")
    .replaceAll('\\', '/')
    .replaceAll(/[^\x20-\x7e]/g, '?');
}

/** TMI and RFC 6749 §5.2: `{error, error_description, details?}`. */
export function renderTmi(fault: WireFault) {
  return {
    error: fault.code,
    error_description: wireText(fault.description),
    ...(fault.details === undefined ? {} : { details: fault.details }),
  };
}

type MixType = 'bad_request' | 'not_found' | 'internal_error' | 'unauthorized' | 'validation_error';

function mixType(status: number): MixType {
  if (status === 404) return 'not_found';
  if (status === 401 || status === 403) return 'unauthorized';
  if (status === 422) return 'validation_error';
  return status >= 500 ? 'internal_error' : 'bad_request';
}

/** mix: `{error: {code, message, type}}`; `code` is the HTTP status and `type` one of its closed five. */
export function renderMix(fault: WireFault) {
  return { error: { code: fault.status, message: wireText(fault.description), type: mixType(fault.status) } };
}

/** Of a fault's details: what programs read beside mielto's text; its SDK takes `error_code` (D2). */
const BESIDE_DETAIL = ['error_code', 'reauth_url'] as const;

/** mielto: `{detail: text}`, and at 422 the list form, located by `details.field` and `details.in` (default `body`). */
export function renderMielto(fault: WireFault) {
  const message = wireText(fault.description);
  if (fault.status !== 422) {
    const beside = BESIDE_DETAIL.flatMap((name) => {
      const value = fault.details?.[name];
      return typeof value === 'string' ? [[name, value]] : [];
    });
    return { detail: message, ...(Object.fromEntries(beside) as Record<string, string>) };
  }
  const { field, in: part } = fault.details ?? {};
  const place = typeof part === 'string' ? part : 'body';
  const loc = typeof field === 'string' ? [place, ...field.split('.')] : [place];
  return { detail: [{ loc, msg: message, type: 'value_error' }] };
}

const PLANETSCALE_CODES: Readonly<Record<number, string>> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'bad_request',
  409: 'conflict',
  413: 'bad_request',
  415: 'bad_request',
  422: 'unprocessable_entity',
  429: 'too_many_requests',
  503: 'service_unavailable',
};

/** PlanetScale: `{code, message}`, `code` from the list its clients know. */
export function renderPlanetScale(fault: WireFault) {
  const code = PLANETSCALE_CODES[fault.status] ?? (fault.status >= 500 ? 'internal_server_error' : 'bad_request');
  return { code, message: wireText(fault.description) };
}

const RENDERERS: Readonly<Record<DialectName, (fault: WireFault) => object>> = {
  tmi: renderTmi,
  mix: renderMix,
  mielto: renderMielto,
  planetscale: renderPlanetScale,
};

/** The body of an error answer in the dialect of its route (D4). */
export function renderFault(dialect: DialectName, fault: WireFault): object {
  return RENDERERS[dialect](fault);
}
