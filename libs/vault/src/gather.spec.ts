import fc from 'fast-check';
import { Gather } from './gather.js';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Gather', () => {
  it('gives everybody the output of his own input, however they are gathered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer(), { maxLength: 300 }), async (inputs) => {
        const sizes: number[] = [];
        const gather = new Gather<number, number>(
          async (batch) => {
            sizes.push(batch.length);
            await tick();
            return batch.map((n) => n * 2);
          },
          2,
          16,
        );
        await expect(Promise.all(inputs.map((n) => gather.submit(n)))).resolves.toEqual(inputs.map((n) => n * 2));
        expect(sizes.every((size) => size <= 16)).toBe(true);
        expect(sizes.length).toBe(Math.ceil(inputs.length / 16));
      }),
      { numRuns: 30 },
    );
  });

  it('a fault that is one input’s own fails that one alone', async () => {
    const gather = new Gather<number, number>(
      async (batch) => {
        if (batch.includes(3)) throw new Error('three');
        return batch;
      },
      2,
      64,
      () => true,
    );
    const all = await Promise.allSettled([1, 2, 3, 4].map((n) => gather.submit(n)));
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('a statement that fails fails those in it, and nobody after', async () => {
    let fails = true;
    const gather = new Gather<number, number>(async (batch) => {
      if (fails) throw new Error('away');
      return batch;
    });
    const first = await Promise.allSettled([gather.submit(1), gather.submit(2)]);
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fails = false;
    await expect(gather.submit(3)).resolves.toBe(3);
  });
});
