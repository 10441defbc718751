import type { Result } from 'ioredis';

/**
 * The server-side halves of the atomic operations. Each takes its key as first argument and a fixed number of keys:
 * with a variable number ioredis routes an autopipelined script by the count, not by the key.
 */
export const SCRIPTS = {
  /** counter · window in ms · by how much → count, ms left. A counter without expiry (someone's PERSIST) gets its window back. */
  gthIncrement: {
    numberOfKeys: 1,
    lua: `
      local count = redis.call('INCRBY', KEYS[1], ARGV[2])
      local left = redis.call('PTTL', KEYS[1])
      if left < 0 then
        left = tonumber(ARGV[1])
        redis.call('PEXPIRE', KEYS[1], ARGV[1])
      end
      return { count, left }`,
  },
  /** key · expected value → 1 when it was deleted. */
  gthCompareAndDelete: {
    numberOfKeys: 1,
    lua: `
      if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
      return 0`,
  },
  /** entry · generation · ms to live. Neither the generation nor the end of life ever falls (D20). */
  gthRaise: {
    numberOfKeys: 1,
    lua: `
      local generation, life = ARGV[1], tonumber(ARGV[2])
      local known = redis.call('GET', KEYS[1])
      if known then
        if tonumber(known) > tonumber(generation) then generation = known end
        life = math.max(life, redis.call('PTTL', KEYS[1]))
      end
      redis.call('SET', KEYS[1], generation, 'PX', string.format('%.0f', life))
      return 1`,
  },
  /** marker → INFO of the very server that holds it, the marker. Through the key, so a cluster asks the owner. */
  gthDescribe: {
    numberOfKeys: 1,
    lua: `return { redis.call('INFO'), redis.call('GET', KEYS[1]) }`,
  },
  /** warming key, marker key · nonce · marker → 1 when the nonce survived and the marker is set. */
  gthSeal: {
    numberOfKeys: 2,
    lua: `
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
      redis.call('SET', KEYS[2], ARGV[2])
      redis.call('DEL', KEYS[1])
      return 1`,
  },
} as const;

declare module 'ioredis' {
  interface RedisCommander<Context> {
    gthIncrement(key: string, windowMs: number, by: number): Result<[number, number], Context>;
    gthCompareAndDelete(key: string, expected: string): Result<number, Context>;
    gthRaise(key: string, generation: number, lifeMs: number): Result<number, Context>;
    gthDescribe(markerKey: string): Result<[string, string | null], Context>;
    gthSeal(warmingKey: string, markerKey: string, nonce: string, marker: string): Result<number, Context>;
  }
}
