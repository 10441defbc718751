import { faultsOf, faultyKeys, load } from './load-for-spec.js';

const key = (fill: string): string => Buffer.alloc(32, fill).toString('base64url');

describe('GATEHOUSE_MASTER_KEYS', () => {
  it('holds 32-byte keys with their ids, newest first', () => {
    const { masterKeys } = load({ GATEHOUSE_MASTER_KEYS: `2026-b:${key('b')}, 2026-a:${key('a')}` });
    expect(masterKeys.map(({ id }) => id)).toEqual(['2026-b', '2026-a']);
    expect(masterKeys[0]?.key.reveal()).toEqual(Buffer.alloc(32, 'b'));
  });

  it.each([
    ['no id', key('a')],
    ['an empty id', `:${key('a')}`],
    ['an id with a dot', `a.b:${key('a')}`],
    ['31 bytes', `a:${Buffer.alloc(31, 'a').toString('base64url')}`],
    ['33 bytes', `a:${Buffer.alloc(33, 'a').toString('base64url')}`],
    ['padding', `a:${Buffer.alloc(32, 'a').toString('base64')}`],
    ['plain base64', `a:${Buffer.alloc(32, 0xff).toString('base64').slice(0, 43)}`],
    ['hexadecimal', `a:${Buffer.alloc(32, 'a').toString('hex')}`],
    ['bits after the last byte', `a:${key('a').slice(0, 42)}F`],
  ])('refuses %s', (_, value) => {
    expect(faultsOf({ GATEHOUSE_MASTER_KEYS: `good:${key('g')},${value}` })).toEqual([
      { key: 'GATEHOUSE_MASTER_KEYS', message: expect.stringMatching(/^entry 2: must be id:key/) },
    ]);
  });

  it('refuses one id for two keys, and one key under two ids', () => {
    expect(faultyKeys({ GATEHOUSE_MASTER_KEYS: `a:${key('1')},a:${key('2')}` })).toEqual(['GATEHOUSE_MASTER_KEYS']);
    expect(faultyKeys({ GATEHOUSE_MASTER_KEYS: `a:${key('1')},b:${key('1')}` })).toEqual(['GATEHOUSE_MASTER_KEYS']);
  });
});

describe('TRUST_PROXY', () => {
  it.each([
    ['0', undefined],
    ['1', 1],
    ['20', 20],
    ['loopback', ['127.0.0.0/8', '::1/128']],
    ['10.0.0.1', ['10.0.0.1']],
    ['10.0.0.0/8, fd00::/8 ,loopback', ['10.0.0.0/8', 'fd00::/8', '127.0.0.0/8', '::1/128']],
  ])('%s', (value, expected) => {
    expect(load({ TRUST_PROXY: value }).trustProxy).toEqual(expected);
  });

  it.each([
    'true',
    '21',
    '-1',
    '1.5',
    'proxy.internal',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.1,',
    '0x7f.1',
  ])('refuses %s', (value) => {
    expect(faultyKeys({ TRUST_PROXY: value })).toEqual(['TRUST_PROXY']);
  });

  it.each(['0.0.0.0/0', '::/0'])('refuses %s: whoever trusts everyone lets everyone forge an address', (value) => {
    expect(faultyKeys({ TRUST_PROXY: value })).toEqual(['TRUST_PROXY']);
  });

  it('may be a number or a list in the file', () => {
    expect(load({}, 'trust_proxy: 2').trustProxy).toBe(2);
    expect(load({}, 'trust_proxy: []').trustProxy).toBeUndefined();
    expect(faultyKeys({}, 'trust_proxy: [10.0.0.1, 5]')).toEqual(['trust_proxy']);
    expect(faultyKeys({}, 'trust_proxy: true')).toEqual(['trust_proxy']);
  });
});
