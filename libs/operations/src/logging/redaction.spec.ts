import fc from 'fast-check';
import { loggedError, redact } from './redaction.js';

describe('R31 what the log keeps of texts', () => {
  const secret = 'Zm9vYmFyLXNlY3JldA';

  it.each([
    `GET https://idp.example/token?code=${secret}&x=1 failed`,
    `grant_type=refresh_token&refresh_token=${secret}`,
    `{"client_secret":"${secret}"}`,
    `{"access_token": "${secret}"}`,
    `code_verifier: ${secret}`,
    `state=${secret}`,
    `Authorization: Bearer ${secret}`,
    `authorization: basic ${secret}`,
    `connect postgres://gatehouse:${secret}@db/gatehouse`,
    `the token gth_refresh_${secret} is unknown`,
    `id token eyJhbGciOiJFUzI1NiJ9.${secret}.${secret} expired`,
    `SAMLResponse=${secret}`,
  ])('hides the secret in: %s', (text) => {
    expect(redact(text)).not.toContain(secret);
    expect(redact(text)).toContain('[redacted]');
  });

  it('leaves ordinary sentences alone', () => {
    for (const text of [
      'Too many wrong secrets; locked',
      'The access token is malformed, expired or revoked',
      'Migration Foundation1700000000001 has run',
      'relation "refresh_tokens" does not exist at character 15',
      'GET https://idp.example/.well-known/openid-configuration: ECONNREFUSED',
      'code exchange: POST https://idp.example/token: ECONNREFUSED',
    ])
      expect(redact(text)).toBe(text);
  });

  it('takes any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => expect(typeof redact(text)).toBe('string')));
  });
});

describe('R31 what the log keeps of errors', () => {
  it('keeps type, code, redacted message, stack and causes, and no other property', () => {
    const inner = Object.assign(new TypeError('token=abc'), {
      code: '08006',
      parameters: ['abc'],
      query: 'SELECT abc',
    });
    const logged = loggedError(new Error('could not save', { cause: inner }));
    expect(logged).toMatchObject({
      type: 'Error',
      message: 'could not save',
      cause: { type: 'TypeError', code: '08006', message: 'token=[redacted]' },
    });
    expect(JSON.stringify(logged)).not.toContain('abc');
  });

  it('takes what is no error, and a chain that bites its own tail', () => {
    expect(loggedError('secret=x')).toEqual({ type: 'string', message: 'secret=[redacted]' });
    const error = new Error('a');
    error.cause = error;
    expect(JSON.stringify(loggedError(error)).length).toBeLessThan(20_000);
  });
});
