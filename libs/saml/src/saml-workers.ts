import { Inject, Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { GATEHOUSE_CONFIG, type GatehouseConfig, type SamlSettings } from '@app/config';
import { Piscina } from 'piscina';
import type { IdpDescription } from './metadata/idp-description.js';
import type { LogoutFacts, ResponseFacts } from './message-facts.js';
import {
  VerifierBusy,
  type LogoutJob,
  type MessageHint,
  type ResponseJob,
  type SamlVerifier,
  type Verified,
} from './saml-verifier.js';
import type { Task } from './verification/worker.js';

/** Injection token of the URL of the file that a worker runs; specs run the sources, which a thread cannot load by itself. */
export const SAML_WORKER_FILE = Symbol('SamlWorkerFile');

export const COMPILED_WORKER_FILE = new URL('./verification/worker.js', import.meta.url);

/** A worker that had nothing to do for so long ends; an installation without SAML logins has none. */
const IDLE_MS = 60_000;

/** How much worse the priority of a worker is than the event loop's: where they share a core, tokens go first. */
const NICE = 10;

/**
 * Verifies in threads of their own, so that XML, RSA and whoever floods the ACS take no time from the event loop (R13).
 * When all are busy and the queue is full, or a message takes too long (its wait included), callers get
 * {@link VerifierBusy}; the thread of the one that took too long is ended.
 */
@Injectable()
export class SamlWorkers implements SamlVerifier, OnModuleDestroy {
  private readonly logger = new Logger(SamlWorkers.name);
  private readonly pool: Piscina<Task, unknown>;
  private readonly settings: Pick<SamlSettings, 'workers' | 'queueLimit' | 'verificationTimeoutMs'>;
  private running = 0;
  /** Called in turn as workers become free. Piscina's own queue knows no limit for tasks that have a signal. */
  private readonly waiting: (() => void)[] = [];

  constructor(
    @Inject(GATEHOUSE_CONFIG) config: Pick<GatehouseConfig, 'saml'>,
    @Inject(SAML_WORKER_FILE) workerFile: URL,
  ) {
    this.settings = config.saml;
    this.pool = new Piscina<Task, unknown>({
      filename: workerFile.href,
      minThreads: 0,
      maxThreads: config.saml.workers,
      idleTimeout: IDLE_MS,
      niceIncrement: NICE,
    });
    // A thread that dies with nothing to do; unheard, it would take the process along.
    this.pool.on('error', (error: Error) => this.logger.error(`A SAML worker died: ${error.message}`));
  }

  verifyResponse(job: ResponseJob): Promise<Verified<ResponseFacts>> {
    return this.run({ kind: 'response', job });
  }

  verifyLogout(job: LogoutJob): Promise<Verified<LogoutFacts>> {
    return this.run({ kind: 'logout', job });
  }

  peek(message: Parameters<SamlVerifier['peek']>[0]): Promise<Verified<MessageHint>> {
    return this.run({ kind: 'peek', message });
  }

  readMetadata(xml: string): Promise<Verified<readonly IdpDescription[]>> {
    return this.run({ kind: 'metadata', xml });
  }

  /** How many there are at the moment. */
  get threads(): number {
    return this.pool.threads.length;
  }

  /** Does not wait for work that is under way: nobody is left to have the answer. */
  async onModuleDestroy(): Promise<void> {
    await this.pool.destroy();
  }

  private async run<Facts>(task: Task): Promise<Verified<Facts>> {
    const { verificationTimeoutMs } = this.settings;
    // Not AbortSignal.timeout: that would hold the message until the time is over, however soon the answer came.
    const deadline = new AbortController();
    const { signal } = deadline;
    const timer = setTimeout(() => deadline.abort(), verificationTimeoutMs);
    try {
      return await this.inTurn<Facts>(task, signal);
    } catch (error) {
      if (!signal.aborted || error instanceof VerifierBusy) throw error;
      throw new VerifierBusy(`verification took longer than ${verificationTimeoutMs} ms`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  private async inTurn<Facts>(task: Task, signal: AbortSignal): Promise<Verified<Facts>> {
    await this.takeTurn(signal);
    try {
      return (await this.pool.run(task, { signal })) as Verified<Facts>;
    } finally {
      this.passTurn();
    }
  }

  private takeTurn(signal: AbortSignal): Promise<void> | undefined {
    const { workers, queueLimit, verificationTimeoutMs } = this.settings;
    if (this.running < workers) {
      this.running++;
      return undefined;
    }
    if (this.waiting.length >= queueLimit)
      throw new VerifierBusy(`all ${workers} workers are busy and the queue is full`);
    return new Promise((resolve, reject) => {
      const begin = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        this.waiting.splice(this.waiting.indexOf(begin), 1);
        reject(new VerifierBusy(`no worker was free within ${verificationTimeoutMs} ms`));
      };
      signal.addEventListener('abort', giveUp);
      this.waiting.push(begin);
    });
  }

  /** To the one that waits longest: the count of those that run stays as it is. */
  private passTurn(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.running--;
    else next();
  }
}
