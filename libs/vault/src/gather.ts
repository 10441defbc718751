interface Waiting<In, Out> {
  readonly input: In;
  readonly resolve: (output: Out) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Makes one statement of many that come at about the same time: what arrives while `lanes` statements are under way is
 * taken together by the next. So a single one waits for nothing, and thousands share round trips and commits.
 *
 * @param run one statement for all inputs; answers one output for each, in their order. When it fails all of them fail,
 *   but for faults that are one input's own.
 */
export class Gather<In, Out> {
  private readonly waiting: Waiting<In, Out>[] = [];
  private running = 0;
  private scheduled = false;

  constructor(
    private readonly run: (inputs: readonly In[]) => Promise<readonly Out[]>,
    private readonly lanes = 2,
    private readonly most = 64,
    /** Whether a fault is one input's own: then each is tried alone, and only that one fails. */
    private readonly isOnes: (error: unknown) => boolean = () => false,
  ) {}

  submit(input: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ input, resolve, reject });
      // After the events at hand, so that what they bring together goes together.
      if (this.scheduled) return;
      this.scheduled = true;
      setImmediate(() => {
        this.scheduled = false;
        this.start();
      });
    });
  }

  private start(): void {
    while (this.running < this.lanes && this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.most);
      this.running += 1;
      void this.settle(batch).finally(() => {
        this.running -= 1;
        this.start();
      });
    }
  }

  private async settle(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const outputs = await this.run(batch.map(({ input }) => input));
      batch.forEach(({ resolve }, index) => resolve(outputs[index] as Out));
    } catch (error) {
      if (batch.length > 1 && this.isOnes(error)) for (const one of batch) await this.settle([one]);
      else for (const { reject } of batch) reject(error);
    }
  }
}
