import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Logger } from '@nestjs/common';
import type { GatehouseConfig } from '@app/config';

/** How often a provider that died is started again before we leave it. */
const RESTARTS = 3;

const RELATIVE_MAIN = 'dist/apps/test-idp/apps/test-idp/src/main.js';

/** The built development provider: looked for upwards from here, because sources and dist lie at different depths. */
function findMain(): string | undefined {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const candidate = fileURLToPath(new URL(RELATIVE_MAIN, folder));
    if (existsSync(candidate)) return candidate;
    if (folder.pathname === new URL('..', folder).pathname) return undefined;
  }
}

interface Ready {
  readonly ready: true;
  readonly issuer: string;
}

function isReady(message: unknown): message is Ready {
  return typeof message === 'object' && message !== null && 'ready' in message && message.ready === true;
}

/**
 * The development identity provider as a child process (D22, D63): a stranger to us, as a real one would be. It ends
 * with us, however we end. That it cannot start is a warning and never a reason not to serve.
 */
export class TestIdpProcess {
  readonly #logger = new Logger('TestIdp');
  #child: ChildProcess | undefined;
  #restarts = 0;
  #stopping = false;

  constructor(private readonly config: Pick<GatehouseConfig, 'testIdpPort' | 'publicUrl' | 'production' | 'dataDir'>) {}

  /** Resolves with its issuer once it answers, or with undefined when there is none to have. Never rejects. */
  async start(): Promise<string | undefined> {
    const { testIdpPort, production } = this.config;
    if (testIdpPort === undefined || production) return undefined;
    const main = findMain();
    if (main === undefined) {
      this.#logger.warn(`The development identity provider is not built (${RELATIVE_MAIN}): run npm run build`);
      return undefined;
    }
    return this.#fork(main, testIdpPort);
  }

  /** Ends the child and waits for it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    await gone;
  }

  async #fork(main: string, port: number): Promise<string | undefined> {
    const child = fork(main, [], {
      env: {
        PATH: process.env['PATH'],
        TEST_IDP_PORT: String(port),
        GATEHOUSE_PUBLIC_URL: this.config.publicUrl,
        TEST_IDP_DATA_DIR: join(this.config.dataDir, 'test-idp'),
      },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    let complaint = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint = `${complaint}${chunk.toString()}`.slice(-2000);
    });
    const issuer = await new Promise<string | undefined>((resolve) => {
      child.on('message', (message) => {
        if (isReady(message)) resolve(message.issuer);
      });
      // Not `exit`: what it says about its end may still be on the way then.
      child.once('close', () => resolve(undefined));
      child.once('error', () => resolve(undefined));
    });
    if (issuer === undefined) {
      this.#logger.warn(
        `The development identity provider did not start; sign-ins with it will fail. ${complaint.trim()}`,
      );
      return undefined;
    }
    child.once('close', (code) => this.#ended(main, port, code, complaint));
    return issuer;
  }

  #ended(main: string, port: number, code: number | null, complaint: string): void {
    if (this.#stopping) return;
    this.#restarts += 1;
    if (this.#restarts > RESTARTS) {
      this.#logger.warn(`The development identity provider ended ${this.#restarts} times; it is left alone now`);
      return;
    }
    this.#logger.warn(`The development identity provider ended with ${code}; starting it again. ${complaint.trim()}`);
    void this.#fork(main, port);
  }
}
