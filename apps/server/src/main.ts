import 'reflect-metadata';
import { ConfigurationError, loadConfigFromProcess, type GatehouseConfig } from '@app/config';
import { SetupLink } from '@app/directory';
import { MissingMasterKeys } from '@app/keys';
import { ProviderRegistry } from '@app/oauth-providers';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from './create-app.js';
import { openInternalListener } from './internal-listener.js';
import { endOnSignals, openLog } from '@app/operations';
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

/** D43: for the eyes at the terminal alone, so never where the output is a log. */
async function offerSetupLink(app: NestFastifyApplication): Promise<void> {
  if (!process.stdout.isTTY) return;
  const url = await app.get(SetupLink).make();
  if (url !== undefined)
    process.stdout.write(
      `  Nobody administers this Gatehouse. Become its administrator within 15 minutes:\n    ${url}\n\n`,
    );
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
    await offerSetupLink(app);
  } catch (error) {
    log.logger.fatal({ err: error }, 'The server could not start');
    log.flush();
    await Promise.allSettled([closeServer(), testIdp.stop()]);
    process.exit(error instanceof MissingMasterKeys ? EXIT_CONFIGURATION : 1);
  }
}

await serve(readConfiguration());
