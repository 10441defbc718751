import fc from 'fast-check';
import { OAuthError } from '@app/oauth2';
import { authenticateHeader } from './authenticate-header.js';
import { renderFault, wireText, type WireFault } from './error-dialects.js';

const fault = (status: number, rest: Partial<WireFault> = {}): WireFault => ({
  status,
  code: 'invalid_request',
  description: 'grant_type is required',
  details: undefined,
  ...rest,
});

describe('D4 TMI and RFC 6749', () => {
  it('always has error and error_description, and details only where there are some', () => {
    expect(renderFault('tmi', fault(400))).toEqual({
      error: 'invalid_request',
      error_description: 'grant_type is required',
    });
    expect(renderFault('tmi', fault(429, { details: { limit: 3 } }))).toMatchObject({ details: { limit: 3 } });
  });
});

describe('D4 mix', () => {
  it.each([
    [400, 'bad_request'],
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [404, 'not_found'],
    [409, 'bad_request'],
    [422, 'validation_error'],
    [429, 'bad_request'],
    [500, 'internal_error'],
    [503, 'internal_error'],
  ])('%i has one of the five types: %s', (status, type) => {
    expect(renderFault('mix', fault(status))).toEqual({
      error: { code: status, message: 'grant_type is required', type },
    });
  });
});

describe('D4 mielto', () => {
  it('is a text in detail', () => {
    expect(renderFault('mielto', fault(404))).toEqual({ detail: 'grant_type is required' });
  });

  it('is the located list at 422', () => {
    expect(renderFault('mielto', fault(422, { details: { field: 'a.b' } }))).toEqual({
      detail: [{ loc: ['body', 'a', 'b'], msg: 'grant_type is required', type: 'value_error' }],
    });
    expect(renderFault('mielto', fault(422))).toMatchObject({ detail: [{ loc: ['body'] }] });
    const header = { in: 'header', field: 'X-Workspace-Id' };
    expect(renderFault('mielto', fault(422, { details: header }))).toMatchObject({
      detail: [{ loc: ['header', 'X-Workspace-Id'] }],
    });
  });
});

describe('D4 PlanetScale', () => {
  it.each([
    [400, 'bad_request'],
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [409, 'conflict'],
    [422, 'unprocessable_entity'],
    [429, 'too_many_requests'],
    [500, 'internal_server_error'],
    [502, 'internal_server_error'],
    [503, 'service_unavailable'],
    [418, 'bad_request'],
  ])('%i is %s', (status, code) => {
    expect(renderFault('planetscale', fault(status))).toEqual({ code, message: 'grant_type is required' });
  });
});

describe('RFC 6749 §5.2', () => {
  it('writes descriptions in the characters that it allows, whatever they were made from', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(wireText(text)).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/);
      }),
    );
  });

  it('keeps ordinary sentences and cuts endless ones', () => {
    expect(wireText('send it as code_verifier')).toBe('send it as code_verifier');
    expect(wireText('a “quote”… and it’s')).toBe("a ?quote?... and it's");
    expect(wireText('x'.repeat(70_000)).length).toBeLessThan(500);
  });

  it('challenges with Basic after a failed client authentication', () => {
    const basic = 'Basic realm="gatehouse", charset="UTF-8"';
    expect(authenticateHeader(new OAuthError('invalid_client', 'no'))).toBe(basic);
    expect(authenticateHeader(new OAuthError('invalid_client', 'no', { authenticate: 'Basic' }))).toBe(basic);
  });
});

describe('RFC 6750 §3', () => {
  it('names the error when a token was no good', () => {
    expect(authenticateHeader(new OAuthError('invalid_token', 'it "expired"'))).toBe(
      `Bearer realm="gatehouse", error="invalid_token", error_description="it 'expired'"`,
    );
  });

  it('gives no error code to a caller that sent no token (§3.1)', () => {
    expect(authenticateHeader(new OAuthError('unauthorized', 'Authentication required'))).toBe(
      'Bearer realm="gatehouse"',
    );
  });

  it('names the missing scope at 403', () => {
    const error = new OAuthError('insufficient_scope', 'needs more', { details: { scope: 'vault:read' } });
    expect(authenticateHeader(error)).toBe(
      'Bearer realm="gatehouse", error="insufficient_scope", error_description="needs more", scope="vault:read"',
    );
  });

  it('challenges at every 401 and at nothing else', () => {
    expect(authenticateHeader(new OAuthError('invalid_grant', 'x', { status: 401 }))).toBe('Bearer realm="gatehouse"');
    expect(authenticateHeader(new OAuthError('invalid_grant', 'x'))).toBeUndefined();
    expect(authenticateHeader(new OAuthError('forbidden', 'x'))).toBeUndefined();
  });
});

describe('RFC 9449 §7.1', () => {
  const ALGS = 'algs="RS256 PS256 ES256 ES384 ES512 EdDSA Ed25519"';

  it('answers a caller of the scheme DPoP in it, with the algorithms', () => {
    const error = new OAuthError('invalid_dpop_proof', 'its "htu"', { status: 401 });
    const challenge = `DPoP realm="gatehouse", error="invalid_dpop_proof", error_description="its 'htu'", ${ALGS}`;
    for (const sent of ['DPoP x', 'dpop x', 'DPoP']) expect(authenticateHeader(error, sent)).toBe(challenge);
    const insufficient = new OAuthError('insufficient_scope', 'needs more', { details: { scope: 'openid' } });
    expect(authenticateHeader(insufficient, 'DPoP x')).toBe(
      `DPoP realm="gatehouse", error="insufficient_scope", error_description="needs more", scope="openid", ${ALGS}`,
    );
  });

  it('does not answer so to other schemes, and never in the place of Basic', () => {
    const error = new OAuthError('invalid_token', 'expired');
    for (const sent of ['Bearer x', 'DPoPx y', undefined])
      expect(authenticateHeader(error, sent)).toMatch(/^Bearer realm="gatehouse", error="invalid_token"/);
    const client = new OAuthError('invalid_client', 'no', { authenticate: 'Basic' });
    expect(authenticateHeader(client, 'DPoP x')).toMatch(/^Basic /);
  });

  it('names both schemes where either is taken (§7.2), and the error in the one that was used', () => {
    const either = { authenticate: 'Bearer, DPoP' } as const;
    expect(authenticateHeader(new OAuthError('unauthorized', 'no', either))).toBe(
      `Bearer realm="gatehouse", DPoP realm="gatehouse", ${ALGS}`,
    );
    expect(authenticateHeader(new OAuthError('invalid_token', 'expired', either), 'Bearer x')).toBe(
      `Bearer realm="gatehouse", error="invalid_token", error_description="expired", DPoP realm="gatehouse", ${ALGS}`,
    );
  });
});
