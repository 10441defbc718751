import fc from 'fast-check';
import {
  isWithdrawn,
  planSamlKeys,
  signingAt,
  type SamlKeyOccasion,
  type SamlKeyRecord,
  type SamlKeySchedule,
} from './key-plan.js';

const DAY = 86_400;
const schedule: SamlKeySchedule = { publishBeforeSigning: 30 * DAY, signing: 365 * DAY, retention: 90 * DAY };
const start = new Date('2026-01-01T00:00:00Z');

function at(seconds: number): Date {
  return new Date(start.getTime() + seconds * 1000);
}

/** The table as the plans make it. */
class Table {
  rows: SamlKeyRecord[] = [];
  private count = 0;

  step(now: Date, occasion: SamlKeyOccasion = 'due', times = schedule): string | undefined {
    const plan = planSamlKeys(this.rows, times, now, occasion);
    const kept = this.rows
      .filter((row) => !plan.remove.includes(row.id))
      .map((row) => ({ ...row, ...plan.reschedule.find(({ id }) => id === row.id) }));
    const published = plan.publish && { ...plan.publish, id: `k${++this.count}` };
    this.rows = published === undefined ? kept : [...kept, published];
    return published?.id;
  }

  key(id: string): SamlKeyRecord {
    const found = this.rows.find((row) => row.id === id);
    if (found === undefined) throw new Error(`no ${id}`);
    return found;
  }

  signing(now: Date): string | undefined {
    return signingAt(this.rows, now)?.id;
  }

  isQuiet(now: Date): boolean {
    const plan = planSamlKeys(this.rows, schedule, now, 'due');
    return plan.publish === undefined && plan.reschedule.length + plan.remove.length === 0;
  }
}

describe('D40', () => {
  it('lets the first certificate sign at once, for its whole life', () => {
    const table = new Table();
    expect(table.step(start)).toBe('k1');
    expect(table.key('k1')).toMatchObject({
      signsFrom: start,
      signsUntil: at(365 * DAY),
      retiresAt: at(455 * DAY),
    });
    expect(table.isQuiet(start)).toBe(true);
  });

  it('publishes the next one before it signs, and lets the previous one decrypt after that', () => {
    const table = new Table();
    table.step(start);
    expect(table.step(at(335 * DAY - 1))).toBeUndefined();
    expect(table.step(at(335 * DAY))).toBe('k2');
    expect(table.signing(at(365 * DAY - 1))).toBe('k1');
    expect(table.signing(at(365 * DAY))).toBe('k2');
    expect(table.step(at(455 * DAY - 1))).toBeUndefined();
    expect(table.rows.map(({ id }) => id)).toEqual(['k1', 'k2']);
    table.step(at(455 * DAY));
    expect(table.rows.map(({ id }) => id)).toEqual(['k2']);
  });

  it('bridges a late successor with the certificate that IdPs know, also when it had ended', () => {
    const table = new Table();
    table.step(start);
    expect(table.step(at(400 * DAY))).toBe('k2');
    expect(table.signing(at(400 * DAY))).toBe('k1');
    expect(table.key('k1').signsUntil).toEqual(at(430 * DAY));
    expect(table.signing(at(430 * DAY))).toBe('k2');
  });

  it('signs on with what ended last while rotation is late, but never with what was withdrawn', () => {
    const table = new Table();
    table.step(start);
    expect(table.signing(at(365 * DAY))).toBe('k1');
    expect(table.signing(at(455 * DAY))).toBeUndefined();
    table.step(at(DAY), 'emergency');
    expect(signingAt([table.key('k1')], at(DAY))).toBeUndefined();
  });

  it('starts anew at once when everything has retired', () => {
    const table = new Table();
    table.step(start);
    expect(table.step(at(1000 * DAY))).toBe('k2');
    expect(table.signing(at(1000 * DAY))).toBe('k2');
  });

  it('takes a key that begins within moments for the first of an instance whose clock is ahead', () => {
    const table = new Table();
    table.step(at(30));
    expect(table.step(start)).toBeUndefined();
    expect(table.signing(start)).toBe('k1');
  });

  it('moves retirement out when keys are to decrypt longer, never in', () => {
    const table = new Table();
    table.step(start);
    table.step(at(1), 'due', { ...schedule, retention: 200 * DAY });
    expect(table.key('k1').retiresAt).toEqual(at(565 * DAY));
    table.step(at(2));
    expect(table.key('k1').retiresAt).toEqual(at(565 * DAY));
  });

  it('publishes a successor when asked, once while it waits', () => {
    const table = new Table();
    table.step(start);
    expect(table.step(at(DAY), 'successor')).toBe('k2');
    expect(table.key('k1').signsUntil).toEqual(at(31 * DAY));
    expect(table.step(at(2 * DAY), 'successor')).toBeUndefined();
    expect(table.step(at(32 * DAY), 'successor')).toBe('k3');
  });

  it('in an emergency signs with a new key at once and withdraws the others, which decrypt on', () => {
    const table = new Table();
    table.step(start);
    table.step(at(DAY), 'successor');
    const now = at(2 * DAY);
    expect(table.step(now, 'emergency')).toBe('k3');
    expect(table.signing(now)).toBe('k3');
    for (const id of ['k1', 'k2']) {
      expect(isWithdrawn(table.key(id))).toBe(true);
      expect(table.key(id).retiresAt).toEqual(at(92 * DAY));
    }
    expect(table.isQuiet(now)).toBe(true);
    expect(table.signing(at(40 * DAY))).toBe('k3');
    table.step(at(92 * DAY));
    expect(table.rows.map(({ id }) => id)).toEqual(['k3']);
  });

  it('always has a key that signs; each planned one is published long enough before; each decrypts long enough after', () => {
    const visit = fc.record({
      wait: fc.oneof(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 300 * DAY })),
      occasion: fc.constantFrom<SamlKeyOccasion>('due', 'due', 'due', 'due', 'successor', 'emergency'),
    });
    fc.assert(
      fc.property(fc.array(visit, { maxLength: 60 }), (visits) => {
        const table = new Table();
        const signedLast = new Map<string, Date>();
        let seconds = 0;
        table.step(start);
        for (const { wait, occasion } of visits) {
          const began = at(seconds);
          seconds += wait;
          const now = at(seconds);
          // What signed until just before the visit, at the ends of every key too.
          const moments = [began, ...table.rows.flatMap((row) => [row.signsFrom, new Date(+row.signsUntil - 1)])];
          for (const moment of moments.filter((one) => began <= one && one < now)) {
            const id = table.signing(moment);
            const before = id === undefined ? undefined : signedLast.get(id);
            if (id !== undefined && (before === undefined || before < moment)) signedLast.set(id, moment);
          }
          const known = new Set(table.rows.map((row) => row.id));
          const hadUsable = table.rows.some((row) => !isWithdrawn(row) && now < row.retiresAt);
          const fresh = table.step(now, occasion);
          expect(table.isQuiet(now)).toBe(true);
          expect(table.signing(now)).toBeDefined();
          if (fresh !== undefined) {
            const lead = (table.key(fresh).signsFrom.getTime() - now.getTime()) / 1000;
            expect(lead).toBe(occasion === 'emergency' || !hadUsable ? 0 : 30 * DAY);
          }
          for (const id of known) {
            const last = signedLast.get(id);
            if (table.rows.some((row) => row.id === id) || last === undefined) continue;
            expect(now.getTime() - last.getTime()).toBeGreaterThanOrEqual(90 * DAY * 1000);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never has a moment without a signing key while it is visited in time', () => {
    const gap = fc.integer({ min: 1, max: 29 * DAY });
    fc.assert(
      fc.property(fc.array(gap, { minLength: 30, maxLength: 80 }), (gaps) => {
        const table = new Table();
        table.step(start);
        let seconds = 0;
        for (const wait of gaps) {
          for (const moment of [seconds, seconds + wait / 2, seconds + wait - 1]) {
            expect(table.signing(at(moment))).toBeDefined();
          }
          seconds += wait;
          table.step(at(seconds));
        }
      }),
    );
  });
});
