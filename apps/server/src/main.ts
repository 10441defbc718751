import 'reflect-metadata';
import { ConfigurationError, loadConfigFromProcess, type GatehouseConfig } from '@app/config';
import { ProviderRegistry } from '@app/oauth-providers';
import { createApp } from './create-app.js';
import { openInternalListener } from './internal-listener.js';
import { openLog } from './logging/log.js';
import { endOnSignals } from './process-lifetime.js';
import { TestIdpProcess } from './test-idp-process.js';
import { welcome } from './welcome.js';

/** sysexits.h EX_CONFIG: a supervisor that knows it does not restart in a loop what only an operator can repair. */
const EXIT_CONFIGURATION = 78;

function readConfiguration(): GatehouseConfig {
  try {
    return loadConfigFromProcess();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_CONFIGURATION);
  }
}

async function serve(config: GatehouseConfig): Promise<void> {
  const log = openLog(config);
  process.on('exit', () => log.flush());
  const testIdp = new TestIdpProcess(config);
  let closeServer: () => Promise<unknown> = () => Promise.resolve();
  endOnSignals({
    close: async () => {
      await Promise.all([closeServer(), testIdp.stop()]);
    },
    report: (level, message, error) => log.logger[level](error === undefined ? {} : { err: error }, message),
  });
  try {
    const [app, issuer] = await Promise.all([createApp(config, { log }), testIdp.start()]);
    closeServer = () => app.close();
    // We may have looked for the development provider before it was there.
    if (issuer !== undefined) app.get(ProviderRegistry).retryFailed();
    await app.listen(config.port, config.host);
    if (config.internalPort !== undefined) {
      const internal = await openInternalListener(app.getHttpAdapter().getInstance(), config.internalPort);
      closeServer = () => Promise.all([app.close(), new Promise((resolve) => internal.close(resolve))]);
    }
    if (config.production) log.logger.info({ publicUrl: config.publicUrl, port: config.port }, 'ready');
    else process.stdout.write(`\n${welcome(config, issuer)}\n`);
  } catch (error) {
    log.logger.fatal({ err: error }, 'The server could not start');
    log.flush();
    await Promise.allSettled([closeServer(), testIdp.stop()]);
    process.exit(1);
  }
}

await serve(readConfiguration());
