import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { ConfigurationError, loadConfigFromProcess, type GatehouseConfig } from '@app/config';
import { MissingMasterKeys } from '@app/keys';
import { endOnSignals, NestLog, openLog } from '@app/operations';
import { openWorkerListener } from './worker-listener.js';
import { WorkerModule } from './worker.module.js';

/** sysexits.h EX_CONFIG: a supervisor that knows it does not restart in a loop what only an operator can repair. */
const EXIT_CONFIGURATION = 78;

const EMBEDDED = `A worker needs DATABASE_URL: the embedded Postgres of development belongs to the one server that
started it, and that server does the scheduled work itself.
`;

function refuse(message: string): never {
  process.stderr.write(message);
  process.exit(EXIT_CONFIGURATION);
}

/** The servers' configuration, but that `vault.schedule` is about them: a worker is there for nothing else. */
function readConfiguration(): GatehouseConfig {
  try {
    const config = loadConfigFromProcess();
    if (config.databaseUrl === undefined) refuse(EMBEDDED);
    return { ...config, vault: { ...config.vault, schedule: true } };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return refuse(`${error.message}\n`);
  }
}

async function work(config: GatehouseConfig): Promise<void> {
  const log = openLog(config);
  process.on('exit', () => log.flush());
  let close: () => Promise<unknown> = () => Promise.resolve();
  endOnSignals({
    close: async () => void (await close()),
    report: (level, message, error) => log.logger[level](error === undefined ? {} : { err: error }, message),
  });
  try {
    const context = await NestFactory.createApplicationContext(WorkerModule.with(config), {
      abortOnError: false,
      logger: new NestLog(log.logger),
    });
    close = () => context.close();
    const closeListener = await openWorkerListener(context, config);
    // The listener last: until the refreshes under way have ended the process lives, and says so.
    close = () => context.close().finally(closeListener);
    log.logger.info({ host: config.workerHost, port: config.workerPort }, 'worker ready');
  } catch (error) {
    log.logger.fatal({ err: error }, 'The worker could not start');
    log.flush();
    await Promise.allSettled([close()]);
    process.exit(error instanceof MissingMasterKeys ? EXIT_CONFIGURATION : 1);
  }
}

await work(readConfiguration());
