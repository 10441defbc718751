import { failed, passed } from '@app/saml';
import { refusalOf } from './saml-refusals.js';

const STATUS = 'urn:oasis:names:tc:SAML:2.0:status:';

describe('D34 R31 what a client hears of a refused response', () => {
  it.each([
    ['NoPassive', 'login_required', 400],
    ['AuthnFailed', 'access_denied', 403],
    ['NoAuthnContext', 'access_denied', 403],
    ['UnsupportedBinding', 'server_error', 502],
  ])('the IdP’s own refusal %s as %s', (code, error, status) => {
    const found = `"${STATUS}Responder", "${STATUS}${code}" with the message "secret-words"`;
    const refusal = refusalOf([passed('version', '2.0'), failed('status', 'success', found)], 'r-1');
    expect(refusal).toMatchObject({ code: error, status });
    expect(refusal.description).not.toContain('secret-words');
  });

  it('is decided by status codes and by no other text of the sender', () => {
    const found = `"${STATUS}Responder" with the message "${STATUS}NoPassive"`;
    expect(refusalOf([failed('status', 'success', found)], 'r-1').code).toBe('server_error');
  });

  it.each([
    ['replay', 'access_denied'],
    ['authentication-age', 'access_denied'],
    ['logged-out', 'access_denied'],
    ['audience', 'server_error'],
    ['signature-value', 'server_error'],
    ['destination', 'server_error'],
  ] as const)('the check %s as %s, with the reference and none of the values', (check, code) => {
    const refusal = refusalOf([failed(check, 'secret-expected', 'secret-found')], 'r-1');
    expect(refusal.code).toBe(code);
    expect(refusal.description).toContain('reference r-1');
    expect(refusal.description).not.toContain('secret');
  });

  it('follows the first failure, whatever comes after it', () => {
    const verdicts = [failed('audience', 'a', 'b'), failed('replay', 'a', 'b')];
    expect(refusalOf(verdicts, 'r-1').code).toBe('server_error');
  });
});
