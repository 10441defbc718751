import fc from 'fast-check';
import { openSuccessor, sealSuccessor } from './successor-seal.js';
import { mintOpaqueToken } from '@app/oauth2';

const token = () => mintOpaqueToken('rt');

describe('D13 the seal of a successor', () => {
  it('opens for its predecessor and for no other token', () => {
    const [predecessor, successor, stranger] = [token(), token(), token()];
    const sealed = sealSuccessor(successor, predecessor);
    expect(openSuccessor(sealed, predecessor)).toBe(successor);
    expect(() => openSuccessor(sealed, stranger)).toThrow();
    expect(() => openSuccessor(sealed, successor)).toThrow();
  });

  it('shows nothing of what is inside', () => {
    const [predecessor, successor] = [token(), token()];
    const sealed = sealSuccessor(successor, predecessor);
    expect(sealed.includes(successor)).toBe(false);
    expect(sealed.includes(successor.slice(-12))).toBe(false);
    expect(sealed.includes(predecessor)).toBe(false);
    expect(sealSuccessor(successor, predecessor).equals(sealed)).toBe(false);
  });

  it('does not open when any bit of it was changed, or the end is missing', () => {
    const predecessor = token();
    const sealed = sealSuccessor(token(), predecessor);
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
        const forged = Buffer.from(sealed);
        const at = bit >> 3;
        forged.writeUInt8(forged.readUInt8(at) ^ (1 << (bit & 7)), at);
        expect(() => openSuccessor(forged, predecessor)).toThrow();
      }),
    );
    for (const length of [0, 11, 12, 27, 28, sealed.length - 1])
      expect(() => openSuccessor(sealed.subarray(0, length), predecessor)).toThrow();
  });
});
