import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { decodeBase64, guardXml, MESSAGE_LIMITS, openPostMessage, openRedirectMessage } from './message-guard.js';
import { Refused, Verdicts } from './refused.js';

const LINE_BREAKS = /[\r\n]+/g;

function checkOf(run: (verdicts: Verdicts) => unknown): string {
  try {
    run(new Verdicts());
  } catch (error) {
    if (error instanceof Refused) return error.verdict.check;
    throw error;
  }
  return 'accepted';
}

const post = (value: string) => checkOf((verdicts) => openPostMessage(value, verdicts));
const redirect = (value: string) => checkOf((verdicts) => openRedirectMessage(value, verdicts));
const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64');
const deflated = (text: string) => deflateRawSync(text).toString('base64');

describe('RFC 4648 §3.5', () => {
  it('has one spelling for any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (octets) => {
        const text = base64(octets);
        expect(decodeBase64(text, LINE_BREAKS)).toEqual(Buffer.from(octets));
        expect(decodeBase64(text.replace(/.{8}/g, '$&\r\n'), LINE_BREAKS)).toEqual(Buffer.from(octets));
      }),
    );
  });

  it.each(['', 'YQ', 'YQ=', 'YR==', 'YQ==YQ==', 'Y Q==', 'YQ==-', '_-8=', '-_8=', 'YQ==\u0000', 'YQ\t=='])(
    'refuses %j',
    (text) => {
      expect(decodeBase64(text, LINE_BREAKS)).toBeUndefined();
    },
  );

  it('takes nothing that would not be written so again', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 20, unit: fc.constantFrom('A', 'z', '0', '+', '/', '=', '-', '_', ' ') }),
        (text) => {
          const octets = decodeBase64(text, LINE_BREAKS);
          if (octets !== undefined) expect(octets.toString('base64')).toBe(text);
        },
      ),
    );
  });
});

describe('R4', () => {
  it('reads UTF-8 and nothing else', () => {
    expect(post(base64('<r>é😀</r>'))).toBe('accepted');
    expect(post(base64(Buffer.from('<r>é</r>', 'latin1')))).toBe('encoding');
    expect(post(base64(Buffer.from('<r/>', 'utf16le')))).toBe('encoding');
    expect(post(base64(Buffer.from([0x3c, 0x72, 0xed, 0xa0, 0x80, 0x2f, 0x3e])))).toBe('encoding');
    expect(post(base64(Buffer.from([0x3c, 0xc1, 0xb2, 0x2f, 0x3e])))).toBe('encoding');
  });

  it('drops one byte order mark at the start', () => {
    expect(openPostMessage(base64('\ufeff<r/>'), new Verdicts())).toBe('<r/>');
    expect(post(base64('\ufeff\ufeff<r/>'))).toBe('encoding');
  });
});

describe('R13', () => {
  const longest = MESSAGE_LIMITS.bytes;
  const filled = (bytes: number) => `<r>${'x'.repeat(bytes - 7)}</r>`;

  it('takes messages up to the limit', () => {
    expect(post(base64(filled(longest)))).toBe('accepted');
    expect(post(base64(filled(longest + 1)))).toBe('size');
    expect(post('A'.repeat(10 * longest))).toBe('size');
    expect(redirect(deflated(filled(longest)))).toBe('accepted');
    expect(redirect(deflated(filled(longest + 1)))).toBe('size');
  });

  it('does not inflate a bomb', () => {
    expect(redirect(deflated(' '.repeat(200_000_000)))).toBe('size');
  });

  it('refuses what is no DEFLATE', () => {
    expect(redirect(base64('<r/>'))).toBe('encoding');
    expect(redirect(base64(deflateRawSync('<r/>').subarray(0, 3)))).toBe('encoding');
  });

  it('says how large a message was', () => {
    const verdicts = new Verdicts();
    guardXml(Buffer.from('<r/>'), MESSAGE_LIMITS, verdicts);
    expect(verdicts.list).toEqual([{ check: 'size', ok: true, expected: 'at most 262144 bytes', found: '4 bytes' }]);
  });
});
