/** How long the last requests and the stores get to end before the process goes without them. */
const SHUTDOWN_DEADLINE_MS = 10_000;

/** What ending the process consists of. */
export interface Ending {
  /** Ends everything once; may reject. */
  close(): Promise<void>;
  report(level: 'info' | 'error', message: string, error?: unknown): void;
}

/**
 * SIGINT and SIGTERM end the process cleanly, exit code 0; the second one ends it at once, and so does a close that
 * takes too long, exit code 1.
 */
export function endOnSignals({ close, report }: Ending): void {
  let ending = false;
  const end = (signal: NodeJS.Signals) => {
    if (ending) {
      report('error', `${signal} again: ending at once`);
      process.exit(1);
    }
    ending = true;
    report('info', `${signal}: finishing what is under way`);
    setTimeout(() => {
      report('error', 'Not finished in time: ending at once');
      process.exit(1);
    }, SHUTDOWN_DEADLINE_MS).unref();
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        report('error', 'Something failed while closing', error);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}
