import fc from 'fast-check';
import { isLoopbackHost, isPublicAddress } from './public-address.js';

/** An independent reading of the ranges: numbers compared with numbers. */
const privateV4: readonly (readonly [number, number])[] = [
  [0x00000000, 0x00ffffff],
  [0x0a000000, 0x0affffff],
  [0x64400000, 0x647fffff],
  [0x7f000000, 0x7fffffff],
  [0xa9fe0000, 0xa9feffff],
  [0xac100000, 0xac1fffff],
  [0xc0000000, 0xc00000ff],
  [0xc0000200, 0xc00002ff],
  [0xc0586300, 0xc05863ff],
  [0xc0a80000, 0xc0a8ffff],
  [0xc6120000, 0xc613ffff],
  [0xc6336400, 0xc63364ff],
  [0xcb007100, 0xcb0071ff],
  [0xe0000000, 0xffffffff],
];
const dotted = (n: number) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');
const hextets = (n: bigint) =>
  Array.from({ length: 8 }, (_, i) => ((n >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');
const v6Within = (prefix: bigint, bits: number) =>
  fc
    .bigInt({ min: 0n, max: (1n << BigInt(128 - bits)) - 1n })
    .map((rest) => hextets((prefix << BigInt(128 - bits)) | rest));

describe('R26 addresses', () => {
  it('agrees with the ranges over all of IPv4', () => {
    const nearEdges = fc
      .constantFrom(...privateV4.flat())
      .chain((edge) => fc.integer({ min: edge - 2, max: edge + 2 }));
    const any = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), nearEdges).filter((n) => n >= 0 && n <= 0xffffffff);
    fc.assert(
      fc.property(any, (n) => {
        const inside = privateV4.some(([first, last]) => n >= first && n <= last);
        expect(isPublicAddress(dotted(n))).toBe(!inside);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['unique local fc00::/7', 0xfcn >> 1n, 7],
    ['link-local fe80::/10', 0xfe80n >> 6n, 10],
    ['site-local fec0::/10', 0xfec0n >> 6n, 10],
    ['multicast ff00::/8', 0xffn, 8],
    ['IPv4-mapped ::ffff:0:0/96', 0xffffn, 96],
    ['IPv4-compatible ::/96', 0n, 96],
    ['NAT64 64:ff9b::/96', 0x0064ff9bn << 64n, 96],
    ['discard 100::/64', 0x0100n << 48n, 64],
    ['Teredo 2001::/32', 0x20010000n, 32],
    ['documentation 2001:db8::/32', 0x20010db8n, 32],
    ['6to4 2002::/16', 0x2002n, 16],
    ['unassigned 4000::/3', 2n, 3],
  ])('refuses all of %s', (_name, prefix, bits) => {
    fc.assert(fc.property(v6Within(prefix, bits), (address) => expect(isPublicAddress(address)).toBe(false)));
  });

  it('accepts ordinary global unicast', () => {
    fc.assert(fc.property(v6Within(0x2a00n, 16), (address) => expect(isPublicAddress(address)).toBe(true)));
    expect(isPublicAddress('2606:4700:4700::1111')).toBe(true);
    expect(isPublicAddress('1.1.1.1')).toBe(true);
  });

  it.each(['', 'localhost', 'example.com', '::1', '::', '::ffff:8.8.8.8', '2606:4700::1%eth0', '1.1.1', '0x7f.1'])(
    'refuses %j',
    (address) => expect(isPublicAddress(address)).toBe(false),
  );

  it('knows loopback hosts from others', () => {
    for (const host of ['localhost', 'LOCALHOST', 'app.localhost', '127.0.0.1', '127.9.9.9', '[::1]', '::1']) {
      expect([host, isLoopbackHost(host)]).toEqual([host, true]);
    }
    for (const host of ['localhost.evil.test', 'notlocalhost', '10.0.0.1', '[::2]', '128.0.0.1', '']) {
      expect([host, isLoopbackHost(host)]).toEqual([host, false]);
    }
  });
});
