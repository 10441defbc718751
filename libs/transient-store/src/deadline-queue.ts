interface Entry {
  /** By `performance.now()`. */
  readonly due: number;
  readonly late: () => void;
}

/**
 * Deadlines that are all equally far away, behind one timer: they end in the order in which they began, so only the
 * first needs one. A timer of its own for each Redis command costs more than the command.
 */
export class DeadlineQueue {
  private readonly entries = new Set<Entry>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly timeoutMs: number) {}

  /** Calls `late` once `timeoutMs` have passed, unless the function it answers was called before. */
  begin(late: () => void): () => void {
    const entry: Entry = { due: performance.now() + this.timeoutMs, late };
    this.entries.add(entry);
    this.timer ??= this.wake(this.timeoutMs);
    return () => void this.entries.delete(entry);
  }

  private wake(delayMs: number): NodeJS.Timeout {
    // One turn of the event loop later: after a stall of our own the answer may be waiting in the socket.
    return setTimeout(() => setImmediate(() => this.expire()), delayMs).unref();
  }

  private expire(): void {
    this.timer = undefined;
    const now = performance.now();
    for (const entry of this.entries) {
      if (entry.due > now) {
        this.timer = this.wake(entry.due - now);
        return;
      }
      this.entries.delete(entry);
      entry.late();
    }
  }
}
