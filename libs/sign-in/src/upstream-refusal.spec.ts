import { OAuthError } from '@app/oauth2';
import { UpstreamError, type UpstreamErrorCode } from '@app/oauth-providers';
import { loginRefusal } from './login-errors.js';
import { upstreamRefusal } from './upstream-refusal.js';

const TABLE: readonly [UpstreamErrorCode, string, number][] = [
  ['provider_unavailable', 'temporarily_unavailable', 503],
  ['temporarily_unavailable', 'temporarily_unavailable', 503],
  ['provider_refused', 'server_error', 502],
  ['invalid_response', 'server_error', 502],
  ['server_error', 'server_error', 502],
  ['invalid_grant', 'server_error', 502],
  ['invalid_request', 'invalid_request', 400],
  ['access_denied', 'access_denied', 403],
  ['unmet_authentication_requirements', 'access_denied', 403],
  ['login_required', 'login_required', 400],
  ['interaction_required', 'interaction_required', 400],
  ['account_selection_required', 'interaction_required', 400],
  ['consent_required', 'consent_required', 400],
];

describe('D4 R31 RFC 6749 §4.1.2.1 a login that failed upstream', () => {
  it.each(TABLE)('%s is told as %s', (code, told, status) => {
    const refusal = upstreamRefusal(new UpstreamError(code, 'their words: secret-detail'));
    expect([refusal.code, refusal.status]).toEqual([told, status]);
    expect(refusal.description).not.toContain('secret-detail');
    expect(JSON.stringify(refusal.details ?? {})).not.toContain('secret-detail');
  });

  it('keeps the words of the upstream for the log', () => {
    const refusal = upstreamRefusal(new UpstreamError('invalid_response', 'their words: detail'));
    expect(refusal.logDetail).toBe('their words: detail');
  });

  it('says when to come back where that helps', () => {
    expect(upstreamRefusal(new UpstreamError('provider_unavailable', 'x')).retryAfterSeconds).toBeGreaterThan(0);
  });
});

describe('D34 what a login was refused for', () => {
  it('is a refusal of ours or of the upstream; any other fault is a fault', () => {
    const own = new OAuthError('access_denied', 'no');
    expect(loginRefusal(own)).toBe(own);
    expect(loginRefusal(new UpstreamError('access_denied', 'x'))?.code).toBe('access_denied');
    expect(loginRefusal(new Error('x'))).toBeUndefined();
    expect(loginRefusal(undefined)).toBeUndefined();
  });
});
