import fc from 'fast-check';
import { presentedClient } from './presented-client.js';

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

describe('RFC 6749 §2.3.1', () => {
  it('reads Basic with both parts form-urlencoded inside', () => {
    expect(presentedClient(basic('tmi_cc_a:s3cret'), undefined, undefined)).toEqual({
      kind: 'secret',
      clientId: 'tmi_cc_a',
      clientSecret: 's3cret',
      method: 'basic',
    });
    expect(presentedClient(basic('https%3A%2F%2Fapp.example%2F:a+b%3Ac%25'), undefined, undefined)).toMatchObject({
      clientId: 'https://app.example/',
      clientSecret: 'a b:c%',
    });
  });

  it('reads back whatever a client encodes as it must', () => {
    const encode = (text: string) => encodeURIComponent(text).replaceAll('%20', '+');
    const text = fc.string({ unit: 'binary', minLength: 1 });
    fc.assert(
      fc.property(text, text, (clientId, clientSecret) => {
        const header = basic(`${encode(clientId)}:${encode(clientSecret)}`);
        expect(presentedClient(header, undefined, undefined)).toEqual({
          kind: 'secret',
          clientId,
          clientSecret,
          method: 'basic',
        });
      }),
    );
  });

  it('answers every header with a client or invalid_client, never with another fault', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
        try {
          expect(presentedClient(`Basic ${text}`, undefined, undefined).kind).not.toBe('none');
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_client', status: 401, authenticate: 'Basic' });
        }
      }),
    );
  });

  it.each([
    'Basic',
    'Basic !!!',
    basic('no-colon'),
    basic(':no-id'),
    basic('id:%zz'),
    `Basic ${Buffer.from([0x69, 0x3a, 0xff]).toString('base64')}`,
  ])('refuses %s with a Basic challenge', (header) => {
    expect(() => presentedClient(header, undefined, undefined)).toThrow(
      expect.objectContaining({ code: 'invalid_client', authenticate: 'Basic' }),
    );
  });

  it('reads the body', () => {
    expect(presentedClient(undefined, 'web', undefined)).toEqual({ kind: 'named', clientId: 'web', method: 'body' });
    expect(presentedClient(undefined, 'a', 's')).toMatchObject({ kind: 'secret', method: 'body' });
    expect(presentedClient(undefined, undefined, undefined)).toEqual({ kind: 'none' });
    expect(() => presentedClient(undefined, undefined, 's')).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });

  it('takes an empty Basic password for no secret, as public clients send it', () => {
    expect(presentedClient(basic('web:'), undefined, undefined)).toEqual({
      kind: 'named',
      clientId: 'web',
      method: 'basic',
    });
  });

  it('passes over a bearer', () => {
    expect(presentedClient('Bearer abc', 'web', undefined)).toMatchObject({ kind: 'named' });
    expect(presentedClient('Bearer abc', undefined, undefined)).toEqual({ kind: 'none' });
  });
});

describe('D11', () => {
  it('refuses two ways at once, and two names', () => {
    const refused = expect.objectContaining({ code: 'invalid_request' }) as Error;
    expect(() => presentedClient(basic('a:s'), 'a', 's')).toThrow(refused);
    expect(() => presentedClient(basic('a:s'), 'b', undefined)).toThrow(refused);
    expect(presentedClient(basic('a:s'), 'a', undefined)).toMatchObject({ clientId: 'a', method: 'basic' });
  });
});
