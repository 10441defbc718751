import * as fc from 'fast-check';
import { parseRedisUrl } from './redis-url.js';

const nobody = { username: undefined, password: undefined };

describe('Redis URLs', () => {
  it('reads one host, with the usual defaults', () => {
    expect(parseRedisUrl('redis://cache')).toEqual({
      kind: 'tcp',
      address: { host: 'cache', port: 6379 },
      tls: false,
      login: nobody,
      db: 0,
    });
  });

  it('reads user, password, port and database; rediss means TLS', () => {
    expect(parseRedisUrl('rediss://app:p%40ss%2F@cache.example.com:6380/3')).toEqual({
      kind: 'tcp',
      address: { host: 'cache.example.com', port: 6380 },
      tls: true,
      login: { username: 'app', password: 'p@ss/' },
      db: 3,
    });
  });

  it('reads a password without a user', () => {
    expect(parseRedisUrl('redis://:secret@cache').login).toEqual({ username: undefined, password: 'secret' });
  });

  it.each(['unix:///run/redis.sock?db=2', 'redis+unix:///run/redis.sock?db=2'])('reads a socket: %s', (url) => {
    expect(parseRedisUrl(url)).toEqual({ kind: 'unix', path: '/run/redis.sock', login: nobody, db: 2 });
  });

  it('reads Sentinels, the name they know the primary by, and their own password', () => {
    expect(parseRedisUrl('redis+sentinel://:pw@s1:26379,s2,[::1]:26381/main?db=1&sentinel_password=other')).toEqual({
      kind: 'sentinel',
      sentinels: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 26_379 },
        { host: '::1', port: 26_381 },
      ],
      name: 'main',
      tls: false,
      login: { username: undefined, password: 'pw' },
      sentinelLogin: { username: undefined, password: 'other' },
      db: 1,
    });
  });

  it('reads the nodes of a cluster', () => {
    expect(parseRedisUrl('rediss+cluster://c1:7000,c2:7001')).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'c1', port: 7000 },
        { host: 'c2', port: 7001 },
      ],
      tls: true,
      login: nobody,
    });
  });

  it.each([
    ['localhost:6379', 'not a Redis URL'],
    ['http://cache', 'the scheme "http" is unknown'],
    ['redis://', 'the host is missing'],
    ['redis://a,b', 'several hosts need'],
    ['redis://cache:99999', 'a port is not between'],
    ['redis://cache/one', 'the database must be a number'],
    ['redis://cache/1?db=2', 'named twice'],
    ['redis://cache?dbb=1', 'the parameter "dbb" is unknown'],
    ['unix://run/redis.sock', 'three slashes'],
    ['unix:///', 'the path of the socket is missing'],
    ['redis+sentinel://s1,s2', 'the name of the primary'],
    ['redis+sentinel:///main', 'the addresses of the Sentinels'],
    ['redis+cluster://', 'the addresses of the cluster nodes'],
    ['redis+cluster://c1?db=1', 'only database 0'],
    ['redis://:%zz@cache', 'a percent-encoding is broken'],
  ])('refuses %s', (url, words) => {
    expect(() => parseRedisUrl(url)).toThrow(words);
  });

  it('never shows the password that a broken URL holds', () => {
    for (const url of ['redis://:hunter2/@cache', 'redix://:hunter2@cache', 'redis://:hunter2@cache:0', 'hunter2']) {
      expect(() => parseRedisUrl(url)).toThrow(/^(?!.*hunter2)REDIS_URL: /);
    }
  });

  it('gives back any login that was percent-encoded', () => {
    const word = fc.string({ minLength: 1, unit: 'grapheme' });
    fc.assert(
      fc.property(word, word, (username, password) => {
        const url = `redis://${encodeURIComponent(username)}:${encodeURIComponent(password)}@cache`;
        expect(parseRedisUrl(url).login).toEqual({ username, password });
      }),
    );
  });
});
