import { Writable } from 'node:stream';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { GatehouseConfig } from '@app/config';
import { developmentLine } from './development-line.js';
import { loggedError } from './redaction.js';

/** The process's log and the way to get its last lines out. */
export interface Log {
  readonly logger: Logger;
  /**
   * Writes a finished JSON line past the logger; absent where lines are made readable. For the one line that every
   * request costs: it is put together for a fifth of what the logger needs for any object.
   */
  readonly writeLine?: (line: string) => void;
  /** Writes what is buffered, at once. For the last moment of a process. */
  flush(): void;
}

const OPTIONS = {
  base: undefined,
  serializers: { err: loggedError },
} as const;

/** For people: one readable line an entry, at once, so that nothing is lost when a developer's process dies. */
function developmentDestination(output: NodeJS.WritableStream): DestinationStream {
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      output.write(developmentLine(chunk.toString()), () => done());
    },
  });
}

/** Request lines leave together: one write for many costs a fraction of one write for each. */
const BUFFERED_BYTES = 8_192;
const LONGEST_WAIT_MS = 500;

/**
 * Readable lines on a developer's terminal, JSON lines everywhere else. JSON lines wait up to half a second for company
 * and never for the reader of the pipe; `flush` brings the last ones out.
 */
export function openLog(config: Pick<GatehouseConfig, 'production' | 'logLevel'>): Log {
  if (!config.production && process.stdout.isTTY) {
    const logger = pino({ ...OPTIONS, level: config.logLevel }, developmentDestination(process.stdout));
    return { logger, flush: () => undefined };
  }
  const destination = pino.destination({ dest: 1, sync: false, minLength: BUFFERED_BYTES });
  setInterval(() => destination.flush(), LONGEST_WAIT_MS).unref();
  const logger = pino({ ...OPTIONS, level: config.logLevel }, destination);
  return {
    logger,
    writeLine: (line) => void destination.write(line),
    flush: () => {
      try {
        destination.flushSync();
      } catch {
        // The descriptor was never opened or is closed already: there is nobody left to write to.
      }
    },
  };
}
