import fc from 'fast-check';
import { UnsecuredJWT } from 'jose';
import { presentedClient } from './presented-client.js';

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

describe('RFC 6749 §2.3.1', () => {
  it('reads Basic with both parts form-urlencoded inside', () => {
    expect(presentedClient(basic('tmi_cc_a:s3cret'), {})).toEqual({
      kind: 'secret',
      clientId: 'tmi_cc_a',
      clientSecret: 's3cret',
      method: 'basic',
    });
    expect(presentedClient(basic('https%3A%2F%2Fapp.example%2F:a+b%3Ac%25'), {})).toMatchObject({
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
        expect(presentedClient(header, {})).toEqual({
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
          expect(presentedClient(`Basic ${text}`, {}).kind).not.toBe('none');
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
    expect(() => presentedClient(header, {})).toThrow(
      expect.objectContaining({ code: 'invalid_client', authenticate: 'Basic' }),
    );
  });

  it('reads the body', () => {
    expect(presentedClient(undefined, { client_id: 'web' })).toEqual({
      kind: 'named',
      clientId: 'web',
      method: 'body',
    });
    expect(presentedClient(undefined, { client_id: 'a', client_secret: 's' })).toMatchObject({
      kind: 'secret',
      method: 'body',
    });
    expect(presentedClient(undefined, {})).toEqual({ kind: 'none' });
    expect(() => presentedClient(undefined, { client_secret: 's' })).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
  });

  it('takes an empty Basic password for no secret, as public clients send it', () => {
    expect(presentedClient(basic('web:'), {})).toEqual({
      kind: 'named',
      clientId: 'web',
      method: 'basic',
    });
  });

  it('passes over a bearer', () => {
    expect(presentedClient('Bearer abc', { client_id: 'web' })).toMatchObject({ kind: 'named' });
    expect(presentedClient('Bearer abc', {})).toEqual({ kind: 'none' });
  });
});

describe('D11', () => {
  it('refuses two ways at once, and two names', () => {
    const refused = expect.objectContaining({ code: 'invalid_request' }) as Error;
    expect(() => presentedClient(basic('a:s'), { client_id: 'a', client_secret: 's' })).toThrow(refused);
    expect(() => presentedClient(basic('a:s'), { client_id: 'b' })).toThrow(refused);
    expect(presentedClient(basic('a:s'), { client_id: 'a' })).toMatchObject({ clientId: 'a', method: 'basic' });
  });
});

describe('RFC 7523 §2.2', () => {
  const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  const about = (subject: unknown) => new UnsecuredJWT({ sub: subject as string }).encode();
  const assertion = { client_assertion_type: type, client_assertion: about('robot') };
  const refused = (code: string, text = '') =>
    expect.objectContaining({ code, description: expect.stringContaining(text) }) as Error;

  it('reads an assertion as that of whom it is about; client_id may be left out (RFC 7521 §4.2)', () => {
    const presented = { kind: 'assertion', clientId: 'robot', assertion: assertion.client_assertion, method: 'body' };
    expect(presentedClient(undefined, assertion)).toEqual(presented);
    expect(presentedClient(undefined, { ...assertion, client_id: 'robot' })).toEqual(presented);
    expect(presentedClient('Bearer abc', assertion)).toEqual(presented);
  });

  it('refuses a client_id that is another’s', () => {
    expect(() => presentedClient(undefined, { ...assertion, client_id: 'other' })).toThrow(
      refused('invalid_request', 'client_id'),
    );
  });

  it('refuses it beside a secret, in the body or by Basic (RFC 6749 §2.3)', () => {
    for (const [header, secret] of [
      [undefined, 's'],
      [basic('robot:s'), undefined],
      [basic('robot:'), undefined],
    ] as const)
      expect(() => presentedClient(header, { ...assertion, client_secret: secret })).toThrow(
        refused('invalid_request', 'not both'),
      );
  });

  it('needs both fields, and knows one type', () => {
    expect(() => presentedClient(undefined, { client_assertion: assertion.client_assertion })).toThrow(
      refused('invalid_request', type),
    );
    expect(() => presentedClient(undefined, { client_id: 'robot', client_assertion_type: type })).toThrow(
      refused('invalid_request', 'client_assertion is required'),
    );
    const saml = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer';
    expect(() => presentedClient(undefined, { ...assertion, client_assertion_type: saml })).toThrow(
      refused('invalid_request', type),
    );
  });

  it.each(['x', 'a.b.c', about(''), about(7), about(undefined), `${about('robot')}.x.y`])(
    'says that it cannot read %s, and repeats nothing of it',
    (text) => {
      expect.assertions(2);
      try {
        presentedClient(undefined, { ...assertion, client_assertion: text });
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_client', status: 401, authenticate: undefined });
        expect((error as { description: string }).description).toMatch(/^client_assertion cannot be read: it is no/);
      }
    },
  );

  it('answers every text with a client or invalid_client, never with another fault', () => {
    const part = fc.oneof(
      fc.base64String(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.')),
        ),
        (text) => {
          try {
            expect(presentedClient(undefined, { ...assertion, client_assertion: text }).kind).toBe('assertion');
          } catch (error) {
            expect(error).toMatchObject({ code: 'invalid_client' });
          }
        },
      ),
    );
  });
});
