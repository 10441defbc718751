import { LocalWindows } from './local-windows.js';

describe('D57 counters of one process', () => {
  it('end with their window', () => {
    const windows = new LocalWindows(10);
    expect(windows.add('a', 100, 0).count).toBe(1);
    expect(windows.add('a', 100, 99).count).toBe(2);
    expect(windows.find('a', 100)).toBeUndefined();
    expect(windows.add('a', 100, 100)).toEqual({ count: 1, endsAt: 200 });
  });

  it('take over a shared count, but not one that came late', () => {
    const windows = new LocalWindows(10);
    windows.learn('a', 5, 60_000, 0);
    expect(windows.learn('a', 3, 60_010, 1).count).toBe(5);
    expect(windows.learn('a', 9, 60_010, 1).count).toBe(9);
    expect(windows.learn('a', 1, 120_000, 2)).toEqual({ count: 1, endsAt: 120_000 });
  });

  it('never hold more keys than they may, and drop the oldest', () => {
    const windows = new LocalWindows(3);
    for (const key of ['a', 'b', 'c', 'd']) windows.add(key, 100, 0);
    expect(windows.size).toBe(3);
    expect(windows.find('a', 1)).toBeUndefined();
    expect(windows.find('d', 1)?.count).toBe(1);
  });
});
