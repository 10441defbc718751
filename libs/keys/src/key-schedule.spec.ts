import fc from 'fast-check';
import { planRotation, type KeyLane, type KeySchedule, type RotationOccasion } from './key-schedule.js';
import type { KeyRecord } from './signing-key.js';

const DAY = 86_400;
const schedule: KeySchedule = { publishBeforeSigning: DAY, signing: 30 * DAY, longestToken: 960 };
const access: KeyLane = { purpose: 'access', algorithm: 'ES256' };
const id: KeyLane = { purpose: 'id', algorithm: 'RS256' };
const start = new Date('2026-01-01T00:00:00Z');

function at(seconds: number): Date {
  return new Date(start.getTime() + seconds * 1000);
}

/** The table as the plans make it. */
class Table {
  rows: KeyRecord[] = [];
  private count = 0;

  constructor(public lanes: readonly KeyLane[] = [access]) {}

  step(now: Date, occasion: RotationOccasion = 'due', times = schedule): { published: string[]; removed: string[] } {
    const plan = planRotation(this.rows, this.lanes, times, now, occasion);
    const published = plan.publish.map((key) => ({ ...key, kid: `k${++this.count}` }));
    this.rows = [
      ...this.rows
        .filter((row) => !plan.remove.includes(row.kid))
        .map((row) =>
          Object.assign(
            {},
            row,
            plan.reschedule.find(({ kid }) => kid === row.kid),
          ),
        ),
      ...published,
    ];
    return { published: published.map(({ kid }) => kid), removed: [...plan.remove] };
  }

  key(kid: string): KeyRecord {
    const found = this.rows.find((row) => row.kid === kid);
    if (found === undefined) throw new Error(`no ${kid}`);
    return found;
  }

  isQuiet(now: Date): boolean {
    const plan = planRotation(this.rows, this.lanes, schedule, now, 'due');
    return plan.publish.length + plan.reschedule.length + plan.remove.length === 0;
  }
}

describe('D40', () => {
  it('lets the first key sign at once, for thirty days', () => {
    const table = new Table();
    expect(table.step(start).published).toEqual(['k1']);
    expect(table.key('k1')).toMatchObject({
      createdAt: start,
      signsFrom: start,
      signsUntil: at(30 * DAY),
      retiresAt: at(30 * DAY + 960),
    });
    expect(table.isQuiet(start)).toBe(true);
  });

  it('publishes the successor exactly the publication time before the end, and not earlier', () => {
    const table = new Table();
    table.step(start);
    expect(table.step(at(29 * DAY - 1)).published).toEqual([]);
    expect(table.step(at(29 * DAY)).published).toEqual(['k2']);
    expect(table.key('k2')).toMatchObject({
      createdAt: at(29 * DAY),
      signsFrom: at(30 * DAY),
      signsUntil: at(60 * DAY),
    });
    expect(table.isQuiet(at(29 * DAY))).toBe(true);
  });

  it('bridges a late successor: the old key signs until the new one has been published long enough', () => {
    const table = new Table();
    table.step(start);
    table.step(at(29.5 * DAY));
    expect(table.key('k2').signsFrom).toEqual(at(30.5 * DAY));
    expect(table.key('k1').signsUntil).toEqual(at(30.5 * DAY + 60));
    expect(table.key('k1').retiresAt).toEqual(at(30.5 * DAY + 60 + 960));
  });

  it('removes a key when its last token has ended', () => {
    const table = new Table();
    table.step(start);
    table.step(at(29 * DAY));
    const { retiresAt } = table.key('k1');
    expect(retiresAt).toEqual(at(30 * DAY + 60 + 960));
    expect(table.step(new Date(retiresAt.getTime() - 1)).removed).toEqual([]);
    expect(table.step(retiresAt).removed).toEqual(['k1']);
  });

  it('starts anew at once when everything has retired', () => {
    const table = new Table();
    table.step(start);
    expect(table.step(at(365 * DAY))).toEqual({ published: ['k2'], removed: ['k1'] });
    expect(table.key('k2').signsFrom).toEqual(at(365 * DAY));
  });

  it('signs at once in an algorithm that had no key; the old one ends by itself', () => {
    const table = new Table([access, id]);
    table.step(start);
    table.lanes = [{ purpose: 'access', algorithm: 'EdDSA' }, id];
    expect(table.step(at(DAY)).published).toEqual(['k3']);
    expect(table.key('k3')).toMatchObject({ algorithm: 'EdDSA', signsFrom: at(DAY) });
    expect(table.key('k1').signsUntil).toEqual(at(30 * DAY));
    table.step(at(30 * DAY + 960));
    expect(table.rows.map((row) => row.algorithm)).not.toContain('ES256');
  });

  it('takes a key that begins within moments for the first key of an instance whose clock is ahead', () => {
    const table = new Table();
    table.step(at(30));
    expect(table.step(start).published).toEqual([]);
  });

  it('moves retirement out when tokens may live longer than before, never in', () => {
    const table = new Table();
    table.step(start);
    table.step(at(1), 'due', { ...schedule, longestToken: 7200 });
    expect(table.key('k1').retiresAt).toEqual(at(30 * DAY + 7200));
    table.step(at(2), 'due', schedule);
    expect(table.key('k1').retiresAt).toEqual(at(30 * DAY + 7200));
  });

  describe('asked for a successor', () => {
    it('publishes it at once, and once only while it waits', () => {
      const table = new Table();
      table.step(start);
      expect(table.step(at(DAY), 'successor').published).toEqual(['k2']);
      expect(table.key('k2').signsFrom).toEqual(at(2 * DAY));
      expect(table.key('k1').signsUntil).toEqual(at(2 * DAY + 60));
      expect(table.step(at(DAY), 'successor').published).toEqual([]);
      expect(table.step(at(3 * DAY), 'successor').published).toEqual(['k3']);
    });
  });

  describe('in an emergency', () => {
    it('signs with a new key, throws away the waiting one, and stops all others, also of former algorithms', () => {
      const table = new Table();
      table.step(start);
      table.lanes = [{ purpose: 'access', algorithm: 'EdDSA' }];
      table.step(at(DAY));
      table.step(at(2 * DAY), 'successor');
      expect(table.rows).toHaveLength(3);
      const now = at(2 * DAY + 10);
      expect(table.step(now, 'emergency')).toEqual({ published: ['k4'], removed: ['k3'] });
      expect(table.key('k4').signsFrom).toEqual(now);
      for (const kid of ['k1', 'k2']) {
        expect(table.key(kid).signsUntil).toEqual(at(2 * DAY + 70));
        expect(table.key(kid).retiresAt).toEqual(at(2 * DAY + 70 + 960));
      }
      expect(table.isQuiet(now)).toBe(true);
    });
  });

  it('always has a key that signs, gives every planned one its publication time, and retires none too early', () => {
    const visit = fc.record({
      wait: fc.oneof(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 40 * DAY })),
      occasion: fc.constantFrom<RotationOccasion>('due', 'due', 'due', 'due', 'successor', 'emergency'),
    });
    fc.assert(
      fc.property(fc.array(visit, { maxLength: 60 }), (visits) => {
        const table = new Table([access, id]);
        let seconds = 0;
        table.step(start);
        for (const { wait, occasion } of visits) {
          seconds += wait;
          const now = at(seconds);
          const before = new Set(table.rows.map((row) => row.kid));
          table.step(now, occasion);
          expect(table.isQuiet(now)).toBe(true);
          for (const lane of table.lanes) {
            const rows = table.rows.filter((row) => row.purpose === lane.purpose);
            expect(rows.some((row) => row.signsFrom <= now && now < row.signsUntil)).toBe(true);
            const fresh = rows.filter((row) => !before.has(row.kid));
            expect(fresh.length).toBeLessThanOrEqual(1);
            for (const row of fresh) {
              const lead = (row.signsFrom.getTime() - now.getTime()) / 1000;
              const others = rows.length > 1 && occasion !== 'emergency';
              expect(lead).toBe(others ? DAY : 0);
            }
            for (const row of rows) {
              expect(row.retiresAt.getTime() - row.signsUntil.getTime()).toBeGreaterThanOrEqual(960_000);
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
