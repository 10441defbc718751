import fc from 'fast-check';
import { readRedirectQuery, relayedByQuery } from './redirect-query.js';
import { Refused } from './refused.js';

function checkOf(query: string): string {
  try {
    readRedirectQuery(query);
  } catch (error) {
    if (error instanceof Refused) return error.verdict.check;
    throw error;
  }
  return 'accepted';
}

describe('SAML bindings §3.4.4.1', () => {
  it('signs message, RelayState and SigAlg in that order, in the octets that came', () => {
    const query = 'SigAlg=http%3a%2F%2Fx&RelayState=a%2fb%20c&Signature=QQ%3D%3D&SAMLRequest=fVL%2Bx%2f%3d';
    const read = readRedirectQuery(query);
    expect(read.signedText).toBe('SAMLRequest=fVL%2Bx%2f%3d&RelayState=a%2fb%20c&SigAlg=http%3a%2F%2Fx');
    expect(read).toMatchObject({
      parameter: 'SAMLRequest',
      value: 'fVL+x/=',
      signature: 'QQ==',
      signatureAlgorithm: 'http://x',
      relayState: 'a/b c',
    });
  });

  it('leaves RelayState out of the signed text only where it is absent', () => {
    expect(readRedirectQuery('SAMLResponse=a&SigAlg=b&Signature=c').signedText).toBe('SAMLResponse=a&SigAlg=b');
    expect(readRedirectQuery('SAMLResponse=a&RelayState=&SigAlg=b&Signature=c').signedText).toBe(
      'SAMLResponse=a&RelayState=&SigAlg=b',
    );
  });

  it('knows no encoding but DEFLATE', () => {
    const deflate = encodeURIComponent('urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE');
    expect(checkOf(`SAMLRequest=a&SAMLEncoding=${deflate}`)).toBe('accepted');
    expect(checkOf('SAMLRequest=a&SAMLEncoding=none')).toBe('encoding');
  });

  it('says where a message is missing', () => {
    expect(checkOf('')).toBe('encoding');
    expect(checkOf('RelayState=x')).toBe('encoding');
  });
});

describe('R15', () => {
  it('takes an empty Signature or SigAlg for none', () => {
    for (const query of ['SAMLRequest=a&Signature=&SigAlg=', 'SAMLRequest=a', 'SAMLRequest=a&Signature&SigAlg']) {
      const { signature, signatureAlgorithm } = readRedirectQuery(query);
      expect({ signature, signatureAlgorithm }).toEqual({ signature: undefined, signatureAlgorithm: undefined });
    }
  });

  it('refuses a parameter that is there twice, in any spelling', () => {
    for (const twice of [
      'SAMLRequest=a&SAMLRequest=b',
      'SAMLRequest=a&%53AMLRequest=b',
      'SAMLRequest=a&SAML%52equest=b',
      'SAMLRequest=a&SAMLResponse=b',
      'SAMLRequest=a&RelayState=b&Relay%53tate=c',
      'SAMLRequest=a&SigAlg=b&SigAlg=b',
      'SAMLRequest=a&Signature=b&Signature',
      'SAMLRequest&SAMLRequest=a',
    ]) {
      expect(checkOf(twice)).toBe('repeated-parameter');
    }
  });

  it('refuses a name in percent-encoding: nobody signed it so', () => {
    expect(checkOf('%53AMLRequest=a')).toBe('encoding');
  });

  it('refuses a name behind a second question mark, which some readers strip and nobody signed', () => {
    for (const hidden of ['?RelayState=x&SAMLRequest=a', 'SAMLRequest=a&%3FRelayState=x', '?&SAMLRequest=a']) {
      expect([hidden, checkOf(hidden)]).toEqual([hidden, 'encoding']);
      expect(relayedByQuery(hidden)).toBeUndefined();
    }
  });

  it('hands on the RelayState that the signature covers, and no other', () => {
    const value = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(fc.option(value, { nil: undefined }), value, (relayState, other) => {
        const own = relayState === undefined ? '' : `&RelayState=${encodeURIComponent(relayState)}`;
        const query = `x=${encodeURIComponent(other)}&SAMLResponse=a${own}&relaystate=${encodeURIComponent(other)}`;
        expect(relayedByQuery(query)).toEqual({ parameter: 'SAMLResponse', relayState });
        expect(readRedirectQuery(query).signedText).toBe(`SAMLResponse=a${own}`);
      }),
    );
  });

  it('refuses values that are not UTF-8', () => {
    expect(checkOf('SAMLRequest=%ff')).toBe('encoding');
    expect(checkOf('SAMLRequest=a%')).toBe('encoding');
  });

  it('is not confused by parameters of others', () => {
    expect(checkOf('SAMLRequest=a&x=1&x=2&%=&=&&samlrequest=b&__proto__=c')).toBe('accepted');
  });
});

describe('R13', () => {
  it('never throws anything but a verdict', () => {
    const piece = fc.constantFrom(
      'SAMLRequest',
      'SAMLResponse',
      'RelayState',
      'SigAlg',
      'Signature',
      '=',
      '&',
      '%',
      '%53',
      '+',
      'a',
      '%ff',
      '\ud800',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const query = pieces.join('');
        const check = checkOf(query);
        if (check !== 'accepted') return;
        // What is verified is a part of what came, to the octet.
        for (const part of readRedirectQuery(query).signedText.split('&')) {
          const known = query.split('&').some((one) => one === part || `${one}=` === part);
          expect(known).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses a query beyond any server’s limit', () => {
    expect(checkOf(`SAMLRequest=${'a'.repeat(200_000)}`)).toBe('size');
  });
});
