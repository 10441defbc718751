import { InProcessTransientStore } from './in-process-store.js';
import { StoreUnavailable } from './transient-store.js';

describe('the in-process store', () => {
  let now: number;
  let store: InProcessTransientStore;

  beforeEach(() => {
    now = 1_000_000;
    store = new InProcessTransientStore({ now: () => now, log: () => undefined, maxEntries: 100 });
  });
  afterEach(() => store.close());

  it('forgets expired entries that nobody asks for again', async () => {
    for (let i = 0; i < 50; i++) await store.set(`old:${i}`, 'x', 1_000);
    now += 1_000;
    expect(store.size).toBe(50);
    store.sweep();
    expect(store.size).toBe(0);
  });

  it('cleans as it writes, so that a burst does not wait for the timer', async () => {
    for (let i = 0; i < 50; i++) await store.set(`old:${i}`, 'x', 1_000);
    now += 1_000;
    for (let i = 0; i < 10; i++) await store.set(`new:${i}`, 'x', 1_000);
    expect(store.size).toBe(10);
  });

  it('refuses a new entry when it is full of live ones: dropping one could make a used code good again', async () => {
    for (let i = 0; i < 100; i++) await store.set(`live:${i}`, 'x', 1_000);
    await expect(store.set('one more', 'x', 1_000)).rejects.toThrow(StoreUnavailable);
    await expect(store.increment('one more', 1_000)).rejects.toThrow(StoreUnavailable);
    await store.set('live:0', 'replaced', 1_000);
    expect(await store.get('live:0')).toBe('replaced');
    now += 1_000;
    await store.set('one more', 'x', 1_000);
    expect(await store.get('one more')).toBe('x');
  });

  it('does not run a subscriber inside its publisher', async () => {
    let heard = false;
    await store.subscribe('channel', () => (heard = true));
    await store.publish('channel', 'message');
    expect(heard).toBe(false);
    await new Promise(setImmediate);
    expect(heard).toBe(true);
  });
});
