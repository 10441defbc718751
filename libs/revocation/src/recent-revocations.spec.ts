import fc from 'fast-check';
import { NOTHING, RecentRevocations } from './recent-revocations.js';

const entry = fc.record({
  subject: fc.constantFrom('user:a', 'user:b', 'session:c'),
  generation: fc.integer({ min: 0, max: 9 }),
  expiresAtMs: fc.integer({ min: 0, max: 1000 }),
});

describe('D20 what a process has seen', () => {
  it('keeps the highest generation and the latest end of each subject, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), fc.integer({ min: 0, max: 9 }), (entries, claimed) => {
        const recent = new RecentRevocations();
        for (const one of entries) recent.add(one);
        for (const subject of ['user:a', 'user:b', 'session:c']) {
          const known = entries.filter((one) => one.subject === subject);
          const highest = Math.max(-1, ...known.map((one) => one.generation));
          expect(recent.stale([{ subject, generation: claimed }])).toEqual(highest > claimed ? [subject] : []);
        }
      }),
    );
  });

  it('says of an entry whether it told something new', () => {
    const recent = new RecentRevocations();
    expect(recent.add({ subject: 'user:a', generation: 2, expiresAtMs: 50 })).toBe(true);
    expect(recent.add({ subject: 'user:a', generation: 2, expiresAtMs: 50 })).toBe(false);
    expect(recent.add({ subject: 'user:a', generation: 1, expiresAtMs: 49 })).toBe(false);
    expect(recent.add({ subject: 'user:a', generation: 1, expiresAtMs: 60 })).toBe(true);
    expect(recent.add({ subject: 'user:a', generation: 3, expiresAtMs: 10 })).toBe(true);
  });

  it('forgets only what has expired', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), fc.integer({ min: 0, max: 1000 }), (entries, now) => {
        const recent = new RecentRevocations();
        for (const one of entries) recent.add(one);
        recent.prune(now);
        const living = new Set(entries.filter((one) => one.expiresAtMs > now).map((one) => one.subject));
        expect(recent.size).toBe(living.size);
        for (const subject of living) {
          const highest = Math.max(...entries.filter((one) => one.subject === subject).map((one) => one.generation));
          expect(recent.stale([{ subject, generation: highest - 1 }])).toEqual([subject]);
        }
      }),
    );
  });

  it('answers the usual question without allocating', () => {
    expect(new RecentRevocations().stale([{ subject: 'user:a', generation: 0 }])).toBe(NOTHING);
  });
});
